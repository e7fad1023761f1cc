import { isConvoyError } from '../../errors.js'
import type { BackupTree } from '../backup-tree.js'
import type { ManifestEntry } from '../format/manifest-entry.js'
import type { BlobType } from '../format/pack-format.js'
import { packObjectKey } from '../format/pack-kind.js'
import type { RecordSet } from '../record-set.js'
import type { RepositoryIndex } from '../repository-index.js'
import { listedPathBytes, type ShardRef } from '../format/shard-list.js'
import { AffectedPaths } from './verify-report.js'
import { isWithin, parentPath, showPath } from '../format/tree-path.js'

/** The last entry of a shard. */
interface ShardEnd {
  readonly path: Buffer
  readonly isDirectory: boolean
}

/** Shards that end with a longer path are looked at for each backup. */
const keptPathBytes = 64 * 1024

/**
 * Looks whether everything that backups refer to is there. Backups have most of their manifests in common: what is whole in one is
 * not looked at again in another.
 */
export class VerifyTrees {
  /** Chunks that are in no pack: which of the packs that have gone held them, nobody knows. */
  missingChunks = 0
  readonly #index: RepositoryIndex
  readonly #bad: RecordSet
  /** Where the shards end of which each file is whole, by their records. */
  readonly #whole = new Map<number, ShardEnd>()

  constructor(index: RepositoryIndex, bad: RecordSet) {
    this.#index = index
    this.#bad = bad
  }

  /** What of a backup cannot be restored. */
  async check({ manifest, record: { tree } }: BackupTree, onShard: (entries: number) => void): Promise<AffectedPaths> {
    const affected = new AffectedPaths()
    const shards = await orDamage(() => manifest.readShardList(tree))
    if (typeof shards === 'string') {
      affected.add('.', `the whole manifest is lost: ${shards}`)
      return affected
    }
    for (const [index, shard] of shards.entries()) {
      const next = shards[index + 1]
      const end =
        this.#whole.get(this.#index.table.indexOf(shard.id)) ??
        (await this.#checkShard({ manifest, shard, next }, affected))
      if (end !== undefined && next !== undefined && !canFollow(next.firstPath, end))
        affected.add(
          showPath(next.firstPath),
          'the manifest contradicts itself: it does not follow from what is before it',
        )
      onShard(shard.entries)
    }
    return affected
  }

  async #checkShard(
    {
      manifest,
      shard,
      next,
    }: Pick<BackupTree, 'manifest'> & { readonly shard: ShardRef; readonly next: ShardRef | undefined },
    affected: AffectedPaths,
  ): Promise<ShardEnd | undefined> {
    const entries = await orDamage(() => manifest.readShard(shard))
    if (typeof entries === 'string') {
      const end = next === undefined ? 'the end' : JSON.stringify(showPath(next.firstPath))
      affected.add(
        showPath(shard.firstPath),
        `${shard.entries} entries of the manifest up to ${end} are lost: ${entries}`,
      )
      return undefined
    }
    const before = affected.pathCount
    for (const entry of entries) {
      const fault = entry.type === 'f' ? await this.#faultOf(manifest, entry) : undefined
      if (fault !== undefined) affected.add(showPath(entry.path), fault)
    }
    const last = entries.at(-1)
    const end = last === undefined ? undefined : { path: Buffer.from(last.path), isDirectory: last.type === 'd' }
    if (affected.pathCount === before && end !== undefined && end.path.length <= keptPathBytes)
      this.#whole.set(this.#index.table.indexOf(shard.id), end)
    return end
  }

  /** Why a file cannot be restored. */
  async #faultOf(manifest: BackupTree['manifest'], entry: ManifestEntry): Promise<string | undefined> {
    const { body } = entry
    if (body.form === 'bundled')
      return this.#faultOfChunk(body.chunk, (rawBytes) => body.offset + entry.sizeBytes <= rawBytes)
    const fault = await orDamage(async () => {
      for await (const { id, lengthBytes } of manifest.extents(entry)) {
        const fault = id === undefined ? undefined : this.#faultOfChunk(id, (rawBytes) => rawBytes === lengthBytes)
        if (fault !== undefined) return fault
      }
      return undefined
    })
    return fault
  }

  #faultOfChunk(id: Buffer, fits: (rawBytes: number) => boolean, type: BlobType = 'data'): string | undefined {
    const { table } = this.#index
    const number = table.indexOf(id)
    const location = number < 0 ? undefined : table.findAt(number)
    const name = `its chunk ${id.toString('hex')}`
    if (location === undefined) {
      this.missingChunks += 1
      return `${name} is in no pack that is there`
    }
    const pack = this.#index.packs[location.pack]
    if (this.#bad.has(number))
      return `${name} in ${pack === undefined ? 'a pack' : packObjectKey(pack.kind, pack.id)} cannot be read`
    return location.type === type && fits(location.rawBytes) ? undefined : `${name} is another than was recorded`
  }
}

/** Whether a path may come next: behind the last one, and in a directory that leads to it or is it. */
function canFollow(firstPath: Buffer, { path, isDirectory }: ShardEnd): boolean {
  // Longer ones are cut off in the list.
  if (firstPath.length >= listedPathBytes) return true
  const parent = parentPath(firstPath)
  if (parent === undefined || firstPath.compare(path) <= 0 || !isWithin(path, parent)) return false
  return isDirectory || parent.length < path.length
}

/** What it resolves to, or what is damaged. */
async function orDamage<T>(act: () => Promise<T>): Promise<T | string> {
  try {
    return await act()
  } catch (thrown) {
    if (isConvoyError(thrown, 'damaged') || isConvoyError(thrown, 'unsupported')) return thrown.message
    throw thrown
  }
}
