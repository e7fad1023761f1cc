import { ConvoyError } from '../errors.js'
import type { CallContext } from '../model/call-context.js'
import { ChunkTable } from './chunk-table.js'
import type { IndexedPack } from './format/index-segment.js'
import { fillIndex } from './index-loading.js'
import { adoptOrphans } from './orphan-adoption.js'
import { decodeEntries, type PackEntry } from './format/pack-format.js'
import type { PackKind } from './format/pack-kind.js'
import type { Repository } from './repository.js'
import type { ListedPack } from './repository-listing.js'

/**
 * `there`: as it should be. `missing`: indexed, and not in the store. `wrong-size`: in the store with another length. `damaged`:
 * somebody has found it so. `condemned`: a prune means to remove it.
 */
export type PackState = 'there' | 'missing' | 'wrong-size' | 'damaged' | 'condemned'

/** A pack that is indexed. */
export interface PackInfo {
  readonly id: Buffer
  readonly kind: PackKind
  readonly salt: Buffer
  /** As the index has it. */
  readonly sizeBytes: number
  /** Undefined for a pack that is missing, and for one that was added after loading. */
  readonly storedAtMs: number | undefined
  readonly chunks: number
  readonly state: PackState
}

/** An index segment, and which of `packs` it lists. */
export interface SegmentInfo {
  readonly key: string
  readonly storedAtMs: number
  readonly packs: readonly number[]
}

/** Something that does not open, or is not what it should be. */
export interface IndexDamage {
  readonly key: string
  readonly message: string
}

/**
 * `write`: only what a new backup may refer to. `read`: also chunks that lie in damaged or condemned packs only; they may be healthy
 * themselves.
 */
export type IndexPurpose = 'read' | 'write'

export interface LoadIndexOptions {
  readonly purpose: IndexPurpose
  /** How many chunks there should be room for besides those that there are. */
  readonly spareChunks?: number
}

/** How often everything is looked at anew because a prune has replaced segments meanwhile. */
const mostAttempts = 5

/** Where every chunk of a repository lies, as its index segments say and its listing confirms. */
export class RepositoryIndex {
  readonly purpose: IndexPurpose
  /** By the numbers that the table gives. */
  readonly packs: PackInfo[] = []
  readonly segments: SegmentInfo[] = []
  readonly damage: IndexDamage[] = []
  /** Packs in the store that no segment lists, and that are neither damaged nor condemned. */
  orphans: readonly ListedPack[] = []
  #table = ChunkTable.allocate(0)

  /** An index of nothing; see {@link RepositoryIndex.load}. */
  constructor(purpose: IndexPurpose) {
    this.purpose = purpose
  }

  /**
   * Reads all segments, and lists the packs. A segment that does not open is listed under `damage`: its packs are orphans then.
   * For writing, ConvoyError `damaged` when a list of condemned packs does not open.
   */
  static async load(repository: Repository, options: LoadIndexOptions, call: CallContext): Promise<RepositoryIndex> {
    for (let attempt = 0; attempt < mostAttempts; attempt++) {
      const index = new RepositoryIndex(options.purpose)
      const isWhole = await fillIndex(index, repository, call)
      if (!isWhole) continue
      index.reserve(options.spareChunks ?? 0)
      return index
    }
    throw new ConvoyError('unavailable', `the index of ${repository.store.url} changes faster than it can be read`)
  }

  /** Another one after {@link reserve} or {@link addPack} when it was full. */
  get table(): ChunkTable {
    return this.#table
  }

  /** Makes room for so many more chunks: before the table is given to threads. */
  reserve(chunks: number): void {
    while (this.#table.capacity * fullShare < this.#table.size + chunks) this.#table = this.#table.grow()
  }

  /** Takes in what was just stored, or read; a chunk that lies elsewhere already stays there. Says the number of the pack. */
  addPack(
    pack: IndexedPack,
    found: { readonly state: PackState; readonly storedAtMs?: number } = { state: 'there' },
  ): number {
    const { id, kind, salt, packBytes, entries } = pack
    const decoded = decodeEntries(entries, { kind, packBytes })
    const { state, storedAtMs } = found
    // Copies: what is kept must not keep a whole segment.
    const info = { id: Buffer.from(id), kind, salt: Buffer.from(salt), sizeBytes: packBytes, chunks: decoded.length }
    const number = this.packs.push({ ...info, state, storedAtMs }) - 1
    if (state !== 'missing' && (state === 'there' || this.purpose === 'read')) this.#addEntries(number, decoded)
    return number
  }

  /** Where a chunk lies, if it does. */
  locate(id: Buffer): { readonly pack: PackInfo; readonly entry: PackEntry } | undefined {
    const location = this.#table.find(id)
    const pack = location === undefined ? undefined : this.packs[location.pack]
    return location === undefined || pack === undefined ? undefined : { pack, entry: { ...location, id } }
  }

  /**
   * Reads what the orphans list, and takes them in: what an interrupted backup has stored need not be stored again. Returns them
   * for the index segment that must be stored before a record refers to them. Those that do not open remain orphans, under `damage`.
   */
  async adoptOrphans(repository: Repository, call: CallContext): Promise<readonly IndexedPack[]> {
    const { adopted, left, damage } = await adoptOrphans(repository, this.orphans, call)
    this.orphans = left
    this.damage.push(...damage)
    for (const { pack, storedAtMs } of adopted) this.addPack(pack, { state: 'there', storedAtMs })
    return adopted.map(({ pack }) => pack)
  }

  #addEntries(pack: number, entries: readonly PackEntry[]): void {
    this.reserve(entries.length)
    for (const { id, offset, storedBytes, rawBytes, codec, type } of entries)
      this.#table.putFirst(id, { pack, offset, storedBytes, rawBytes, codec, type })
  }
}

/** Of the capacity of a table: see ChunkTable.isFull. */
const fullShare = 7 / 8
