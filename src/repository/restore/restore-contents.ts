import { isConvoyError } from '../../errors.js'
import type { DirectoryHandle } from '../../host/directory-handle.js'
import { makeDirectoryAt } from '../../host/posix-making.js'
import type { Extent } from '../format/entry-body.js'
import type { ManifestEntry } from '../format/manifest-entry.js'
import type { RepositoryIndex } from '../repository-index.js'
import type { RestoreDirectories } from './restore-directories.js'
import type { RestoredFile, RestoredFiles } from './restored-files.js'
import { refusalOf } from './restore-finish.js'
import { type BlobUse, RestorePlan } from './restore-plan.js'
import type { RestoreReading } from './restore-reading.js'
import { refusalError } from './restore-refusals.js'
import type { RestoreReport } from './restore-report.js'
import { nameOf, parentPath } from '../format/tree-path.js'

export interface RestoreContentsDeps {
  readonly index: RepositoryIndex
  readonly extentsOf: (entry: ManifestEntry) => AsyncIterable<Extent>
  readonly directories: RestoreDirectories
  readonly files: RestoredFiles
  readonly reading: RestoreReading
  readonly report: RestoreReport
}

/** Descriptors of directories and large files that one plan may keep open. */
const mostOpen = 400

/**
 * Makes the directories and files of a tree, with what is in them, and nothing else. Files are put together of whatever the packs
 * hold, so that they become whole in any order; one that cannot become whole is not left there.
 */
export class RestoreContents {
  readonly #deps: RestoreContentsDeps
  #plan: RestorePlan
  #opened = 0
  #lastDirectory: DirectoryHandle | undefined

  constructor(deps: RestoreContentsDeps) {
    this.#deps = deps
    this.#plan = new RestorePlan(deps.index)
  }

  /**
   * The next entry, in the order of the manifest. Returns a promise when there is something to wait for before the one after it. It
   * is there once {@link finish} has resolved.
   */
  add(entry: ManifestEntry): Promise<void> | undefined {
    const parent = parentPath(entry.path)
    if (parent === undefined) return undefined
    if (entry.type === 'd') this.#makeDirectory(entry, parent)
    return entry.type === 'f' ? this.#addFile(entry, this.#enter(parent)) : undefined
  }

  async finish(): Promise<void> {
    await this.#carryOut()
    await this.#deps.reading.finish()
  }

  #addFile(entry: ManifestEntry, directory: DirectoryHandle): Promise<void> | undefined {
    const { files } = this.#deps
    this.#countOpened(directory)
    const { body } = entry
    if (body.form !== 'bundled') return this.#addLarge(entry, directory)
    const file = files.begin(entry, directory)
    this.#use(body.chunk, { kind: 'file', file })
    files.settle(file)
    return this.#isFull ? this.#carryOut() : undefined
  }

  /** Or an empty one, which has no parts. */
  async #addLarge(entry: ManifestEntry, directory: DirectoryHandle): Promise<void> {
    const { files, extentsOf } = this.#deps
    this.#opened += 1
    const file = files.beginInParts(entry, directory)
    if (entry.sizeBytes > 0) await this.#addParts(file, extentsOf(entry))
    files.settle(file)
    if (this.#isFull) await this.#carryOut()
  }

  async #addParts(file: RestoredFile, extents: AsyncIterable<Extent>): Promise<void> {
    let position = 0
    try {
      for await (const { id, lengthBytes: length } of extents) {
        if (id !== undefined) this.#use(id, { kind: 'part', file, position, length })
        position += length
        if (this.#isFull) await this.#carryOut()
      }
    } catch (thrown) {
      if (!isConvoyError(thrown, 'damaged')) throw thrown
      file.damage ??= thrown.message
    }
  }

  get #isFull(): boolean {
    return this.#plan.isFull || this.#opened >= mostOpen
  }

  #use(id: Buffer, use: BlobUse): void {
    if (this.#plan.add(id, use)) use.file.pending += 1
    else use.file.damage ??= `no pack holds its chunk ${id.toString('hex')}`
  }

  async #carryOut(): Promise<void> {
    const stretches = this.#plan.stretches()
    this.#plan = new RestorePlan(this.#deps.index)
    this.#opened = 0
    this.#lastDirectory = undefined
    await this.#deps.reading.begin(stretches)
  }

  #makeDirectory({ path }: ManifestEntry, parent: Buffer): void {
    try {
      makeDirectoryAt(this.#enter(parent).fd, nameOf(path), 0o700)
      this.#deps.report.directories += 1
    } catch (thrown) {
      throw refusalError(path, refusalOf(thrown), thrown)
    }
  }

  #enter(path: Buffer): DirectoryHandle {
    return this.#deps.directories.enterOrMake(path, (made) =>
      this.#deps.report.add(made, 'damaged', 'what the manifest said of this directory is lost'),
    )
  }

  #countOpened(directory: DirectoryHandle): void {
    if (directory !== this.#lastDirectory) this.#opened += 1
    this.#lastDirectory = directory
  }
}
