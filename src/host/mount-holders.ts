import { closeSync, openSync, readFileSync, readSync, readdirSync, readlinkSync, statSync } from 'node:fs'
import { StringDecoder } from 'node:string_decoder'
import { ConvoyError } from '../errors.js'
import { EventLoopTurn } from './event-loop-turn.js'
import { optional } from '../model/optional.js'
import { isBelow, isNfs, parseMountTable, type MountEntry, type MountOnParent, withParent } from './mount-table.js'

/**
 * What may be held: a whole file system, or one directory of it (`root` is its path inside the file system), or a directory of
 * an NFS server (`server:/export/directory`), which the kernel shows as the source of what is mounted of it. `servers`: names and
 * addresses that the same server may have there; another with such an address and the same path counts too, to be safe.
 */
export type HolderTarget =
  | { readonly kind: 'filesystem'; readonly device: string }
  | { readonly kind: 'directory'; readonly device: string; readonly root: string }
  | { readonly kind: 'remote'; readonly source: string; readonly servers?: RegExp }

/** One mount, in one mount namespace, that keeps the target in use. */
export interface MountHolder {
  /** Of the first process found that sees this mount. */
  readonly pid: number
  /** As the kernel writes it: `mnt:[4026531841]`. */
  readonly namespace: string
  /** As that process sees it. */
  readonly mountpoint: string
  readonly isOwnNamespace: boolean
  /** See {@link MountEntry.deleted}: the holder may keep a directory that had the target's path before. */
  readonly deleted: boolean
  /** Where the kernel may have made the mount by itself, as a copy of another. */
  readonly propagated?: MountOnParent
}

/** PROC_PID_INIT_INO of the kernel's include/linux/proc_ns.h. */
const initialPidNamespace = 'pid:[4026531836]'
const capSysPtrace = 19n
const turnMs = 2
/** Shared by all scans: what is read is decoded before the next read of any. */
const piece = Buffer.alloc(64 * 1024)

interface Search {
  readonly target: HolderTarget
  /** By namespace and mount. */
  readonly holders: Map<string, MountHolder>
}

interface View {
  readonly pid: number
  readonly namespace: string
  readonly isOwnNamespace: boolean
  readonly path: string
}

/**
 * Finds who mounts a volume, in every mount namespace. umount(8) on the host says nothing about that: it succeeds while a
 * container goes on writing. Mounts that no process sees (a namespace kept by a bind mount only) are not found.
 */
export class MountHolders {
  readonly #procRoot: string

  constructor(procRoot = '/proc') {
    this.#procRoot = procRoot
  }

  /**
   * The holders of each target, with one look at every process. Mounts in this process's own namespace count too, also the one
   * at the volume's mountpoint: the caller knows its own.
   */
  async findEach(targets: readonly HolderTarget[]): Promise<readonly (readonly MountHolder[])[]> {
    try {
      return await this.#scan(targets)
    } catch (cause) {
      // Not knowing is not "nobody holds it".
      throw new ConvoyError('unavailable', 'cannot find out who uses the volume: /proc is not readable', { cause })
    }
  }

  /**
   * Whether `find` can be complete: only the initial pid namespace shows every process, and only CAP_SYS_PTRACE shows the
   * namespaces of all of them.
   */
  seesEveryNamespace(): boolean {
    const status = unlessGone(() => readFileSync(`${this.#procRoot}/self/status`, 'latin1')) ?? ''
    const capabilities = BigInt(`0x${/^CapEff:\s*([0-9a-f]+)$/m.exec(status)?.[1] ?? '0'}`)
    const namespace = unlessGone(() => readlinkSync(`${this.#procRoot}/self/ns/pid`))
    return namespace === initialPidNamespace && ((capabilities >> capSysPtrace) & 1n) === 1n
  }

  /** The name that the process has at this moment, 15 bytes at most; undefined when it has gone. */
  commandOf(pid: number): string | undefined {
    return unlessGone(() => readFileSync(`${this.#procRoot}/${pid}/comm`, 'utf8'))?.trimEnd()
  }

  async #scan(targets: readonly HolderTarget[]): Promise<readonly (readonly MountHolder[])[]> {
    const turn = new EventLoopTurn(turnMs)
    const searches = targets.map((target): Search => ({ target, holders: new Map() }))
    const byMark = groupByMark(searches)
    const seen = new Set<string>()
    for (const views of this.#views()) {
      if (turn.isOver) await turn.next()
      for (const view of views) {
        const key = this.#keyOf(view)
        if (key === undefined || seen.has(key)) continue
        const entries = await readHolding(view, byMark, turn)
        if (entries === undefined) continue
        seen.add(key)
        for (const entry of entries) noteHolder(searchesFor(entry, byMark), view, entry, entries)
      }
    }
    return searches.map(({ holders }) => [...holders.values()])
  }

  /**
   * Ourselves, then the threads of each process that are in other namespaces: a single thread may have one of its own, as
   * dockerd's have during `docker cp`.
   */
  *#views(): Iterable<readonly View[]> {
    const own = this.#view('self', Number(readlinkSync(`${this.#procRoot}/self`)))
    if (own === undefined) throw new Error('no mount namespace of our own')
    yield [{ ...own, isOwnNamespace: true }]
    for (const pid of readdirSync(this.#procRoot)) {
      if (!/^\d/.test(pid)) continue
      const views = this.#threads(pid).flatMap((thread) => this.#view(`${pid}/task/${thread}`, Number(pid)) ?? [])
      yield views.filter((view) => view.namespace !== own.namespace)
    }
  }

  #threads(pid: string): readonly string[] {
    const path = `${this.#procRoot}/${pid}/task`
    // A directory per thread, and each is a link: this costs half of reading them, and most processes have one.
    const links = unlessGone(() => statSync(path).nlink)
    if (links === 3) return [pid]
    return links === undefined ? [] : (unlessGone(() => readdirSync(path)) ?? [])
  }

  #view(relativePath: string, pid: number): View | undefined {
    const path = `${this.#procRoot}/${relativePath}`
    const namespace = unlessGone(() => readlinkSync(`${path}/ns/mnt`))
    return namespace === undefined ? undefined : { pid, namespace, isOwnNamespace: false, path }
  }

  /** The table shows only what is below the process's root, so processes with other roots are read as well. */
  #keyOf({ namespace, path }: View): string | undefined {
    const root = unlessGone(() => readlinkSync(`${path}/root`))
    return root === undefined ? undefined : `${namespace} ${root}`
  }
}

