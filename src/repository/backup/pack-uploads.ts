import { type ConvoyError, toConvoyError } from '../../errors.js'
import type { CallContext } from '../../model/call-context.js'
import type { IndexedPack } from '../format/index-segment.js'
import { packObjectKey } from '../format/pack-kind.js'
import type { Pack } from '../format/pack-writer.js'
import type { Repository } from '../repository.js'

const packsPerSegment = 256

export interface PackUploadsDeps {
  readonly repository: Repository
  /** Of the first that could not be stored, and of all after it. */
  readonly onFailure: (failure: ConvoyError) => void
  /** A pack has arrived. */
  readonly onStored: () => void
}

/**
 * Stores packs, several at once, and lists in the index those that have arrived. Whoever adds packs sees to it that there are not too
 * many: a pack stays in memory until it has been stored.
 */
export class PackUploads {
  readonly #deps: PackUploadsDeps
  readonly #call: CallContext
  readonly #underWay = new Set<Promise<void>>()
  #unlisted: IndexedPack[] = []
  #listed: Promise<void> = Promise.resolve()
  #storedBytes = 0
  #failure: ConvoyError | undefined

  /** `call` outlives the caller's: what has begun is finished when a backup is stopped. */
  constructor(deps: PackUploadsDeps, call: CallContext) {
    this.#deps = deps
    this.#call = call
  }

  /** In packs that have arrived. */
  get storedBytes(): number {
    return this.#storedBytes
  }

  /** Lists these as well, which are in the store already. */
  adopt(packs: readonly IndexedPack[]): void {
    this.#unlisted.push(...packs)
  }

  /** Resolves when the pack is stored, or could not be: then `onFailure` has heard of it, and so does `finish`. */
  async add(pack: Pack): Promise<void> {
    const stored = this.#store(pack).catch((thrown: unknown) => this.#fail(thrown))
    this.#underWay.add(stored)
    await stored
    this.#underWay.delete(stored)
  }

  /** Resolves when all packs are stored and listed. ConvoyError of whatever could not be. */
  async finish(): Promise<void> {
    await this.#settlePacks()
    this.#list()
    await this.#listed
    if (this.#failure !== undefined) throw this.#failure
  }

  /** Resolves when nothing is under way any more. */
  async settle(): Promise<void> {
    await this.#settlePacks()
    await this.#listed
  }

  async #settlePacks(): Promise<void> {
    while (this.#underWay.size > 0) await Promise.all(this.#underWay)
  }

  async #store({ id, kind, salt, bytes, entries }: Pack): Promise<void> {
    await this.#deps.repository.store.put(packObjectKey(kind, id), bytes, { sha256: id }, this.#call)
    this.#storedBytes += bytes.length
    this.#unlisted.push({ id, kind, salt, packBytes: bytes.length, entries })
    if (this.#unlisted.length >= packsPerSegment) this.#list()
    this.#deps.onStored()
  }

  #list(): void {
    const packs = this.#unlisted
    this.#unlisted = []
    if (packs.length === 0) return
    const before = this.#listed
    const store = async () => {
      await before
      await this.#deps.repository.putIndex(packs, this.#call)
    }
    this.#listed = store().catch((thrown: unknown) => this.#fail(thrown))
  }

  #fail(thrown: unknown): void {
    this.#failure ??= toConvoyError(thrown)
    this.#deps.onFailure(this.#failure)
  }
}
