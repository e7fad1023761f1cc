import { ConvoyError, isConvoyError } from '../../errors.js'
import type { CallContext } from '../../model/call-context.js'
import type { Extent } from '../format/entry-body.js'
import type { ManifestEntry } from '../format/manifest-entry.js'
import { ManifestReader } from '../format/manifest-reader.js'
import { BlobReader } from '../blob-reader.js'
import { RecordSet } from '../record-set.js'
import type { BackupName } from '../format/backup-name.js'
import type { Repository } from '../repository.js'
import type { RepositoryIndex } from '../repository-index.js'

/** The chunks of an index that backups refer to: file data, lists and manifests alike. */
export class LiveChunks {
  readonly records: RecordSet
  readonly #repository: Repository
  readonly #index: RepositoryIndex
  readonly #call: CallContext
  readonly #manifest: ManifestReader
  #missingCount = 0

  /** For one operation, which `call` is the context of. */
  constructor(repository: Repository, index: RepositoryIndex, call: CallContext) {
    this.#repository = repository
    this.#index = index
    this.#call = call
    const blobs = new BlobReader(repository, index, call)
    this.#manifest = new ManifestReader((id, type) => blobs.read(id, type))
    this.records = new RecordSet(index.table.capacity)
  }

  /** How often something was referred to that is in no pack. */
  get missingCount(): number {
    return this.#missingCount
  }

  /**
   * Marks what a backup refers to; what other backups have in common with it is not read again. ConvoyError `damaged` when its
   * record or its tree cannot be read: what it refers to is not known then.
   */
  async mark(backup: BackupName): Promise<void> {
    try {
      const { tree } = await this.#repository.readRecord(backup.volume, backup.name, this.#call)
      await this.markTree(tree)
    } catch (thrown) {
      // Removed since it was listed.
      if (isConvoyError(thrown, 'not-found')) return
      throw isConvoyError(thrown, 'damaged') ? unreadable(backup, thrown) : thrown
    }
  }

  /** By the id that a record has. ConvoyError `damaged` when it cannot be read. */
  async markTree(tree: Buffer): Promise<void> {
    if (!this.#add(tree)) return
    for (const shard of await this.#manifest.readShardList(tree)) {
      if (!this.#add(shard.id)) continue
      for (const entry of await this.#manifest.readShard(shard)) await this.#markEntry(entry)
    }
  }

  async #markEntry(entry: ManifestEntry): Promise<void> {
    const { body } = entry
    if (body.form === 'bundled') this.#add(body.chunk)
    if (body.form === 'chunks') this.#addExtents(body.chunks)
    if (body.form !== 'lists' || !this.#addExtents(body.lists)) return
    for await (const extent of this.#manifest.extents(entry)) this.#addExtents([extent])
  }

  /** Whether one of them was not marked before. */
  #addExtents(extents: readonly Extent[]): boolean {
    return extents.map(({ id }) => id !== undefined && this.#add(id)).includes(true)
  }

  /** Whether it was not marked before. */
  #add(id: Buffer): boolean {
    const record = this.#index.table.indexOf(id)
    if (record >= 0) return this.records.add(record)
    this.#missingCount += 1
    return true
  }
}

function unreadable({ volume, name }: BackupName, cause: ConvoyError): ConvoyError {
  return new ConvoyError('damaged', `${name} of ${volume} cannot be read: ${cause.message}`, {
    hint: 'see what `convoy repository repair` says; until then nothing is removed, because it is not known what this backup needs',
    cause,
  })
}
