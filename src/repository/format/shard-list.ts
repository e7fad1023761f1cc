import { ByteCursor } from './byte-cursor.js'
import { ByteWriter } from './byte-writer.js'
import { chunkIdBytes } from './chunk-id.js'
import { damaged } from './damage.js'

/** A part of a manifest, as the list of parts has it. */
export interface ShardRef {
  readonly id: Buffer
  readonly entries: number
  /** Of its first entry; cut off after {@link listedPathBytes}. */
  readonly firstPath: Buffer
}

/** Paths may be longer than a list could hold. */
export const listedPathBytes = 4096

const mostShards = 262_144

export function encodeShardList(shards: readonly ShardRef[]): Buffer {
  const into = new ByteWriter(8 + shards.length * 128)
  into.varint(shards.length)
  for (const { id, entries, firstPath } of shards) {
    into.put(id)
    into.varint(entries)
    into.putCounted(firstPath.subarray(0, listedPathBytes))
  }
  return into.written
}

/** ConvoyError `damaged` for what is no list, or one of parts that are not in order. */
export function decodeShardList(raw: Buffer): ShardRef[] {
  const cursor = new ByteCursor(raw)
  const count = cursor.length(Math.min(mostShards, Math.floor(cursor.left / (chunkIdBytes + 2))))
  const shards = Array.from({ length: count }, () => ({
    id: cursor.take(chunkIdBytes),
    entries: cursor.varint(),
    firstPath: cursor.take(cursor.length(listedPathBytes)),
  }))
  if (count === 0 || !cursor.isAtEnd || !shards.every(isInOrder))
    throw damaged('the list of the parts of a manifest is none')
  return shards
}

/** Paths that were cut off may be equal. */
function isInOrder({ firstPath }: ShardRef, index: number, shards: readonly ShardRef[]): boolean {
  const before = shards[index - 1]?.firstPath
  if (before === undefined) return firstPath.length === 0
  const order = before.compare(firstPath)
  return order < 0 || (order === 0 && firstPath.length === listedPathBytes)
}

/** The last part that surely does not begin behind the path: to begin there misses nothing. */
export function shardIndexFor(shards: readonly ShardRef[], path: Buffer): number {
  let low = 0
  let high = shards.length - 1
  while (low < high) {
    const middle = Math.ceil((low + high) / 2)
    if (isSurelyNotBehind(shards[middle]?.firstPath, path)) low = middle
    else high = middle - 1
  }
  return low
}

function isSurelyNotBehind(firstPath: Buffer | undefined, path: Buffer): boolean {
  if (firstPath === undefined) return false
  const listed = firstPath.length < listedPathBytes ? path : path.subarray(0, listedPathBytes)
  const order = firstPath.compare(listed)
  return order < 0 || (order === 0 && firstPath.length < listedPathBytes)
}
