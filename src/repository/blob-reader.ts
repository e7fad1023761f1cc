import { ConvoyError, isConvoyError } from '../errors.js'
import type { CallContext } from '../model/call-context.js'
import { damaged } from './format/damage.js'
import { type BlobType, type PackEntry } from './format/pack-format.js'
import { packObjectKey } from './format/pack-kind.js'
import { PackOpener } from './format/pack-reader.js'
import type { Repository } from './repository.js'
import { type PackInfo, RepositoryIndex } from './repository-index.js'

/** Packs that are read whole once a second blob is wanted, and how many of them are kept. */
const wholePackBytes = 16 * 1024 * 1024
const keptPacks = 3

/**
 * Reads single blobs, each verified: what describes files, mostly. What is read for files in numbers goes by packs. For one
 * operation, which `call` is the context of.
 */
export class BlobReader {
  readonly #repository: Repository
  readonly #call: CallContext
  readonly #opener: PackOpener
  #index: RepositoryIndex
  #reloading: Promise<RepositoryIndex> | undefined
  #hasReloaded = false
  /** By hex ids, the one used last at the end. */
  readonly #wholePacks = new Map<string, Promise<Buffer>>()
  readonly #seenPacks = new Set<string>()

  constructor(repository: Repository, index: RepositoryIndex, call: CallContext) {
    this.#repository = repository
    this.#index = index
    this.#call = call
    this.#opener = new PackOpener(repository.key)
  }

  /**
   * The raw bytes. ConvoyError `damaged`, with the pack that they should be in, when they are not to be had; or when they are there
   * as a blob of another type.
   */
  async read(id: Buffer, type?: BlobType): Promise<Buffer> {
    const index = this.#index
    try {
      return await this.#read(id, type)
    } catch (thrown) {
      if (!isConvoyError(thrown, 'not-found')) throw thrown
      // Perhaps a prune has put it elsewhere meanwhile. What no index has known is looked for in one more.
      if (this.#hasReloaded && index.locate(id) === undefined) throw asDamage(thrown)
      await this.#reload(index)
      return this.#read(id, type).catch((again: unknown) => {
        throw isConvoyError(again, 'not-found') ? asDamage(thrown) : again
      })
    }
  }

  async #read(id: Buffer, type: BlobType | undefined): Promise<Buffer> {
    const hexId = id.toString('hex')
    const found = this.#index.locate(id)
    if (found === undefined) throw new ConvoyError('not-found', `chunk ${hexId} is in no pack that is listed`)
    const { pack, entry } = found
    if (type !== undefined && entry.type !== type) throw damaged(`chunk ${hexId} holds something else`)
    const place = `chunk ${hexId} in ${packObjectKey(pack.kind, pack.id)}`
    try {
      return this.#opener.openBlob(pack, entry, await this.#stored(pack, entry))
    } catch (thrown) {
      if (isConvoyError(thrown, 'damaged')) throw damaged(`${place}: ${thrown.message}`, thrown)
      if (!isConvoyError(thrown, 'not-found')) throw thrown
      throw new ConvoyError('not-found', `${place}: the pack is missing`, { cause: thrown })
    }
  }

  async #stored(pack: PackInfo, entry: PackEntry): Promise<Buffer> {
    const { store } = this.#repository
    const hexId = pack.id.toString('hex')
    const objectKey = packObjectKey(pack.kind, pack.id)
    const isWanted = this.#seenPacks.has(hexId) && pack.kind === 'meta' && pack.sizeBytes <= wholePackBytes
    this.#seenPacks.add(hexId)
    if (!isWanted) return store.get(objectKey, { offset: entry.offset, length: entry.storedBytes }, this.#call)
    const whole = this.#wholePacks.get(hexId) ?? store.get(objectKey, undefined, this.#call)
    this.#keep(hexId, whole)
    return (await whole).subarray(entry.offset, entry.offset + entry.storedBytes)
  }

  #keep(hexId: string, whole: Promise<Buffer>): void {
    this.#wholePacks.delete(hexId)
    this.#wholePacks.set(hexId, whole)
    whole.catch(() => this.#wholePacks.delete(hexId))
    const [oldest] = this.#wholePacks.keys()
    if (this.#wholePacks.size > keptPacks && oldest !== undefined) this.#wholePacks.delete(oldest)
  }

  /** Once for all that miss something at the same time. */
  async #reload(missedIn: RepositoryIndex): Promise<void> {
    if (this.#index !== missedIn) return
    this.#reloading ??= RepositoryIndex.load(this.#repository, { purpose: 'read' }, this.#call)
    try {
      this.#index = await this.#reloading
      this.#hasReloaded = true
    } finally {
      this.#reloading = undefined
    }
  }
}

/** What a backup refers to and is nowhere is damage. */
function asDamage(thrown: unknown): unknown {
  return isConvoyError(thrown, 'not-found') ? damaged(thrown.message, thrown) : thrown
}
