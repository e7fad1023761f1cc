import type { MountHolder, MountHolders } from './mount-holders.js'
import { findMount, locate, readMountTable } from './mount-table.js'

/** Who has a volume mounted, by the kernel and not by anybody's count. */
export interface VolumeHolders {
  /** Every mount of what is at `path`, in every namespace, but for our own mount at `path` itself. */
  of(path: string): Promise<readonly MountHolder[]>
  /** False in a container of our own: then an empty answer proves nothing. */
  seesEveryNamespace(): boolean
}

/** Asks `/proc/<pid>/mountinfo`. */
export class KernelVolumeHolders implements VolumeHolders {
  readonly #holders: MountHolders

  constructor(holders: MountHolders) {
    this.#holders = holders
  }

  async of(path: string): Promise<readonly MountHolder[]> {
    const entries = await readMountTable()
    const mount = findMount(entries, path)
    if (mount === undefined) return this.#holders.find({ kind: 'directory', ...locate(entries, path) })
    const found = await this.#holders.find({ kind: 'filesystem', device: mount.device })
    // Processes share our namespace's mount of it; that one is ours to unmount.
    return found.filter((holder) => !(holder.isOwnNamespace && holder.mountpoint === path))
  }

  seesEveryNamespace(): boolean {
    return this.#holders.seesEveryNamespace()
  }
}
