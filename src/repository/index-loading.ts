import { type ConvoyError, isConvoyError, toConvoyError } from '../errors.js'
import type { CallContext } from '../model/call-context.js'
import { readCondemnedLists } from './condemned.js'
import { decodeIndexSegment, type IndexedPack } from './format/index-segment.js'
import { packEntryBytes } from './format/pack-format.js'
import { readAhead } from './format/read-ahead.js'
import type { Repository } from './repository.js'
import type { IndexPurpose, PackState, RepositoryIndex, SegmentInfo } from './repository-index.js'
import { listRepository, type RepositoryListing } from './repository-listing.js'

const segmentsAtOnce = 8

/** Says whether the index is whole: a segment may have gone since it was listed. */
export async function fillIndex(index: RepositoryIndex, repository: Repository, call: CallContext): Promise<boolean> {
  const condemned = await readCondemned(repository, index.purpose, call)
  const listing = await listRepository(repository.store, call)
  const listedBytes = listing.segments.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
  // Ids do not compress: sealed entries are hardly smaller than what they are.
  index.reserve(Math.ceil((listedBytes / packEntryBytes) * 1.25))
  index.damage.push(...condemned.damage)
  const loading = new IndexLoading(index, { listing, condemned: condemned.packs })
  const readings = readAhead(listing.segments, segmentsAtOnce, ({ key }) => readSegment(repository, key, call))
  for (const [segment, reading] of readings) {
    const payload = await reading
    if (payload === 'gone') return false
    loading.addSegment(segment, payload)
  }
  loading.finish()
  return true
}

/** What is read of a segment, or why nothing is. */
async function readSegment(
  repository: Repository,
  key: string,
  call: CallContext,
): Promise<Buffer | ConvoyError | 'gone'> {
  try {
    return await repository.getSealed(key, call)
  } catch (thrown) {
    if (isConvoyError(thrown, 'not-found')) return 'gone'
    if (isConvoyError(thrown, 'damaged')) return thrown
    throw thrown
  }
}

async function readCondemned(repository: Repository, purpose: IndexPurpose, call: CallContext) {
  try {
    const lists = await readCondemnedLists(repository, call)
    return { packs: new Set(lists.flatMap(({ packs }) => packs.map(({ id }) => id.toString('hex')))), damage: [] }
  } catch (thrown) {
    // Readers lose nothing when they do not know what is to go.
    if (purpose === 'write' || !isConvoyError(thrown, 'damaged')) throw thrown
    return { packs: new Set<string>(), damage: [{ key: 'condemned/', message: thrown.message }] }
  }
}

/** What an index is made of, segment by segment. */
class IndexLoading {
  readonly #index: RepositoryIndex
  readonly #listing: RepositoryListing
  readonly #condemned: ReadonlySet<string>
  /** Numbers of packs by their hex ids; undefined for one that is added last. */
  readonly #numbers = new Map<string, number | undefined>()
  /** Packs that are not as they should be: a chunk that lies in a healthy one as well is looked for there. */
  readonly #doubtful = new Map<string, { readonly pack: IndexedPack; readonly state: PackState }>()
  readonly #packsOfSegments: {
    readonly key: string
    readonly storedAtMs: number
    readonly hexIds: readonly string[]
  }[] = []

  constructor(
    index: RepositoryIndex,
    listed: { readonly listing: RepositoryListing; readonly condemned: ReadonlySet<string> },
  ) {
    this.#index = index
    this.#listing = listed.listing
    this.#condemned = listed.condemned
  }

  addSegment({ key, storedAtMs }: Pick<SegmentInfo, 'key' | 'storedAtMs'>, payload: Buffer | ConvoyError): void {
    const hexIds: string[] = []
    try {
      if (!Buffer.isBuffer(payload)) throw payload
      for (const pack of decodeIndexSegment(payload)) {
        hexIds.push(pack.id.toString('hex'))
        this.#addPack(pack)
      }
    } catch (thrown) {
      if (!isConvoyError(thrown, 'damaged')) throw thrown
      this.#index.damage.push({ key, message: toConvoyError(thrown).message })
    }
    this.#packsOfSegments.push({ key, storedAtMs, hexIds })
  }

  finish(): void {
    for (const [hexId, { pack, state }] of this.#doubtful)
      this.#numbers.set(hexId, this.#index.addPack(pack, this.#found(hexId, state)))
    for (const { key, storedAtMs, hexIds } of this.#packsOfSegments) {
      const packs = hexIds.flatMap((hexId) => this.#numbers.get(hexId) ?? [])
      this.#index.segments.push({ key, storedAtMs, packs })
    }
    const isOrphan = (hexId: string) =>
      !this.#numbers.has(hexId) && !this.#condemned.has(hexId) && !this.#listing.damaged.has(hexId)
    this.#index.orphans = [...this.#listing.packs].flatMap(([hexId, pack]) => (isOrphan(hexId) ? pack : []))
  }

  /** A pack may be in several segments: its entries are the same in each. */
  #addPack(pack: IndexedPack): void {
    const hexId = pack.id.toString('hex')
    if (this.#numbers.has(hexId)) return
    const state = this.#stateOf(hexId, pack)
    this.#numbers.set(hexId, state === 'there' ? this.#index.addPack(pack, this.#found(hexId, state)) : undefined)
    if (state !== 'there') this.#doubtful.set(hexId, { pack, state })
  }

  #stateOf(hexId: string, { kind, packBytes }: IndexedPack): PackState {
    const listed = this.#listing.packs.get(hexId)
    if (listed?.kind !== kind) return 'missing'
    if (listed.sizeBytes !== packBytes) return 'wrong-size'
    if (this.#listing.damaged.has(hexId)) return 'damaged'
    return this.#condemned.has(hexId) ? 'condemned' : 'there'
  }

  #found(hexId: string, state: PackState) {
    const storedAtMs = this.#listing.packs.get(hexId)?.storedAtMs
    return { state, ...(storedAtMs === undefined ? {} : { storedAtMs }) }
  }
}
