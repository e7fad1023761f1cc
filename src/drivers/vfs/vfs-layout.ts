import { join } from 'node:path'
import type { VolumeName } from '../../model/volume-name.js'
import { ConvoyError } from '../../errors.js'
import type { VolumeHandle } from '../../model/volume.js'
import { isVolumeId, type Sidecar } from './sidecar.js'
import { directoryOf, isTrashed } from './vfs-volume.js'

/** Where everything lies below the driver's root. No volume can be called `.convoy`: names begin with a letter or digit. */
export class VfsLayout {
  readonly #root: { readonly path: string }

  constructor(root: { readonly path: string }) {
    this.#root = root
  }

  get internal(): string {
    return join(this.#root.path, '.convoy')
  }

  get volumes(): string {
    return join(this.internal, 'volumes')
  }

  get trash(): string {
    return join(this.internal, 'trash')
  }

  /** Set aside for the sidecar of a volume that goes, or comes back, while the disk is full. */
  get spare(): string {
    return join(this.internal, 'spare')
  }

  data(directory: VolumeName): string {
    return join(this.#root.path, directory)
  }

  sidecar(name: VolumeName): string {
    return join(this.volumes, `${name}.json`)
  }

  trashedData(id: string): string {
    return join(this.trash, parseId(id))
  }

  trashedSidecar(id: string): string {
    return join(this.trash, `${parseId(id)}.json`)
  }

  /** Where the data of that volume is now. */
  currentData(volume: VolumeHandle): string {
    return isTrashed(volume) ? this.trashedData(volume.id) : this.data(directoryOf(volume))
  }

  /** All places of one volume. */
  pathsOf({ name, id, directory }: Pick<Sidecar, 'name' | 'id' | 'directory'>) {
    return {
      data: this.data(directory),
      sidecar: this.sidecar(name),
      trashedData: this.trashedData(id),
      trashedSidecar: this.trashedSidecar(id),
    }
  }

  /** Whether a sidecar with that content belongs at `path`: a copy under another name is not a volume. */
  isSidecarOf(path: string, sidecar: Sidecar): boolean {
    const right = sidecar.state === 'trashed' ? this.trashedSidecar(sidecar.id) : this.sidecar(sidecar.name)
    return path === right
  }
}

/** Ids come back from files and jobs; what becomes part of a path is parsed again. */
function parseId(id: string): string {
  if (isVolumeId(id)) return id
  throw new ConvoyError('invalid-argument', `${JSON.stringify(id)} is not a volume id`)
}
