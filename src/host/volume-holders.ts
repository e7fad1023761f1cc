import { EventLoopTurn } from './event-loop-turn.js'
import type { HolderTarget, MountHolder, MountHolders } from './mount-holders.js'
import { findMount, locate, type MountEntry, readMountTable } from './mount-table.js'

const turnMs = 2

/** Who has volumes mounted, by the kernel and not by anybody's count. */
export interface VolumeHolders {
  /**
   * For each path, every mount of what is there, in every namespace, but for our own mount at the path itself. One look at all
   * processes answers for all paths.
   */
  ofEach(paths: readonly string[]): Promise<readonly (readonly MountHolder[])[]>
  /** What the process calls itself; undefined when it has gone. */
  commandOf(pid: number): string | undefined
  /** False in a container of our own: then an empty answer proves nothing. */
  seesEveryNamespace(): boolean
}

/** Asks `/proc/<pid>/mountinfo`. */
export class KernelVolumeHolders implements VolumeHolders {
  readonly #holders: MountHolders

  constructor(holders: MountHolders) {
    this.#holders = holders
  }

  async ofEach(paths: readonly string[]): Promise<readonly (readonly MountHolder[])[]> {
    const entries = await readMountTable()
    const turn = new EventLoopTurn(turnMs)
    const targets: HolderTarget[] = []
    for (const path of paths) {
      if (turn.isOver) await turn.next()
      targets.push(targetAt(entries, path))
    }
    const found = await this.#holders.findEach(targets)
    // Processes share our namespace's mount of a file system; that one is ours to unmount.
    return found.map((holders, index) =>
      targets[index]?.kind === 'filesystem'
        ? holders.filter(({ isOwnNamespace, mountpoint }) => !(isOwnNamespace && mountpoint === paths[index]))
        : holders,
    )
  }

  commandOf(pid: number): string | undefined {
    return this.#holders.commandOf(pid)
  }

  seesEveryNamespace(): boolean {
    return this.#holders.seesEveryNamespace()
  }
}

function targetAt(entries: readonly MountEntry[], path: string): HolderTarget {
  const mount = findMount(entries, path)
  return mount === undefined
    ? { kind: 'directory', ...locate(entries, path) }
    : { kind: 'filesystem', device: mount.device }
}
