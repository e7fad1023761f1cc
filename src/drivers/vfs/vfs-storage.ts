import { dirname, join } from 'node:path'
import type { FileOperation, FileResult } from '../../host/file-operations.js'
import type { FileProcess } from '../../host/file-process.js'
import { isConvoyError } from '../../errors.js'
import type { VolumeHandle } from '../../model/volume.js'
import type { VolumeName } from '../../model/volume-name.js'
import { formatSidecar, parseSidecar, type Sidecar } from './sidecar.js'
import { VfsLayout } from './vfs-layout.js'
import { directoryOf, missingDirectory, missingRoot } from './vfs-volume.js'

/** A file beside the volumes, and the sidecar in it if it is one. */
export interface SidecarFile {
  readonly path: string
  readonly sidecar: Sidecar | undefined
}

/** The driver's root as files: sidecars, data directories, and the moves between them. */
export class VfsStorage {
  readonly layout: VfsLayout
  readonly #root: string
  readonly #hostId: string
  readonly #files: FileProcess
  #prepared: Promise<unknown> | undefined

  constructor(root: string, hostId: string, files: FileProcess) {
    this.layout = new VfsLayout(root)
    this.#root = root
    this.#hostId = hostId
    this.#files = files
  }

  run(...operations: readonly FileOperation[]): Promise<readonly (FileResult | undefined)[]> {
    return this.#files.run(operations)
  }

  /** The sidecars of live and forgotten volumes, or of trashed ones, and what else lies there as `.json`. */
  async list(which: 'volumes' | 'trash'): Promise<readonly SidecarFile[]> {
    const directory = which === 'volumes' ? this.layout.volumes : this.layout.trash
    const files = await this.readAll(directory)
    return files.map(([name, text]) => {
      const path = join(directory, name)
      const sidecar = parseSidecar(text)
      return { path, sidecar: sidecar !== undefined && this.layout.isSidecarOf(path, sidecar) ? sidecar : undefined }
    })
  }

  /** Name and text of the `.json` files of a directory. */
  async readAll(path: string): Promise<readonly (readonly [name: string, text: string])[]> {
    const [files] = await this.run({ op: 'read-all', path, suffix: '.json' })
    return files instanceof Array ? files : []
  }

  /** The operation that writes a sidecar where it belongs. */
  write(sidecar: Sidecar): FileOperation {
    const { trashedSidecar, sidecar: liveSidecar } = this.layout.pathsOf(sidecar)
    const next = { ...sidecar, host: this.#hostId, generation: sidecar.generation + 1 }
    return {
      op: 'write',
      path: sidecar.state === 'trashed' ? trashedSidecar : liveSidecar,
      text: formatSidecar(next),
    }
  }

  /** Removes a file and makes that durable. */
  async unlink(path: string): Promise<void> {
    await this.run({ op: 'unlink', path }, { op: 'sync', path: dirname(path) })
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

  /** Makes our own directories, once; a root that is read-only now may be writable later. */
  prepare(): Promise<unknown> {
    const { internal, volumes, trash } = this.layout
    this.#prepared ??= this.run(
      { op: 'mkdir', path: internal, mode: 0o700 },
      { op: 'mkdir', path: volumes, mode: 0o700 },
      { op: 'mkdir', path: trash, mode: 0o700 },
      { op: 'sync', path: internal },
      { op: 'sync', path: this.#root },
    ).catch((thrown: unknown) => {
      this.#prepared = undefined
      throw isConvoyError(thrown, 'not-found') ? missingRoot(this.#root, thrown) : thrown
    })
    return this.#prepared
  }

  /** Whether another volume's data is in this directory of the root. */
  async isTaken(directory: VolumeName): Promise<boolean> {
    const files = await this.list('volumes')
    return files.some(({ sidecar }) => sidecar?.directory === directory)
  }
}
