/** Bytes that a gear table is made of. */
export const gearSeedBytes = 1024

/** The averages that a file may have been cut with, as powers of two: 16 KiB to 4 MiB. */
export const averageLog2Limits = { least: 14, most: 22 } as const

/** The gear hash has 32 bits and shifts left, so bit k knows the last k + 1 bytes: masks take the top bits. */
const windowBytes = 32

/** How much sharper the mask is before the average and how much blunter after it, in bits. */
const normalisation = 2

/**
 * Cuts bytes where their content says, so that an insertion moves few cuts (FastCDC with a gear hash). The table comes from the
 * repository's key: sizes of chunks tell nothing about known files.
 */
export class Chunker {
  /** What `cut` must be able to see, unless the data end before. */
  readonly maximumBytes: number
  readonly #minimumBytes: number
  readonly #averageBytes: number
  readonly #gear: Int32Array
  readonly #maskBefore: number
  readonly #maskAfter: number

  constructor(gearSeed: Uint8Array, averageLog2: number) {
    this.#gear = gearTableOf(gearSeed)
    this.#averageBytes = 2 ** averageLog2
    this.#minimumBytes = this.#averageBytes / 4
    this.maximumBytes = this.#averageBytes * 4
    this.#maskBefore = topBits(averageLog2 + normalisation)
    this.#maskAfter = topBits(averageLog2 - normalisation)
  }

  /** Where the first chunk of `bytes` from `start` up to `end` ends. */
  cut(bytes: Uint8Array, start: number, end: number): number {
    if (end - start <= this.#minimumBytes) return end
    const last = Math.min(end, start + this.maximumBytes)
    const middle = Math.min(last, start + this.#averageBytes)
    const early = this.#scan(bytes, start + this.#minimumBytes, middle, this.#maskBefore)
    if (early > 0) return early
    const late = this.#scan(bytes, middle, last, this.#maskAfter)
    return late > 0 ? late : last
  }

  /** Where a chunk ends that is cut from `from` up to `to` at the latest; 0 for nowhere. One loop, so that the compiler gets it right. */
  #scan(bytes: Uint8Array, from: number, to: number, mask: number): number {
    const gear = this.#gear
    let hash = this.#hashBefore(bytes, from)
    // The indices are in range: a byte is below 256, and `at` below the length.
    for (let at = from; at < to; at++) {
      hash = ((hash << 1) + (gear[bytes[at] as number] as number)) | 0
      if ((hash & mask) === 0) return at + 1
    }
    return 0
  }

  /** Of the bytes before that one, which are all that it knows: a cut depends on them and not on where the chunk began. */
  #hashBefore(bytes: Uint8Array, end: number): number {
    let hash = 0
    for (let at = end - windowBytes; at < end; at++)
      hash = ((hash << 1) + (this.#gear[bytes[at] as number] as number)) | 0
    return hash
  }
}

/** 256 signed numbers of 32 bits. */
export function gearTableOf(seed: Uint8Array): Int32Array {
  const view = new DataView(seed.buffer, seed.byteOffset, gearSeedBytes)
  return Int32Array.from({ length: gearSeedBytes / 4 }, (_, index) => view.getInt32(index * 4, true))
}

function topBits(count: number): number {
  return -1 << (32 - count)
}
