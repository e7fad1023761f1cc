import { BlobReader } from '../../src/repository/blob-reader.js'
import { findBackupOfKey } from '../../src/repository/format/backup-record.js'
import { decodeIndexSegment } from '../../src/repository/format/index-segment.js'
import { ManifestReader } from '../../src/repository/format/manifest-reader.js'
import { packObjectKey } from '../../src/repository/format/pack-kind.js'
import type { Repository } from '../../src/repository/repository.js'
import { RepositoryIndex } from '../../src/repository/repository-index.js'
import { type MemoryBucket, patientCall } from '../fakes/memory-object-store.js'

/**
 * Knows of every backup which chunks it needs, and of every pack which chunks it holds, each read once, so that it can be asked often
 * whether all backups that are listed are whole.
 */
export class WholeCheck {
  readonly #bucket: MemoryBucket
  readonly #repository: Repository
  readonly #needs = new Map<string, ReadonlySet<string>>()
  /** Of each index segment: packs, and the chunks of each. */
  readonly #segments = new Map<string, ReadonlyMap<string, readonly string[]>>()

  constructor(bucket: MemoryBucket, repository: Repository) {
    this.#bucket = bucket
    this.#repository = repository
  }

  /** What is wrong: a backup that is listed, and a chunk of it that a reader would not find. */
  async findBroken(): Promise<string | undefined> {
    const there = new Set<string>()
    for (const key of this.#bucket.keys('index/'))
      for (const [pack, chunks] of await this.#packsOf(key))
        if (this.#bucket.objects.has(pack)) for (const chunk of chunks) there.add(chunk)
    for (const key of this.#bucket.keys('backups/')) {
      if (this.#bucket.bytes(key).length === 0) continue
      const needs = await this.#needsOf(key)
      if (typeof needs === 'string') return `${key}: ${needs}`
      for (const chunk of needs) if (!there.has(chunk)) return `${key} needs ${chunk}, which is nowhere`
    }
    return undefined
  }

  async #packsOf(key: string): Promise<ReadonlyMap<string, readonly string[]>> {
    const known = this.#segments.get(key)
    if (known !== undefined) return known
    const packs = new Map<string, readonly string[]>()
    for (const { kind, id, decoded } of decodeIndexSegment(await this.#repository.getSealed(key, patientCall())))
      packs.set(
        packObjectKey(kind, id),
        decoded.map((entry) => entry.id.toString('hex')),
      )
    this.#segments.set(key, packs)
    return packs
  }

  async #needsOf(key: string): Promise<ReadonlySet<string> | string> {
    const known = this.#needs.get(key)
    if (known !== undefined) return known
    try {
      const needs = await this.#read(key)
      this.#needs.set(key, needs)
      return needs
    } catch (thrown) {
      return thrown instanceof Error ? thrown.message : String(thrown)
    }
  }

  async #read(key: string): Promise<ReadonlySet<string>> {
    const call = patientCall()
    const backup = findBackupOfKey(key)
    if (backup === undefined) throw new Error(`${key} is no backup`)
    const { tree } = await this.#repository.readRecord(backup.volume, backup.name, call)
    const index = await RepositoryIndex.load(this.#repository, { purpose: 'read' }, call)
    const blobs = new BlobReader(this.#repository, index, call)
    const manifest = new ManifestReader((id, type) => blobs.read(id, type))
    const needs = [tree]
    for (const shard of await manifest.readShardList(tree)) {
      needs.push(shard.id)
      for (const { body } of await manifest.readShard(shard)) if (body.form === 'bundled') needs.push(body.chunk)
    }
    return new Set(needs.map((id) => id.toString('hex')))
  }
}
