import { codeOf, ConvoyError } from '../../errors.js'
import { type BackupProblem, mostListedProblems } from '../format/backup-record.js'
import { showPath } from '../format/tree-path.js'

/** Of a path that is shown. */
const mostCharacters = 4096

/** What could not be backed up as it was: the first thousand, and how many there are. */
export class BackupProblems {
  readonly list: BackupProblem[] = []
  #count = 0
  #isComplete = true

  get count(): number {
    return this.#count
  }

  /** Whether everything is in the backup but what is on other file systems. */
  get isComplete(): boolean {
    return this.#isComplete
  }

  /** Another file system is mounted on that directory. */
  addMount(path: Buffer): void {
    this.#add(path, 'mount-point', 'another file system is mounted there, which is no part of this backup')
  }

  /** It was read while somebody wrote to it. */
  addChanged(path: Buffer): void {
    this.#isComplete = false
    this.#add(path, 'changed', 'it changed while it was read; the backup has what was read')
  }

  /** `thrown` is as Node throws what the system says, or ConvoyError for what a manifest cannot hold. */
  addFailure(path: Buffer, thrown: unknown): void {
    this.#isComplete = false
    if (thrown instanceof ConvoyError) {
      this.#add(path, 'unsupported', `it cannot be in a backup: ${thrown.message}`)
      return
    }
    const code = codeOf(thrown) || 'EIO'
    this.#add(path, code, messages.get(code) ?? `the system refused to read it: ${code}`)
  }

  #add(path: Buffer, code: string, message: string): void {
    this.#count += 1
    if (this.list.length < mostListedProblems)
      this.list.push({ path: showPath(path).slice(0, mostCharacters), code, message })
  }
}

const messages: ReadonlyMap<string, string> = new Map([
  ['EACCES', 'there is no permission to read it'],
  ['EPERM', 'there is no permission to read it'],
  ['ENOENT', 'it was removed meanwhile'],
  ['ENOTDIR', 'something else took its place meanwhile'],
  ['ELOOP', 'something else took its place meanwhile'],
  ['ESTALE', 'something else took its place meanwhile'],
  ['EIO', 'the disk failed to read it'],
])
