import type { CallContext } from '../../model/call-context.js'
import type { IndexedPack } from '../format/index-segment.js'
import type { BlobType } from '../format/pack-format.js'
import { type PackKind, packObjectKey } from '../format/pack-kind.js'
import { type Pack, PackWriter } from '../format/pack-writer.js'
import type { Repository } from '../repository.js'

const targetBytes = { data: 32 * 1024 * 1024, meta: 8 * 1024 * 1024 } as const satisfies Record<PackKind, number>
const packsPerSegment = 256

/** Stores blobs in new packs, one after the other, and lists the packs in the index. */
export class PackStorage {
  readonly #repository: Repository
  readonly #writers: Readonly<Record<PackKind, PackWriter>>
  #unlisted: IndexedPack[] = []
  #storedBytes = 0

  constructor(repository: Repository) {
    this.#repository = repository
    const { key } = repository
    const open = (kind: PackKind) => new PackWriter({ key, kind, targetBytes: targetBytes[kind] })
    this.#writers = { data: open('data'), meta: open('meta') }
  }

  /** In packs that have been stored. */
  get storedBytes(): number {
    return this.#storedBytes
  }

  async add(
    blob: { readonly id: Buffer; readonly type: BlobType; readonly raw: Buffer },
    call: CallContext,
  ): Promise<void> {
    const writer = this.#writers[blob.type === 'data' ? 'data' : 'meta']
    writer.add(blob.id, blob.type, blob.raw)
    if (writer.isFull) await this.#store(writer.finish(), call)
  }

  /** All that was added is stored and listed once this resolves. */
  async finish(call: CallContext): Promise<void> {
    for (const writer of Object.values(this.#writers)) if (!writer.isEmpty) await this.#store(writer.finish(), call)
    await this.#list(call)
  }

  async #store({ id, kind, salt, bytes, entries }: Pack, call: CallContext): Promise<void> {
    await this.#repository.store.put(packObjectKey(kind, id), bytes, { sha256: id }, call)
    this.#storedBytes += bytes.length
    this.#unlisted.push({ id, kind, salt, packBytes: bytes.length, entries })
    if (this.#unlisted.length >= packsPerSegment) await this.#list(call)
  }

  async #list(call: CallContext): Promise<void> {
    await this.#repository.putIndex(this.#unlisted, call)
    this.#unlisted = []
  }
}
