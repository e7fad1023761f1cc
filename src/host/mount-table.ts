import { readFileSync } from 'node:fs'
import { ConvoyError } from '../errors.js'
import { optional } from '../model/optional.js'

/** One line of /proc/<pid>/mountinfo, see proc(5). */
export interface MountEntry {
  readonly mountId: number
  /** The mount below this one; that of the root mount is not in the table. */
  readonly parentId: number
  /** `major:minor` of the file system. */
  readonly device: string
  /** Which directory of the file system is mounted, as a path inside it. */
  readonly root: string
  /** That directory was removed, or a server's change made the kernel lose its place. */
  readonly deleted: boolean
  readonly mountpoint: string
  /** Of this mount: `ro`, `nosuid`, … */
  readonly options: readonly string[]
  readonly fsType: string
  readonly source: string
  /** Of the file system, whichever mount shows it. */
  readonly superOptions: readonly string[]
  /** What is mounted on a mount of this group appears on all of them: `shared:N`. */
  readonly peerGroup?: number
  /** What is mounted on a mount of that group appears on this one, too: `master:N`. */
  readonly masterGroup?: number
}

/** A place as the kernel knows it: the same directory has the same location under each of its mounts. */
export interface Location {
  readonly device: string
  readonly root: string
}

const deletedSuffix = '//deleted'

/** Skips lines that are not a mount's. Bytes that are not UTF-8 become U+FFFD. */
export function parseMountTable(text: string): readonly MountEntry[] {
  return text.split('\n').flatMap((line) => parseLine(line) ?? [])
}

/**
 * The mounts of this process, or of another one. Reads the kernel's table and never stats a mountpoint: a dead NFS server hangs a stat. The read is
 * synchronous because hung calls may hold all of libuv's threads.
 */
export function readMountTable(path = '/proc/self/mountinfo'): Promise<readonly MountEntry[]> {
  return new Promise((resolve) => resolve(parseMountTable(readSteadily(() => readFileSync(path, 'utf8')))))
}

/** The mount that a path lookup of `path` ends on, when it is a mountpoint: the top-most one of several. */
export function findMount(entries: readonly MountEntry[], path: string): MountEntry | undefined {
  const entry = findCovering(entries, path)
  return entry?.mountpoint === path ? entry : undefined
}

/** Of any version: the kernel calls those from 4 on nfs4. */
export function isNfs({ fsType }: MountEntry): boolean {
  return fsType === 'nfs' || fsType === 'nfs4'
}

/** How many mounts lie on each other at exactly this path. */
export function countMounts(entries: readonly MountEntry[], path: string): number {
  return entries.filter((entry) => entry.mountpoint === path).length
}

/** Where an absolute path without symbolic links leads. */
export function locate(entries: readonly MountEntry[], path: string): Location {
  const entry = findCovering(entries, path)
  if (entry === undefined) throw new ConvoyError('internal', `the mount table has no file system for "${path}"`)
  return { device: entry.device, root: placeOn(entry, path) }
}

/**
 * Whether the kernel made `copy`, in another mount namespace, because `own` was mounted: it then goes when `own` is unmounted, and keeps it from
 * that while somebody uses it. `parent` and `ownParent` are the mounts that the two lie on. A bind mount that a container
 * made of it lies elsewhere, and stays.
 */
export function isCopyOf(
  { entry: copy, parent }: MountOnParent,
  { entry: own, parent: ownParent }: MountOnParent,
): boolean {
  const group = ownParent.peerGroup
  const isLinked = group !== undefined && (parent.peerGroup === group || parent.masterGroup === group)
  if (!isLinked || copy.device !== own.device || copy.root !== own.root || parent.device !== ownParent.device)
    return false
  return placeOn(parent, copy.mountpoint) === placeOn(ownParent, own.mountpoint)
}

export interface MountOnParent {
  readonly entry: MountEntry
  readonly parent: MountEntry
}

/** None when the parent is not in the table. */
export function withParent(entry: MountEntry, entries: readonly MountEntry[]): MountOnParent | undefined {
  const parent = entries.find(({ mountId }) => mountId === entry.parentId && mountId !== entry.mountId)
  return parent === undefined ? undefined : { entry, parent }
}

