import { createHash } from 'node:crypto'
import {
  getXattrsAt,
  nextData,
  nextHole,
  openDirectoryAt,
  openFileAt,
  openRoot,
  readLinkAt,
  readNames,
  statNames,
  closeFd,
  statFd,
} from '../../src/host/posix.js'
import {
  recordAt,
  recordDevice,
  recordDeviceNumber,
  recordIno,
  recordLinkCount,
  recordMode,
  recordSizeBytes,
} from '../../src/host/stat-record.js'
import { readAt } from '../../src/host/positioned-io.js'
import { statGid, statMtimeNs, statMtimeSec, statUid } from '../../src/repository/format/stat-block.js'

/** What a tree consists of, as far as anybody could tell two trees apart: by path, in latin1 so that every byte counts. */
export type TreeSnapshot = Readonly<Record<string, EntrySnapshot>>

export interface EntrySnapshot {
  readonly type: string
  /** Octal. */
  readonly mode: string
  readonly owner: string
  readonly mtime: string
  readonly sizeBytes?: number
  readonly sha256?: string
  readonly target?: string
  readonly device?: string
  /** The first path of the same file. */
  readonly sameAs?: string
  readonly xattrs: readonly string[]
  /** Whether it takes less than it is long. */
  readonly isSparse?: boolean
}

const types: Readonly<Record<number, string>> = {
  0o100: 'file',
  0o040: 'directory',
  0o120: 'symlink',
  0o020: 'character device',
  0o060: 'block device',
  0o010: 'fifo',
  0o140: 'socket',
}

/** Reads a tree through open directories, so that any depth and name will do. */
export function snapshotTree(root: string): TreeSnapshot {
  const entries: Record<string, EntrySnapshot> = {}
  const files = new Map<string, string>()
  const walk = (fd: number, prefix: string): void => {
    const names = readNames(fd).map((name) => Buffer.from(name))
    const records = statNames(fd, names)
    for (const [index, name] of names.entries()) {
      const record = recordAt(records, index)
      const path = prefix + name.toString('latin1')
      entries[path] = snapshotEntry(fd, { name, path, record }, files)
      if (typeOf(record) !== 'directory') continue
      const child = openDirectoryAt(fd, name)
      walk(child, `${path}/`)
      closeFd(child)
    }
  }
  const fd = openRoot(root)
  const record = statFd(fd)
  entries['.'] = { ...plainOf(record), type: 'directory', xattrs: [] }
  walk(fd, '')
  closeFd(fd)
  return entries
}

const typeOf = (record: Buffer) => types[(recordMode(record) & 0o170_000) >>> 9] ?? 'unknown'

function plainOf(record: Buffer): Pick<EntrySnapshot, 'mode' | 'owner' | 'mtime'> {
  return {
    mode: (recordMode(record) & 0o7777).toString(8),
    owner: `${statUid(record)}:${statGid(record)}`,
    mtime: `${statMtimeSec(record)}.${String(statMtimeNs(record)).padStart(9, '0')}`,
  }
}

function snapshotEntry(
  fd: number,
  { name, path, record }: { readonly name: Buffer; readonly path: string; readonly record: Buffer },
  files: Map<string, string>,
): EntrySnapshot {
  const type = typeOf(record)
  const xattrs = (getXattrsAt(fd, name) ?? []).map(
    ([key, value]) => `${key.toString('latin1')}=${value.toString('hex')}`,
  )
  const entry = { type, ...plainOf(record), xattrs }
  const identity = `${recordDevice(record)}:${recordIno(record)}`
  const first = files.get(identity)
  if (type !== 'directory' && recordLinkCount(record) > 1 && first !== undefined) return { ...entry, sameAs: first }
  files.set(identity, path)
  if (type === 'symlink') return { ...entry, target: readLinkAt(fd, name).toString('latin1') }
  if (type.endsWith('device')) return { ...entry, device: JSON.stringify(recordDeviceNumber(record)) }
  if (type !== 'file') return entry
  return { ...entry, sizeBytes: recordSizeBytes(record), ...contentOf(fd, name, recordSizeBytes(record)) }
}

function contentOf(directory: number, name: Buffer, sizeBytes: number): Pick<EntrySnapshot, 'sha256' | 'isSparse'> {
  const fd = openFileAt(directory, name)
  const space = Buffer.alloc(1 << 20)
  let dataBytes = 0
  for (let at = nextData(fd, 0); at !== undefined; at = nextData(fd, at)) {
    const end = nextHole(fd, at)
    dataBytes += end - at
    at = end
  }
  const content = createHash('sha256')
  // By position: looking for holes has moved the one of the file.
  for (let at = 0, count = readAt(fd, space, 0); count > 0; at += count, count = readAt(fd, space, at))
    content.update(space.subarray(0, count))
  closeFd(fd)
  return { sha256: content.digest('hex'), isSparse: sizeBytes - dataBytes >= 1 << 20 }
}
