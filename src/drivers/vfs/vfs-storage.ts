import { dirname, join } from 'node:path'
import type { FileOperation, FileResult } from '../../host/file-operations.js'
import type { FileRunner } from '../../host/file-process.js'
import { isConvoyError } from '../../errors.js'
import type { Attributes, VolumeHandle } from '../../model/volume.js'
import type { VolumeName } from '../../model/volume-name.js'
import { formatSidecar, parseSidecar, type Sidecar } from './sidecar.js'
import { VfsLayout } from './vfs-layout.js'
import type { VfsRoot } from './vfs-root.js'
import {
  directoryOf,
  handleOf,
  missing,
  missingDirectory,
  missingRoot,
  readSidecar,
  type SidecarContext,
} from './vfs-volume.js'

/** Sidecars in one request: enough that the way to the child and back is nothing, few enough to cost no memory. */
const readTogether = 256

/** A file beside the volumes, and the sidecar in it if it is one. */
export interface SidecarFile {
  readonly path: string
  readonly text: string
  readonly sidecar: Sidecar | undefined
}

export interface VfsStorageDeps extends SidecarContext {
  readonly root: VfsRoot
  /** Of this place alone: what hangs here hangs nothing else. */
  readonly files: FileRunner
  readonly hostId: string
}

/** The driver's root as files: sidecars, data directories, and the moves between them. */
export class VfsStorage {
  readonly layout: VfsLayout
  readonly #deps: VfsStorageDeps
  readonly #root: VfsRoot
  #prepared: Promise<void> | undefined

  constructor(deps: VfsStorageDeps) {
    this.layout = new VfsLayout(deps.root)
    this.#deps = deps
    this.#root = deps.root
  }

  /** Attributes of a handle that say on which share this is. */
  get where(): Attributes {
    return this.#deps.where
  }

