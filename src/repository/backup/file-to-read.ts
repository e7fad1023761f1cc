import type { Xattr as PosixXattr } from '../../host/posix.js'
import { recordLinkCount } from '../../host/stat-record.js'
import type { BackupProblems } from './backup-problems.js'
import type { EntryBody, Xattr } from '../format/entry-body.js'
import type { EntryPlace } from './entry-queue.js'
import { ManifestEntry } from '../format/manifest-entry.js'
import type { WalkedFile } from './tree-walk.js'
import { readXattrs } from './read-xattrs.js'

/** What was read of a file. */
export interface FileContent {
  /** The stat block that belongs to it. */
  readonly stat: Buffer
  readonly body: EntryBody
  readonly xattrs: readonly Xattr[]
  /** Somebody wrote to it meanwhile. */
  readonly isChanged: boolean
}

export interface FileToReadDeps {
  readonly place: EntryPlace
  readonly problems: BackupProblems
  /** Files with several names of which none will be there. */
  readonly lostFirstNames: Set<string>
}

/** A regular file whose content has to be read. It ends in one of three ways, and keeps its directory open until then. */
export class FileToRead {
  readonly walked: WalkedFile
  /** As the parent backup has it. */
  readonly parent: ManifestEntry | undefined
  readonly #deps: FileToReadDeps
  #isOver = false

  constructor(walked: WalkedFile, parent: ManifestEntry | undefined, deps: FileToReadDeps) {
    this.walked = walked
    this.parent = parent
    this.#deps = deps
    walked.directory.retain()
  }

  /** What its extended attributes are; none, and a problem, when they cannot be read. */
  xattrs(read: () => readonly PosixXattr[] | undefined): readonly Xattr[] {
    return readXattrs(read, (thrown) => this.#deps.problems.addFailure(this.walked.path, thrown))
  }

  finish({ stat, body, xattrs, isChanged }: FileContent): void {
    const { path } = this.walked
    try {
      this.#deps.place.fill(ManifestEntry.of({ path, type: 'f', stat, body, xattrs }))
    } catch (thrown) {
      this.fail(thrown)
      return
    }
    if (isChanged) this.#deps.problems.addChanged(path)
    this.#end()
  }

  /** It cannot be read, or is more than a manifest can hold. */
  fail(thrown: unknown): void {
    this.#deps.problems.addFailure(this.walked.path, thrown)
    if (recordLinkCount(this.walked.record) > 1) this.#deps.lostFirstNames.add(this.walked.path.toString('latin1'))
    this.abandon()
  }

  /** The whole backup ends. */
  abandon(): void {
    if (this.#isOver) return
    this.#deps.place.drop()
    this.#end()
  }

  #end(): void {
    this.#isOver = true
    this.walked.directory.release()
  }
}
