import { ByteCursor } from './byte-cursor.js'
import { ByteWriter } from './byte-writer.js'
import { damaged } from './damage.js'
import { entryLimits } from './entry-body.js'
import { checkEntry } from './entry-check.js'
import { ManifestEntry } from './manifest-entry.js'
import { commonPrefixBytes, type PathGuard } from './manifest-path.js'

/** Where a manifest is cut into shards: by the content of paths, so that a change moves few cuts, but never below or above these. */
const shardLimits = {
  leastEntries: 256,
  mostEntries: 2048,
  bytes: 1024 * 1024,
  /** Of the whole paths of all entries, when there are several: what a reader makes of them. */
  pathBytes: 32 * 1024 * 1024,
} as const

/** A cut comes after one entry of that many, once there are enough. */
const cutMask = 511
const hashedPathBytes = 16

const noPath: Buffer = Buffer.alloc(0)

/** Makes a shard, one entry after another: paths without what they share with the one before. */
export class ShardWriter {
  readonly #bytes = new ByteWriter(shardLimits.bytes)
  #count = 0
  #firstPath = noPath
  #lastPath = noPath
  #pathBytes = 0
  /** Of the first entry, which has its whole path and may be large by itself. */
  #firstBytes = 0

  get count(): number {
    return this.#count
  }

  get firstPath(): Buffer {
    return this.#firstPath
  }

  /** Whether the entry would make the shard too large. */
  isFullFor(entry: ManifestEntry): boolean {
    if (this.#count === 0) return false
    const pathBytes = entry.path.length
    const bytes = this.#bytes.size - this.#firstBytes + pathBytes + entry.recordBytes
    return bytes > shardLimits.bytes || this.#pathBytes + pathBytes > shardLimits.pathBytes
  }

  /** Whether the shard ends behind this entry, as its path says. */
  add(entry: ManifestEntry): boolean {
    const { path } = entry
    const shared = this.#count === 0 ? 0 : commonPrefixBytes(this.#lastPath, path)
    this.#bytes.varint(shared)
    this.#bytes.varint(path.length - shared)
    this.#bytes.put(path, shared)
    this.#bytes.put(entry.record)
    if (this.#count === 0) {
      this.#firstPath = path
      this.#firstBytes = this.#bytes.size
    }
    this.#lastPath = path
    this.#pathBytes += path.length
    this.#count += 1
    return this.#count >= shardLimits.mostEntries || (this.#count >= shardLimits.leastEntries && isCutAfter(path))
  }

  /** The shard; what is added next begins another. */
  finish(): Buffer {
    const shard = new ByteWriter(8 + this.#bytes.size)
    shard.varint(this.#count)
    shard.put(this.#bytes.written)
    this.#bytes.clear()
    this.#count = 0
    this.#firstBytes = 0
    this.#pathBytes = 0
    this.#firstPath = noPath
    return shard.written
  }
}

/** FNV-1a of the end of the path, with its high bits mixed into the low ones. */
function isCutAfter(path: Buffer): boolean {
  let hash = 0x811c9dc5 | 0
  for (let at = Math.max(0, path.length - hashedPathBytes); at < path.length; at++)
    hash = Math.imul(hash ^ (path[at] ?? 0), 0x01000193)
  return ((hash ^ (hash >>> 15)) & cutMask) === 0
}

/** The entries of a shard, each looked at: ConvoyError `damaged`. The guard knows what has come before. */
export function decodeShard(raw: Buffer, guard: PathGuard): ManifestEntry[] {
  const cursor = new ByteCursor(raw)
  const count = cursor.length(shardLimits.mostEntries)
  if (count === 0) throw damaged('a part of a manifest is empty')
  const entries: ManifestEntry[] = []
  let last: Buffer | undefined
  let pathBytes = 0
  for (let index = 0; index < count; index++) {
    const shared = cursor.varint()
    const path = readPath(cursor, shared, last)
    pathBytes += path.length
    if (pathBytes > shardLimits.pathBytes && count > 1) throw damaged('the paths in a part of a manifest are too long')
    const at = cursor.at
    const type = checkEntry(cursor, path)
    guard.admit(path, type === 'd', last === undefined ? undefined : shared)
    entries.push(new ManifestEntry(path, raw, at, cursor.at))
    last = path
  }
  if (!cursor.isAtEnd) throw damaged('a part of a manifest is longer than its entries')
  return entries
}

function readPath(cursor: ByteCursor, shared: number, last: Buffer = noPath): Buffer {
  const suffixBytes = cursor.length(entryLimits.pathBytes)
  const at = cursor.skip(suffixBytes)
  // What is shared must be all that is shared: the order of two paths is then that of one byte.
  if (shared > last.length || (suffixBytes > 0 && shared < last.length && cursor.bytes[at] === last[shared]))
    throw damaged('a path does not follow from the one before')
  const path = Buffer.allocUnsafe(shared + suffixBytes)
  last.copy(path, 0, 0, shared)
  cursor.bytes.copy(path, shared, at, at + suffixBytes)
  return path
}