/** Where a path at or below the mountpoint is inside the file system. */
function placeOn({ root, mountpoint }: MountEntry, path: string): string {
  const relative = path.slice(mountpoint === '/' ? 0 : mountpoint.length).replace(/\/+$/, '')
  return root === '/' ? relative || '/' : root + relative
}

/** Whether `path` is that directory or below it, by components: /vol10 is not below /vol1. */
export function isBelow(path: string, ancestor: string): boolean {
  if (!path.startsWith(ancestor)) return false
  return path.length === ancestor.length || ancestor === '/' || path[ancestor.length] === '/'
}

/**
 * Walks as the kernel does, from the root mount over each mount that the path meets. Neither the table's order nor the longest
 * mountpoint tells which mount is on top: mounts are moved, and a mount may hide others below its mountpoint.
 */
export function findCovering(entries: readonly MountEntry[], path: string): MountEntry | undefined {
  const covering = entries.filter((entry) => isBelow(path, entry.mountpoint))
  const ids = new Set(covering.map((entry) => entry.mountId))
  const isRoot = (entry: MountEntry) => entry.parentId === entry.mountId || !ids.has(entry.parentId)
  let current = covering.filter(isRoot).sort(byLength).at(-1)
  // A table from the kernel has no circles; the count is for any other.
  for (let steps = covering.length; current !== undefined && steps > 0; steps -= 1) {
    const { mountId } = current
    const children = covering.filter((entry) => entry.parentId === mountId && !isRoot(entry))
    const next = children.sort(byLength).findLast((entry) => entry.mountpoint.length === children[0]?.mountpoint.length)
    if (next === undefined) return current
    current = next
  }
  return current
}

const byLength = (one: MountEntry, other: MountEntry) => one.mountpoint.length - other.mountpoint.length

function parseLine(line: string): MountEntry | undefined {
  const fields = line.split(' ')
  const [mountId, parentId, device, root, mountpoint, options] = fields
  const separator = fields.indexOf('-', 6)
  const [fsType, source, ...superOptions] = separator === -1 ? [] : fields.slice(separator + 1)
  if (fsType === undefined || source === undefined) return undefined
  if (!isNumber(mountId) || !isNumber(parentId) || !/^\d+:\d+$/.test(device ?? '')) return undefined
  if (root === undefined || mountpoint?.startsWith('/') !== true) return undefined
  const deleted = root.endsWith(deletedSuffix)
  const tags = fields.slice(6, separator)
  return {
    mountId: Number(mountId),
    parentId: Number(parentId),
    device: device ?? '',
    root: unescapeField(deleted ? root.slice(0, -deletedSuffix.length) : root) || '/',
    deleted,
    mountpoint: unescapeField(mountpoint),
    options: splitOptions(options ?? ''),
    fsType: unescapeField(fsType),
    source: unescapeField(source),
    superOptions: splitOptions(superOptions.join(' ')),
    ...optional('peerGroup', groupAmong(tags, 'shared:')),
    ...optional('masterGroup', groupAmong(tags, 'master:')),
  }
}

function groupAmong(tags: readonly string[], kind: string): number | undefined {
  const number = tags.find((tag) => tag.startsWith(kind))?.slice(kind.length)
  return isNumber(number) ? Number(number) : undefined
}

const isNumber = (text: string | undefined) => text !== undefined && /^\d{1,15}$/.test(text)

const splitOptions = (text: string) => (text === '' ? [] : text.split(',').map(unescapeField))

/** As the kernel and fstab(5) write a space: `\040`. */
export function unescapeField(field: string): string {
  if (!field.includes('\\')) return field
  return field.replace(/\\([0-3][0-7]{2})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)))
}

/** Kernels before 5.8 can leave out an entry when another one is unmounted during the read. */
export function readSteadily(read: () => string): string {
  let text = read()
  for (let attempts = 5; attempts > 0; attempts -= 1) {
    const again = read()
    if (again === text) break
    text = again
  }
  return text
}
