import { toConvoyError, type ConvoyError } from '../../errors.js'
import { damaged } from './damage.js'
import type { Extent } from './entry-body.js'
import { checkExtents } from './entry-check.js'
import { type ManifestEntry, readExtents } from './manifest-entry.js'
import { PathGuard } from './manifest-path.js'
import { type BlobType, maximumBlobBytes } from './pack-format.js'
import { readAhead } from './read-ahead.js'
import { decodeShard } from './shard.js'
import { decodeShardList, shardIndexFor, type ShardRef } from './shard-list.js'
import { ByteCursor } from './byte-cursor.js'

/** The raw bytes of a blob of that type, verified. */
export type ReadBlob = (id: Buffer, type: BlobType) => Promise<Buffer>

export interface ReadEntriesOptions {
  /** Begins at this path, or at what comes behind it. */
  readonly fromPath?: Buffer
  /**
   * Goes on behind a shard that cannot be read, without its entries; `next` is the shard behind it. Entries whose directory was
   * in it come all the same. Without this the first such shard is the end.
   */
  readonly onDamagedShard?: (shard: ShardRef, next: ShardRef | undefined, error: ConvoyError) => void
}

/** How many shards or lists are asked for before they are needed. */
const aheadBlobs = 4

/**
 * Reads manifests, of which nothing is believed: ConvoyError `damaged` at whatever no backup of ours could contain. It is not known
 * here whether the first name of a hard link exists, or is a file: that takes memory for every file.
 */
export class ManifestReader {
  readonly #readBlob: ReadBlob

  constructor(readBlob: ReadBlob) {
    this.#readBlob = readBlob
  }

  async readShardList(tree: Buffer): Promise<readonly ShardRef[]> {
    return decodeShardList(await this.#readBlob(tree, 'shard-list'))
  }

  /** One shard by itself. */
  async readShard(shard: ShardRef): Promise<ManifestEntry[]> {
    const guard = new PathGuard()
    guard.skip()
    return entriesOf(shard, await this.#readBlob(shard.id, 'shard'), guard)
  }

  async *entries(tree: Buffer, options: ReadEntriesOptions = {}): AsyncGenerator<ManifestEntry> {
    for await (const batch of this.batches(tree, options)) yield* batch
  }

  /** The entries of a shard at once. */
  async *batches(tree: Buffer, options: ReadEntriesOptions = {}): AsyncGenerator<readonly ManifestEntry[]> {
    const { fromPath, onDamagedShard } = options
    const shards = await this.readShardList(tree)
    const first = fromPath === undefined ? 0 : shardIndexFor(shards, fromPath)
    const guard = new PathGuard()
    if (first > 0) guard.skip()
    const wanted = shards.slice(first).map((shard, index, all) => ({ shard, next: all[index + 1] }))
    for (const [{ shard, next }, reading] of readAhead(wanted, aheadBlobs, ({ shard }) =>
      this.#readBlob(shard.id, 'shard'),
    )) {
      const batch = await reading
        .then((raw) => entriesOf(shard, raw, guard))
        .catch((thrown: unknown) => {
          if (onDamagedShard === undefined) throw thrown
          guard.skip()
          onDamagedShard(shard, next, toConvoyError(thrown))
          return []
        })
      yield fromPath === undefined ? batch : behind(batch, fromPath)
    }
  }

  /** What a file of chunks, or of lists of chunks, consists of. Nothing for every other entry. */
  async *extents(entry: ManifestEntry): AsyncGenerator<Extent> {
    const { body } = entry
    if (body.form === 'chunks') yield* body.chunks
    if (body.form !== 'lists') return
    const readings = readAhead(body.lists, aheadBlobs, async (list) => {
      if (list.id === undefined) return [list]
      return decodeExtentList(await this.#readBlob(list.id, 'extent-list'), list.lengthBytes)
    })
    for (const [, reading] of readings) yield* await reading
  }
}

/** The path itself, and what comes behind it. */
function behind(batch: readonly ManifestEntry[], path: Buffer): readonly ManifestEntry[] {
  const isWhole = batch[0] === undefined || batch[0].path.compare(path) >= 0
  return isWhole ? batch : batch.filter((entry) => entry.path.compare(path) >= 0)
}

function entriesOf(shard: ShardRef, raw: Buffer, guard: PathGuard): ManifestEntry[] {
  const entries = decodeShard(raw, guard)
  const path = entries[0]?.path.subarray(0, shard.firstPath.length)
  if (entries.length !== shard.entries || path?.equals(shard.firstPath) !== true)
    throw damaged('a part of a manifest is not the one that is listed')
  return entries
}

/** The extents that an extent list holds, which must be so many bytes of a file. */
export function decodeExtentList(raw: Buffer, coveredBytes: number): readonly Extent[] {
  const cursor = new ByteCursor(raw)
  checkExtents(cursor, { totalBytes: coveredBytes, extentBytes: maximumBlobBytes })
  if (!cursor.isAtEnd) throw damaged('a list of the parts of a file is longer than it says')
  cursor.at = 0
  return readExtents(cursor)
}