/** What the line of each holder has: most tables have no such line, and need not be parsed. */
function groupByMark(searches: readonly Search[]): ReadonlyMap<string, readonly Search[]> {
  const groups = new Map<string, Search[]>()
  for (const search of searches) {
    const { target } = search
    const mark = target.kind === 'remote' ? nfsMark : deviceMark(target.device)
    const group = groups.get(mark)
    if (group === undefined) groups.set(mark, [search])
    else group.push(search)
  }
  return groups
}

const nfsMark = ' - nfs'
const deviceMark = (device: string) => ` ${device} `

function marksOf(entry: MountEntry): readonly string[] {
  return isNfs(entry) ? [deviceMark(entry.device), nfsMark] : [deviceMark(entry.device)]
}

/** The mark is the same. */
function isHolding(entry: MountEntry, target: HolderTarget): boolean {
  if (target.kind === 'remote') return isBelow(entry.source, target.source) || isServedAs(entry.source, target)
  return target.kind === 'filesystem' || isBelow(entry.root, target.root)
}

function isServedAs(shown: string, { source, servers }: Extract<HolderTarget, { kind: 'remote' }>): boolean {
  const [server, path] = splitSource(shown)
  return servers?.test(server) === true && isBelow(path, splitSource(source)[1])
}

/** An address may have colons; a path begins with a slash. */
function splitSource(source: string): readonly [server: string, path: string] {
  const end = source.indexOf(':/')
  return [source.slice(0, end), source.slice(end + 1)]
}

function searchesFor(entry: MountEntry, byMark: ReadonlyMap<string, readonly Search[]>): readonly Search[] {
  return marksOf(entry).flatMap((mark) => byMark.get(mark) ?? [])
}

/** Of a whole file system in another namespace: of a directory only bind mounts are asked for, which nobody makes by himself. */
function mayBeCopy({ target }: Search, { isOwnNamespace }: View, { peerGroup, masterGroup }: MountEntry): boolean {
  return target.kind === 'filesystem' && !isOwnNamespace && (peerGroup !== undefined || masterGroup !== undefined)
}

/** The mounts that may hold something, with those that they lie on where that matters. */
async function readHolding(
  view: View,
  byMark: ReadonlyMap<string, readonly Search[]>,
  turn: EventLoopTurn,
): Promise<readonly MountEntry[] | undefined> {
  const path = `${view.path}/mountinfo`
  const entries = await readEntries(path, [...byMark.keys()], turn)
  const isCut = entries?.some(
    (entry) =>
      searchesFor(entry, byMark).some((search) => mayBeCopy(search, view, entry)) &&
      withParent(entry, entries) === undefined,
  )
  return isCut === true ? readEntries(path, ['\n'], turn) : entries
}

function noteHolder(searches: readonly Search[], view: View, entry: MountEntry, entries: readonly MountEntry[]): void {
  const { pid, namespace, isOwnNamespace } = view
  const { mountId, mountpoint, deleted } = entry
  const id = `${namespace} ${mountId}`
  for (const search of searches) {
    const { target, holders } = search
    if (!isHolding(entry, target) || holders.has(id)) continue
    const propagated = mayBeCopy(search, view, entry) ? withParent(entry, entries) : undefined
    holders.set(id, { pid, namespace, mountpoint, isOwnNamespace, deleted, ...optional('propagated', propagated) })
  }
}

/** `undefined` when the process is gone. In pieces: a container that may mount makes its table as long as it likes. */
async function readEntries(
  path: string,
  marks: readonly string[],
  turn: EventLoopTurn,
): Promise<MountEntry[] | undefined> {
  const descriptor = unlessGone(() => openSync(path, 'r'))
  if (descriptor === undefined) return undefined
  const entries: MountEntry[] = []
  const decoder = new StringDecoder('utf8')
  try {
    for (let rest = ''; ;) {
      const length = unlessGone(() => readSync(descriptor, piece))
      if (length === undefined || length === 0) return length === 0 ? entries : undefined
      const text = rest + decoder.write(piece.subarray(0, length))
      const end = text.lastIndexOf('\n') + 1
      rest = text.slice(end)
      if (marks.some((mark) => text.includes(mark))) entries.push(...parseMountTable(text.slice(0, end)))
      if (turn.isOver) await turn.next()
    }
  } finally {
    closeSync(descriptor)
  }
}

/** EACCES is here because {@link MountHolders.seesEveryNamespace} says whether it can happen. */
const goneCodes: ReadonlySet<unknown> = new Set(['ENOENT', 'ESRCH', 'EINVAL', 'EACCES'])

/** Processes end while we look at them, and what is gone holds nothing. */
function unlessGone<T>(read: () => T): T | undefined {
  try {
    return read()
  } catch (thrown) {
    if (thrown instanceof Error && 'code' in thrown && goneCodes.has(thrown.code)) return undefined
    throw thrown
  }
}