  handleOf(sidecar: Sidecar): VolumeHandle {
    return handleOf(sidecar, this.#deps)
  }

  async run(...operations: readonly FileOperation[]): Promise<readonly (FileResult | undefined)[]> {
    return this.#root.use(() => this.#deps.files.run(operations))
  }

  /** The sidecars of live and forgotten volumes, or of trashed ones, and what else lies there as `.json`. */
  async *list(which: 'volumes' | 'trash'): AsyncIterable<SidecarFile> {
    const directory = which === 'volumes' ? this.layout.volumes : this.layout.trash
    const paths = (await this.names(directory)).map((name) => join(directory, name))
    for (let start = 0; start < paths.length; start += readTogether) {
      const some = paths.slice(start, start + readTogether)
      const texts = await this.run(...some.map((path) => ({ op: 'read', path }) as const))
      for (const [index, path] of some.entries()) {
        const text = texts[index]
        // Removed since the directory was read.
        if (typeof text === 'string') yield { path, text, sidecar: this.#belonging(path, text) }
      }
    }
  }

  /** The names of the `.json` files of a directory. */
  async names(path: string): Promise<readonly string[]> {
    const [names] = await this.run({ op: 'list', path, suffix: '.json' })
    return names instanceof Array ? names : []
  }

  #belonging(path: string, text: string): Sidecar | undefined {
    const sidecar = parseSidecar(text)
    return sidecar !== undefined && this.layout.isSidecarOf(path, sidecar) ? sidecar : undefined
  }

  /** The operation that writes a sidecar where it belongs. */
  write(sidecar: Sidecar): Extract<FileOperation, { op: 'write' }> {
    const { trashedSidecar, sidecar: liveSidecar } = this.layout.pathsOf(sidecar)
    const next = { ...sidecar, host: this.#deps.hostId, generation: sidecar.generation + 1 }
    return {
      op: 'write',
      path: sidecar.state === 'trashed' ? trashedSidecar : liveSidecar,
      text: formatSidecar(next),
    }
  }

  /** Writes the sidecar of a volume that goes or comes back, also on a full disk: it is the way to free some. */
  rewrite(sidecar: Sidecar): readonly FileOperation[] {
    const { spare } = this.layout
    return [
      { ...this.write(sidecar), spare },
      { op: 'set-aside', path: spare },
    ]
  }

  /** The live sidecar of that volume. ConvoyError `not-found` when there is none with its id. */
  async sidecarOf(volume: VolumeHandle): Promise<Sidecar> {
    const path = this.layout.sidecar(volume.name)
    const [text] = await this.run({ op: 'read', path })
    const sidecar = readSidecar(text, path)
    if (sidecar?.id === volume.id) return sidecar
    await this.isThere(volume)
    return missing(volume)
  }

  /** Marks the volume as forgotten, in one go; false, and nothing done, when there is no live sidecar with its id. */
  async forget({ name, id }: VolumeHandle, retiredAt: string): Promise<boolean> {
    const { spare } = this.layout
    const state = 'forgotten'
    const change = { members: { state, retiredAt, host: this.#deps.hostId }, counter: 'generation' }
    const path = this.layout.sidecar(name)
    try {
      await this.run(
        { op: 'amend', path, expected: { version: 1, id }, unless: { state }, ...change, spare },
        { op: 'set-aside', path: spare },
      )
      return true
    } catch (thrown) {
      if (!isConvoyError(thrown, 'not-found')) throw thrown
      return false
    }
  }

  /** Removes a file and makes that durable. */
  unlink(path: string): readonly FileOperation[] {
    return [
      { op: 'unlink', path },
      { op: 'sync', path: dirname(path) },
      { op: 'set-aside', path: this.layout.spare },
    ]
  }

  /** Moves data, unless an earlier call that a crash cut short has done so. */
  async moveOnce(from: string, to: string): Promise<void> {
    try {
      await this.run({ op: 'move', from, to })
    } catch (thrown) {
      const [source, target] = await this.run({ op: 'stat', path: from }, { op: 'stat', path: to })
      if (source !== null || target === null) throw thrown
    }
  }

  /**
   * Whether volumes were ever made here. ConvoyError `unavailable` when they were, by what the handle says, and our own directory
   * is missing: then so is the disk or share, and nothing can be said of the volume.
   */
  async isThere(volume: VolumeHandle): Promise<boolean> {
    const [internal] = await this.run({ op: 'stat', path: this.layout.internal })
    if (internal !== null) return true
    if (volume.attributes['directory'] === undefined) return false
    throw missingDirectory(volume, this.layout.data(directoryOf(volume)), false)
  }

  /** What failed because our own directory is missing failed because the disk or share is. */
  async reasonFor(thrown: unknown): Promise<unknown> {
    if (!isConvoyError(thrown, 'not-found')) return thrown
    const [internal] = await this.run({ op: 'stat', path: this.layout.internal })
    return internal === null ? missingRoot(this.#root.path, thrown) : thrown
  }

  /** Makes our own directories, once; a root that is read-only now may be writable later. */
  prepare(): Promise<void> {
    this.#prepared ??= this.#prepare().catch((thrown: unknown) => {
      this.#prepared = undefined
      throw isConvoyError(thrown, 'not-found') ? missingRoot(this.#root.path, thrown) : thrown
    })
    return this.#prepared
  }

  async #prepare(): Promise<void> {
    await this.#root.find()
    const { internal, volumes, trash, spare } = this.layout
    await this.run(
      { op: 'mkdir', path: internal, mode: 0o700 },
      { op: 'mkdir', path: volumes, mode: 0o700 },
      { op: 'mkdir', path: trash, mode: 0o700 },
      { op: 'set-aside', path: spare },
      { op: 'sync', path: internal },
      { op: 'sync', path: this.#root.path },
    )
  }

  /** Whether there is any volume, also in the trash. */
  async holdsAny(): Promise<boolean> {
    const names = await Promise.all([this.layout.volumes, this.layout.trash].map((path) => this.names(path)))
    return names.flat().length > 0
  }

  /** Whether another volume's data is in this directory of the root. */
  async isTaken(directory: VolumeName): Promise<boolean> {
    for await (const { path, sidecar } of this.list('volumes')) {
      // Of a sidecar that cannot be read only the name of the volume is known.
      if (sidecar === undefined ? path === this.layout.sidecar(directory) : sidecar.directory === directory) return true
    }
    return false
  }
}
