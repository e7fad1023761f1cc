import type { BlobType } from '../../../src/repository/format/pack-format.js'
import type { PseudoRandom } from '../pseudo-random.js'
import { mutatedBytes } from './mutated-bytes.js'
import { mutatedEntries } from './mutated-entries.js'
import type { PlainEntry, PlainShardReference } from './plain-manifest.js'

/** At which of its layers a repository is made wrong. What lies above follows: ids, lists, indexes and seals are right again. */
export const layers = [
  'entries',
  'shard',
  'shard list',
  'order of shards',
  'extent list',
  'chunk',
  'type of a blob',
  'footer',
  'index',
  'record',
  'payload of a record',
  'config',
  'key slot',
] as const
export type Layer = (typeof layers)[number]

const blobTypes: readonly BlobType[] = ['data', 'extent-list', 'shard', 'shard-list']
/** Of which there are several in a repository. */
const severalOf: ReadonlySet<Layer> = new Set(['shard', 'chunk', 'footer'])
/** What no field of a record may be, or not this one. */
const hostileValues: readonly unknown[] = [
  ...[null, true, -1, 0, 1.5, 1e300, 2 ** 53, '', 'x', '../..', 'f'.repeat(64), '0'.repeat(64)],
  ...[[], [[]], ['x'], {}],
]

export interface PlainBlob {
  id: Buffer
  type: BlobType
  raw: Buffer
}

/** Changes what comes along at its layer, and lets everything else pass. Of several of a kind about every second one is changed. */
export class MutationPoint {
  readonly #layer: Layer | undefined
  readonly #random: PseudoRandom
  #isDone = false

  constructor(layer: Layer | undefined, random: PseudoRandom) {
    this.#layer = layer
    this.#random = random
  }

  bytes(layer: Layer, bytes: Buffer): Buffer {
    return this.#strikesAt(layer) ? mutatedBytes(bytes, this.#random) : bytes
  }

  entries(entries: readonly PlainEntry[]): readonly PlainEntry[] {
    return this.#layer === 'entries' ? mutatedEntries(entries, this.#random) : entries
  }

  order(shards: PlainShardReference[]): PlainShardReference[] {
    if (this.#layer !== 'order of shards') return shards
    const random = this.#random
    const changes = [
      () => shards.toReversed(),
      () => [...shards, random.pick(shards)],
      () => shards.slice(1),
      () => shards.slice(0, -1),
      () =>
        shards.map((shard) => ({ ...shard, entryCount: random.pick([0, 1, shard.entryCount + 1, 2 ** 31, 2 ** 52]) })),
      () => shards.map((shard) => ({ ...shard, firstPath: random.pick(shards).firstPath })),
      () => shards.map((shard) => ({ ...shard, id: random.pick(shards).id })),
      () => Array.from({ length: 3000 }, () => random.pick(shards)),
    ]
    return random.pick(changes)()
  }

  /** A chunk where a shard should be, a shard list where a chunk should be. */
  retype(blobs: PlainBlob[]): void {
    if (this.#layer !== 'type of a blob') return
    const random = this.#random
    const [one, other] = [random.pick(blobs), random.pick(blobs)]
    if (random.integer(2) === 0) one.type = random.pick(blobTypes)
    else [one.id, other.id] = [other.id, one.id]
  }

  record(payload: Buffer): Buffer {
    if (this.#layer !== 'record') return payload
    const random = this.#random
    const record = JSON.parse(payload.toString()) as Record<string, unknown>
    record[random.pick([...Object.keys(record), '__proto__', 'constructor', 'requires'])] = random.pick(hostileValues)
    return Buffer.from(JSON.stringify(record))
  }

  #strikesAt(layer: Layer): boolean {
    if (this.#layer !== layer) return false
    const strikes = !this.#isDone || this.#random.integer(4) === 0
    // The first one that comes along is not always the one.
    if (!this.#isDone && this.#random.integer(2) === 0 && severalOf.has(layer)) return false
    if (strikes) this.#isDone = true
    return strikes
  }
}
