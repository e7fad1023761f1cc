import { ConvoyError } from '../errors.js'
import {
  type BlobCodec,
  blobCodecCodes,
  blobCodecs,
  type BlobType,
  blobTypeCodes,
  blobTypes,
} from './format/pack-format.js'

/** Where a chunk lies: which pack of the index, and where in it. */
export interface ChunkLocation {
  readonly pack: number
  readonly offset: number
  readonly storedBytes: number
  readonly rawBytes: number
  readonly codec: BlobCodec
  readonly type: BlobType
}

/** Numbers of 32 bits at the beginning of the memory: how many records are taken, how many there can be. */
const headWords = 2
const takenWord = 0
const capacityWord = 1

/** A record is 12 numbers of 32 bits: an id (8), pack + 1 (0: claimed, but nobody has said where), offset, stored bytes, and the rest. */
const recordWords = 12
const packWord = 8

/** How full the slots may be, so that probes stay short. */
const load = 0.6

/** Of the capacity. */
const fullShare = 7 / 8

/**
 * All chunks of a repository by their ids, in memory that threads share: whoever claims an id first stores it, without a message.
 * Records lie one after the other, and slots hold their numbers: 48 bytes for a chunk and 4 for a slot.
 */
export class ChunkTable {
  /** For another thread: {@link ChunkTable.fromShared}. */
  readonly shared: SharedArrayBuffer
  /** How many chunks there is room for. */
  readonly capacity: number
  readonly #head: Int32Array
  readonly #slots: Int32Array
  readonly #records: Int32Array
  readonly #mask: number
  readonly #id = new Int32Array(8)
  readonly #idBytes = Buffer.from(this.#id.buffer)

