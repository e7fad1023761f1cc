import { createHash } from 'node:crypto'
import { encodeIndexSegment, type IndexedPack } from '../../../src/repository/format/index-segment.js'
import {
  footerBytesOf,
  packEntryBytes,
  packTrailerBytes,
  writeNonce,
  writePackTrailer,
  type BlobType,
} from '../../../src/repository/format/pack-format.js'
import type { PackKind } from '../../../src/repository/format/pack-kind.js'
import { type Pack, PackWriter } from '../../../src/repository/format/pack-writer.js'
import type { RepositoryKey } from '../../../src/repository/format/repository-key.js'
import { sealInto, tagBytes } from '../../../src/repository/format/seal.js'
import { sealObject } from '../../../src/repository/format/sealed-object.js'
import { Zstd } from '../../../src/repository/format/zstd.js'
import type { MemoryBucket } from '../../fakes/memory-object-store.js'
import { PseudoRandom } from '../pseudo-random.js'
import { type Layer, MutationPoint, type PlainBlob } from './mutation-point.js'
import { encodeShard, encodeShardList, idOf, type PlainEntry, type PlainShardReference } from './plain-manifest.js'
import type { PlainTree } from './plain-tree.js'

/** What a forger begins with: a repository without any backup, of which the key is known, and a record as it would be. */
export interface ForgerMaterial {
  readonly empty: MemoryBucket
  readonly key: RepositoryKey
  readonly tree: PlainTree
  readonly backup: { readonly volume: string; readonly name: string }
  /** The record of a backup with that tree. */
  readonly recordOf: (treeId: Buffer, name: string) => Buffer
}

const entriesPerShard = 10

/**
 * Makes repositories that somebody made who has the key: everything opens, every hash is right, and what is said inside is not.
 * Sealed with our own code, since seals are not what is tried here.
 */
export class RepositoryForger {
  readonly #material: ForgerMaterial
  readonly #writers: Readonly<Record<PackKind, PackWriter>>

  constructor(material: ForgerMaterial) {
    this.#material = material
    const zstd = new Zstd()
    const memory = new Map<number, ArrayBuffer>()
    // What is stored is a copy: one piece of memory serves every pack.
    const allocate = (bytes: number): ArrayBuffer => {
      const kept = memory.get(bytes) ?? new ArrayBuffer(bytes)
      memory.set(bytes, kept)
      return kept
    }
    const writer = (kind: PackKind) => new PackWriter({ key: material.key, kind, targetBytes: 2 ** 20, allocate, zstd })
    this.#writers = { data: writer('data'), meta: writer('meta') }
  }

  /** A repository that is wrong at that layer; or nowhere. */
  forge(layer?: Layer, random = new PseudoRandom('')): MemoryBucket {
    const at = new MutationPoint(layer, random)
    const bucket = this.#material.empty.clone()
    const { data, meta, treeId } = this.#blobs(at)
    at.retype([...data, ...meta])
    const packs = [this.#pack(bucket, 'data', data, at), this.#pack(bucket, 'meta', meta, at)]
    this.#seal(bucket, `index/${random.bytes(16).toString('hex')}`, at.bytes('index', encodeIndexSegment(packs)))
    this.#sealRecord(bucket, treeId, at)
    this.#changePlainObjects(bucket, at)
    return bucket
  }

  #blobs(at: MutationPoint): { data: PlainBlob[]; meta: PlainBlob[]; treeId: Buffer } {
    const { tree } = this.#material
    const renamed = new Map<string, Buffer>()
    const blob = (type: BlobType, raw: Buffer, layer: Layer): PlainBlob => {
      const id = idOf(raw)
      const changed = at.bytes(layer, raw)
      if (changed !== raw) renamed.set(id.toString('latin1'), idOf(changed))
      return { id: idOf(changed), type, raw: changed }
    }
    const data = tree.data.map((raw) => blob('data', raw, 'chunk'))
    const lists = tree.extentLists.map((raw) => blob('extent-list', withIds(raw, renamed), 'extent list'))
    const entries = at.entries(tree.entries.map((entry) => ({ ...entry, body: withIds(entry.body, renamed) })))
    const cut = Array.from({ length: Math.ceil(entries.length / entriesPerShard) }, (_, index) =>
      entries.slice(index * entriesPerShard, (index + 1) * entriesPerShard),
    )
    const shards = cut.map((part) => blob('shard', encodeShard(part), 'shard'))
    const references = shards.map(({ id }, index) => referenceTo(id, cut[index] ?? []))
    const list = blob('shard-list', encodeShardList(at.order(references)), 'shard list')
    return { data, meta: [...lists, ...shards, list], treeId: list.id }
  }

  #pack(bucket: MemoryBucket, kind: PackKind, blobs: readonly PlainBlob[], at: MutationPoint): IndexedPack {
    const writer = this.#writers[kind]
    for (const { id, type, raw } of blobs) writer.add(id, type, raw)
    const pack = this.#withFooter(writer.finish(), at)
    put(bucket, `${kind}/${pack.id.toString('hex').slice(0, 2)}/${pack.id.toString('hex')}`, Buffer.from(pack.bytes))
    return { ...pack, packBytes: pack.bytes.length }
  }

  /** The index says what the footer says, whatever that is. */
  #withFooter(pack: Pack, at: MutationPoint): Pack {
    const entries = at.bytes('footer', pack.entries)
    if (entries === pack.entries) return pack
    const { key } = this.#material
    const count = pack.entries.length / packEntryBytes
    const blobs = pack.bytes.subarray(0, pack.bytes.length - footerBytesOf(count) - packTrailerBytes)
    const bytes = Buffer.alloc(blobs.length + entries.length + tagBytes + packTrailerBytes)
    blobs.copy(bytes)
    const nonce = Buffer.alloc(12)
    writeNonce(nonce, blobs.length)
    const sealed = sealInto(bytes, blobs.length, entries, { key: key.packKey(pack.kind, pack.salt), nonce })
    writePackTrailer(bytes, blobs.length + sealed, Math.floor(entries.length / packEntryBytes))
    return { ...pack, bytes, entries, id: createHash('sha256').update(bytes).digest() }
  }

  #sealRecord(bucket: MemoryBucket, treeId: Buffer, at: MutationPoint): void {
    const { backup, recordOf } = this.#material
    const payload = at.record(recordOf(treeId, backup.name))
    this.#seal(bucket, `backups/${backup.volume}/${backup.name}`, at.bytes('payload of a record', payload))
  }

  #seal(bucket: MemoryBucket, key: string, payload: Buffer): void {
    put(bucket, key, sealObject(this.#material.key, key, payload))
  }

  #changePlainObjects(bucket: MemoryBucket, at: MutationPoint): void {
    for (const key of bucket.keys('config.json')) bucket.damage(key, (bytes) => at.bytes('config', bytes))
    for (const key of bucket.keys('keys/')) bucket.damage(key, (bytes) => at.bytes('key slot', bytes))
  }
}

function put(bucket: MemoryBucket, key: string, bytes: Buffer): void {
  bucket.objects.set(key, { bytes, storedAtMs: bucket.clock.now().getTime() })
}

function referenceTo(id: Buffer, entries: readonly PlainEntry[]): PlainShardReference {
  return { id, entryCount: entries.length, firstPath: entries[0]?.path ?? Buffer.alloc(0) }
}

function withIds(bytes: Buffer, renamed: ReadonlyMap<string, Buffer>): Buffer {
  let text = bytes.toString('latin1')
  for (const [old, id] of renamed) text = text.replaceAll(old, () => id.toString('latin1'))
  return Buffer.from(text, 'latin1')
}
