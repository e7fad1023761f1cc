import type { DirectoryHandle } from '../../host/directory-handle.js'
import {
  type FinishOptions,
  linkAt,
  makeNodeAt,
  setModeAt,
  setOwnerAt,
  setTimesAt,
  setXattrAt,
  symlinkAt,
} from '../../host/posix-making.js'
import type { ManifestEntry } from '../format/manifest-entry.js'
import type { RestoreDirectories } from './restore-directories.js'
import { finishOpen, type Refusal, refusalOf, refusalsOf, setXattrs } from './restore-finish.js'
import { refusalError } from './restore-refusals.js'
import type { RestoreReport } from './restore-report.js'
import { statGid, statMode, statMtimeNs, statMtimeSec, statUid } from '../format/stat-block.js'
import { isWithin, nameOf, parentPath, rootPath, showPath } from '../format/tree-path.js'

export interface RestoreOthersDeps {
  readonly directories: RestoreDirectories
  /** For the first names of hard links, which lie anywhere. */
  readonly firstNames: RestoreDirectories
  readonly options: FinishOptions
  readonly makesDevices: boolean
  readonly report: RestoreReport
}

/**
 * Everything else of a tree, once its files are there: links, devices, FIFOs and sockets, and then, from the bottom up, what directories
 * have besides their content. So no content was ever written while there was a link that could lead elsewhere.
 */
export class RestoreOthers {
  readonly #deps: RestoreOthersDeps
  /** On the way to where it is. */
  readonly #open: ManifestEntry[] = []

  constructor(deps: RestoreOthersDeps) {
    this.#deps = deps
  }

  /** The next entry, in the order of the manifest. Throws ConvoyError `unavailable` when the system refuses to make it. */
  add(entry: ManifestEntry): void {
    this.#finishDirectories(entry.path)
    if (entry.type === 'd') this.#open.push(entry)
    if (entry.type === 'd' || entry.type === 'f') return
    if (entry.body.form === 'device' && !this.#deps.makesDevices) {
      this.#deps.report.add(entry.path, 'skipped', 'it is a device, which was not asked for')
      return
    }
    try {
      this.#make(entry, this.#deps.directories.enter(parentPath(entry.path) ?? rootPath))
    } catch (thrown) {
      throw refusalError(entry.path, refusalOf(thrown), thrown)
    }
  }

  finish(): void {
    this.#finishDirectories(undefined)
  }

  #make(entry: ManifestEntry, directory: DirectoryHandle): void {
    const { body } = entry
    const name = nameOf(entry.path)
    if (body.form === 'hard-link') {
      if (!this.#link(entry, body.first, directory)) return
    } else if (body.form === 'symlink') {
      symlinkAt(body.target, directory.fd, name)
      this.#finishNamed(entry, directory, [])
    } else {
      const { major, minor } = body.form === 'device' ? body : { major: 0, minor: 0 }
      makeNodeAt(directory.fd, name, statMode(entry.stat) & ~0o7077, { major, minor })
      const mode = statMode(entry.stat) & this.#deps.options.modeMask
      this.#finishNamed(entry, directory, [() => setModeAt(directory.fd, name, mode)])
    }
    this.#deps.report.others += 1
  }

  /** False when there is nothing that it could lead to. */
  #link(entry: ManifestEntry, first: Buffer, directory: DirectoryHandle): boolean {
    try {
      const { fd } = this.#deps.firstNames.enter(parentPath(first) ?? rootPath)
      linkAt(fd, nameOf(first), directory.fd, nameOf(entry.path))
      return true
    } catch (thrown) {
      const { reason } = refusalOf(thrown)
      if (reason !== 'ENOENT' && reason !== 'ENOTDIR' && reason !== 'ELOOP') throw thrown
      this.#deps.report.add(
        entry.path,
        'damaged',
        `${JSON.stringify(showPath(first))}, which it is a hard link to, was not restored`,
      )
      return false
    }
  }

  /** A change of owner takes setuid and capabilities away, so it comes first. */
  #finishNamed({ path, stat, xattrs }: ManifestEntry, { fd }: DirectoryHandle, setMode: readonly (() => void)[]): void {
    const name = nameOf(path)
    const setOwner = this.#deps.options.withOwner ? [() => setOwnerAt(fd, name, statUid(stat), statGid(stat))] : []
    const setTimes = () => setTimesAt(fd, name, statMtimeSec(stat), statMtimeNs(stat))
    const refusals: readonly Refusal[] = [
      ...[...setOwner, ...setMode].flatMap(refusalsOf),
      ...setXattrs(xattrs, (attribute, value) => setXattrAt(fd, name, attribute, value)),
      ...refusalsOf(setTimes),
    ]
    this.#deps.report.addRefusals(path, refusals)
  }

  /** Those that have been left on the way to the path, or all. */
  #finishDirectories(path: Buffer | undefined): void {
    for (let last = this.#open.at(-1); last !== undefined; last = this.#open.at(-1)) {
      if (path !== undefined && isWithin(path, last.path)) return
      this.#open.pop()
      this.#finishDirectory(last)
    }
  }

  #finishDirectory({ path, stat, xattrs }: ManifestEntry): void {
    try {
      const { fd } = this.#deps.directories.enter(path)
      this.#deps.report.addRefusals(path, finishOpen(fd, stat, xattrs, this.#deps.options))
    } catch (thrown) {
      throw refusalError(path, refusalOf(thrown), thrown)
    }
  }
}
