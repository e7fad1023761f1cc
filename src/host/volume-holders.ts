import { optional } from '../model/optional.js'
import type { VolumePlace } from '../model/volume.js'
import { EventLoopTurn } from './event-loop-turn.js'
import type { HolderTarget, MountHolder, MountHolders } from './mount-holders.js'
import {
  findCovering,
  findMount,
  isCopyOf,
  isNfs,
  locate,
  type MountEntry,
  readMountTable,
  withParent,
} from './mount-table.js'

const turnMs = 2

/** Who has volumes mounted, by the kernel and not by anybody's count. */
export interface VolumeHolders {
  /**
   * For each place, every mount of what is there, in every namespace, but for our own mount at the path itself, and the copies of it that
   * the kernel made in other namespaces and takes away with it. One look at all processes answers for all places.
   */
  ofEach(places: readonly VolumePlace[]): Promise<readonly (readonly MountHolder[])[]>
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

  async ofEach(places: readonly VolumePlace[]): Promise<readonly (readonly MountHolder[])[]> {
    const entries = await readMountTable()
    const turn = new EventLoopTurn(turnMs)
    const targets: HolderTarget[] = []
    for (const place of places) {
      if (turn.isOver) await turn.next()
      targets.push(targetAt(entries, place))
    }
    const found = await this.#holders.findEach(targets)
    return found.map((holders, index) =>
      targets[index]?.kind === 'filesystem' ? withoutOwn(holders, entries, places[index]?.path ?? '') : holders,
    )
  }

  commandOf(pid: number): string | undefined {
    return this.#holders.commandOf(pid)
  }

  seesEveryNamespace(): boolean {
    return this.#holders.seesEveryNamespace()
  }
}

/** Processes share our namespace's mount of a file system; that one is ours to unmount. */
function withoutOwn(
  holders: readonly MountHolder[],
  entries: readonly MountEntry[],
  path: string,
): readonly MountHolder[] {
  const mount = findMount(entries, path)
  const own = mount === undefined ? undefined : withParent(mount, entries)
  return holders.filter(({ isOwnNamespace, mountpoint, propagated }) => {
    if (isOwnNamespace) return mountpoint !== path
    return own === undefined || propagated === undefined || !isCopyOf(propagated, own)
  })
}

function targetAt(entries: readonly MountEntry[], { path, source, servers }: VolumePlace): HolderTarget {
  if (source !== undefined) return { kind: 'remote', source, ...optional('servers', servers) }
  const mount = findMount(entries, path)
  if (mount !== undefined) return { kind: 'filesystem', device: mount.device }
  // The kernel shows every directory of NFS as the root of its file system, and only the source tells them apart.
  const covering = findCovering(entries, path)
  if (covering === undefined || !isNfs(covering)) return { kind: 'directory', ...locate(entries, path) }
  return { kind: 'remote', source: sourceBelow(covering.source, path.slice(covering.mountpoint.length + 1)) }
}

/** What the kernel calls that directory of an export: `server:/export/directory`. */
export function sourceBelow(source: string, relativePath: string): string {
  return `${source.replace(/\/$/, '')}/${relativePath}`
}
