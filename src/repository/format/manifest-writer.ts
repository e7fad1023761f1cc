import type { ManifestEntry } from './manifest-entry.js'
import { PathGuard } from './manifest-path.js'
import type { BlobType } from './pack-format.js'
import { ShardWriter } from './shard.js'
import { encodeShardList, type ShardRef } from './shard-list.js'

/** Stores a blob, unless it is there already, and says its id. The bytes are the callee's. */
export type PutBlob = (type: BlobType, raw: Buffer) => Promise<Buffer> | Buffer

export interface FinishedManifest {
  /** The id of the shard list: two manifests are equal if and only if these are. */
  readonly tree: Buffer
  readonly entries: number
  readonly shards: number
}

/** Makes a manifest of entries that come in the order of a walk. */
export class ManifestWriter {
  readonly #putBlob: PutBlob
  readonly #guard = new PathGuard()
  readonly #shard = new ShardWriter()
  readonly #shards: ShardRef[] = []
  #entries = 0

  constructor(putBlob: PutBlob) {
    this.#putBlob = putBlob
  }

  /** Returns a promise when there is something to wait for before the next entry, and nothing otherwise: most of the time. */
  add(entry: ManifestEntry): Promise<void> | undefined {
    if (!this.#shard.isFullFor(entry)) return this.#add(entry)
    const wait = this.#cut()
    return wait === undefined ? this.#add(entry) : wait.then(() => this.#add(entry))
  }

  async finish(): Promise<FinishedManifest> {
    if (this.#shard.count > 0) await this.#cut()
    const tree = await this.#putBlob('shard-list', encodeShardList(this.#shards))
    return { tree, entries: this.#entries, shards: this.#shards.length }
  }

  #add(entry: ManifestEntry): Promise<void> | undefined {
    // What could not be read again is not written.
    this.#guard.admit(entry.path, entry.type === 'd')
    this.#entries += 1
    return this.#shard.add(entry) ? this.#cut() : undefined
  }

  #cut(): Promise<void> | undefined {
    const { count: entries, firstPath } = this.#shard
    const id = this.#putBlob('shard', this.#shard.finish())
    if (id instanceof Promise) return id.then((id) => void this.#shards.push({ id, entries, firstPath }))
    this.#shards.push({ id, entries, firstPath })
    return undefined
  }
}
