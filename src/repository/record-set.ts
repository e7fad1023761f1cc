/** A set of records of a ChunkTable, by their numbers: one bit for each. */
export class RecordSet {
  readonly #bits: Uint32Array
  #size = 0

  /** For numbers below `capacity`. */
  constructor(capacity: number) {
    this.#bits = new Uint32Array(Math.ceil(capacity / 32))
  }

  get size(): number {
    return this.#size
  }

  has(record: number): boolean {
    return ((this.#bits[record >>> 5] ?? 0) & (1 << (record & 31))) !== 0
  }

  /** Whether it was not there before. */
  add(record: number): boolean {
    if (this.has(record)) return false
    const word = record >>> 5
    this.#bits[word] = (this.#bits[word] ?? 0) | (1 << (record & 31))
    this.#size += 1
    return true
  }

  /** In ascending order. */
  *[Symbol.iterator](): Generator<number> {
    for (const [word, bits] of this.#bits.entries()) {
      if (bits === 0) continue
      for (let bit = 0; bit < 32; bit++) if ((bits & (1 << bit)) !== 0) yield word * 32 + bit
    }
  }
}