  private constructor(shared: SharedArrayBuffer) {
    this.shared = shared
    this.#head = new Int32Array(shared, 0, headWords)
    this.capacity = Atomics.load(this.#head, capacityWord)
    const slotCount = slotsFor(this.capacity)
    this.#mask = slotCount - 1
    this.#slots = new Int32Array(shared, headWords * 4, slotCount)
    this.#records = new Int32Array(shared, (headWords + slotCount) * 4, this.capacity * recordWords)
  }

  /** Room for so many chunks at least. Memory is taken as chunks come. */
  static allocate(chunks: number): ChunkTable {
    const capacity = Math.floor(slotsFor(Math.max(chunks, 1024)) * load)
    const shared = new SharedArrayBuffer((headWords + slotsFor(capacity) + capacity * recordWords) * 4)
    new Int32Array(shared, 0, headWords)[capacityWord] = capacity
    return new ChunkTable(shared)
  }

  static fromShared(shared: SharedArrayBuffer): ChunkTable {
    return new ChunkTable(shared)
  }

  /** How many records are taken, by any thread. A claim that two threads made at once may have left one that is never found. */
  get size(): number {
    return Math.min(Atomics.load(this.#head, takenWord), this.capacity)
  }

  /** {@link grow} it before much more is claimed: an eighth is left for threads that do not know yet. */
  get isFull(): boolean {
    return this.size >= this.capacity * fullShare
  }

  /** Whether the id was not there before. */
  claim(id: Buffer): boolean {
    this.#idBytes.set(id)
    return this.#claim() >= 0
  }

  has(id: Buffer): boolean {
    return this.indexOf(id) >= 0
  }

  /** The number of a chunk's record, below `size`; -1 when it is not there. For bitmaps over the table. */
  indexOf(id: Buffer): number {
    this.#idBytes.set(id)
    return this.#find()
  }

  /** Says where a chunk lies, whether or not it was claimed before. */
  put(id: Buffer, location: ChunkLocation): void {
    this.#idBytes.set(id)
    const claimed = this.#claim()
    this.#write(claimed >= 0 ? claimed : this.#find(), location)
  }

  /** The same, unless it is known where the chunk lies. */
  putFirst(id: Buffer, location: ChunkLocation): void {
    this.#idBytes.set(id)
    const claimed = this.#claim()
    const record = claimed >= 0 ? claimed : this.#find()
    if (claimed >= 0 || this.#records[record * recordWords + packWord] === 0) this.#write(record, location)
  }

  /** Undefined also for a chunk that was claimed, and nobody has said yet where it lies. */
  find(id: Buffer): ChunkLocation | undefined {
    const record = this.indexOf(id)
    return record < 0 ? undefined : this.findAt(record)
  }

  findAt(record: number): ChunkLocation | undefined {
    const at = record * recordWords
    const pack = Atomics.load(this.#records, at + packWord) - 1
    const [offset, storedBytes, rest] = this.#records.subarray(at + 9, at + recordWords)
    if (pack < 0 || offset === undefined || storedBytes === undefined || rest === undefined) return undefined
    const codec = blobCodecs[(rest >>> 25) & 3]
    const type = blobTypes[(rest >>> 27) & 7]
    if (codec === undefined || type === undefined) return undefined
    return { pack, offset, storedBytes, rawBytes: rest & 0x1ff_ffff, codec, type }
  }

  idAt(record: number): Buffer {
    const at = record * recordWords
    return Buffer.from(this.#records.slice(at, at + packWord).buffer)
  }

  /** A table of twice the size with the same chunks. Nobody may claim meanwhile, and all threads must go over to it. */
  grow(): ChunkTable {
    const larger = ChunkTable.allocate(this.capacity * 2)
    for (let record = 0; record < this.size; record++) {
      const from = record * recordWords
      larger.#id.set(this.#records.subarray(from, from + packWord))
      const claimed = larger.#claim()
      // A record that lost the race for its slot is there a second time, and says nothing.
      if (this.#records[from + packWord] === 0) continue
      const to = (claimed >= 0 ? claimed : larger.#find()) * recordWords
      larger.#records.set(this.#records.subarray(from + packWord, from + recordWords), to + packWord)
    }
    return larger
  }

  #write(record: number, { pack, offset, storedBytes, rawBytes, codec, type }: ChunkLocation): void {
    const at = record * recordWords
    this.#records[at + 9] = offset
    this.#records[at + 10] = storedBytes
    // A blob has at most 2^24 bytes.
    this.#records[at + 11] = rawBytes | (blobCodecCodes[codec] << 25) | (blobTypeCodes[type] << 27)
    Atomics.store(this.#records, at + packWord, pack + 1)
  }

  /** The number of the record that holds `#id`, or -1. */
  #find(): number {
    for (let slot = this.#firstSlot(); ; slot = (slot + 1) & this.#mask) {
      const record = Atomics.load(this.#slots, slot) - 1
      if (record < 0) return -1
      if (this.#isAt(record)) return record
    }
  }

  /** The number of a new record with `#id`; -1 when there is one already. */
  #claim(): number {
    let own = -1
    for (let slot = this.#firstSlot(); ;) {
      const record = Atomics.load(this.#slots, slot) - 1
      if (record >= 0 && this.#isAt(record)) return -1
      if (record >= 0) {
        slot = (slot + 1) & this.#mask
        continue
      }
      // Written before it is published: whoever sees the slot sees the id. A slot that another thread took is looked at again.
      if (own < 0) own = this.#take()
      if (Atomics.compareExchange(this.#slots, slot, 0, own + 1) === 0) return own
    }
  }

  #take(): number {
    const own = Atomics.add(this.#head, takenWord, 1)
    if (own >= this.capacity) throw new ConvoyError('internal', `the table of chunks is full with ${this.capacity}`)
    this.#records.set(this.#id, own * recordWords)
    return own
  }

  #firstSlot(): number {
    return (this.#id[0] ?? 0) & this.#mask
  }

  #isAt(record: number): boolean {
    const at = record * recordWords
    for (let word = 0; word < packWord; word++) if (this.#records[at + word] !== this.#id[word]) return false
    return true
  }
}

/** A power of two. */
function slotsFor(chunks: number): number {
  return 2 ** Math.ceil(Math.log2(chunks / load))
}
