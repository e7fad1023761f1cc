import { createHash } from 'node:crypto'

/** An entry of a manifest before anybody has looked whether it could be one. Encoded as FORMAT.md says, with no code of ours. */
export interface PlainEntry {
  /** Names with a zero byte between them. */
  path: Buffer
  type: string
  stat: PlainStat
  /** What follows the stat. */
  body: Buffer
  xattrs: readonly (readonly [name: Buffer, value: Buffer])[]
}

export interface PlainStat {
  mode: number
  uid: number
  gid: number
  size: number
  mtimeSec: bigint
  mtimeNs: number
}

export function varint(value: number): Buffer {
  const bytes = []
  let rest = value
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes.push((rest % 0x80) | 0x80)
  return Buffer.from([...bytes, rest])
}

export const sized = (bytes: Uint8Array): Buffer => Buffer.concat([varint(bytes.length), bytes])

export const idOf = (raw: Uint8Array): Buffer => createHash('sha256').update(raw).digest()

export const hole = Buffer.alloc(32)

/** What the body of a file with chunks and of one with lists contains, and all that is in a list. */
export function encodeExtents(extents: readonly (readonly [id: Buffer, lengthBytes: number])[]): Buffer {
  return Buffer.concat([varint(extents.length), ...extents.flatMap(([id, lengthBytes]) => [id, varint(lengthBytes)])])
}

export const bodies = {
  empty: Buffer.of(0),
  bundled: (chunk: Buffer, offset: number, sizeBytes: number) =>
    Buffer.concat([Buffer.of(1), idOf(chunk), varint(offset), idOf(chunk.subarray(offset, offset + sizeBytes))]),
  chunks: (extents: readonly (readonly [Buffer, number])[]) =>
    Buffer.concat([Buffer.of(2, 17), encodeExtents(extents)]),
  lists: (extents: readonly (readonly [Buffer, number])[]) => Buffer.concat([Buffer.of(3, 17), encodeExtents(extents)]),
  device: (major: number, minor: number) => {
    const bytes = Buffer.alloc(8)
    bytes.writeUInt32LE(major, 0)
    bytes.writeUInt32LE(minor, 4)
    return bytes
  },
  none: Buffer.alloc(0),
} as const

export function encodeShard(entries: readonly PlainEntry[]): Buffer {
  let last: Buffer = Buffer.alloc(0)
  const parts = entries.flatMap((entry) => {
    const { path, type, stat, body, xattrs } = entry
    const shared = sharedBytes(last, path)
    last = path
    const attributes = xattrs.flatMap(([name, value]) => [sized(name), sized(value)])
    const head = [varint(shared), sized(path.subarray(shared)), Buffer.from(type, 'latin1'), encodeStat(stat)]
    return [...head, body, varint(xattrs.length), ...attributes]
  })
  return Buffer.concat([varint(entries.length), ...parts])
}

export interface PlainShardReference {
  id: Buffer
  entryCount: number
  firstPath: Buffer
}

export function encodeShardList(shards: readonly PlainShardReference[]): Buffer {
  const parts = shards.flatMap(({ id, entryCount, firstPath }) => [id, varint(entryCount), sized(firstPath)])
  return Buffer.concat([varint(shards.length), ...parts])
}

function sharedBytes(one: Buffer, other: Buffer): number {
  let count = 0
  while (count < one.length && count < other.length && one[count] === other[count]) count++
  return count
}

function encodeStat({ mode, uid, gid, size, mtimeSec, mtimeNs }: PlainStat): Buffer {
  const bytes = Buffer.alloc(52)
  bytes.writeUInt32LE(mode >>> 0, 0)
  bytes.writeUInt32LE(uid >>> 0, 4)
  bytes.writeUInt32LE(gid >>> 0, 8)
  bytes.writeBigUInt64LE(4711n, 12)
  bytes.writeBigUInt64LE(BigInt.asUintN(64, BigInt(size)), 20)
  bytes.writeBigInt64LE(BigInt.asIntN(64, mtimeSec), 28)
  bytes.writeUInt32LE(mtimeNs >>> 0, 36)
  bytes.writeBigInt64LE(BigInt.asIntN(64, mtimeSec), 40)
  bytes.writeUInt32LE(mtimeNs >>> 0, 48)
  return bytes
}
