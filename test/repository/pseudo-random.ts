import { createCipheriv, createHash } from 'node:crypto'

const reserveBytes = 2 ** 20

/** Bytes and numbers that look random and that the same seed gives again: the key stream of AES, because that takes no time. */
export class PseudoRandom {
  readonly #cipher
  #reserve = Buffer.alloc(0)
  #used = 0

  constructor(seed: string) {
    const key = createHash('sha256').update(seed).digest()
    this.#cipher = createCipheriv('aes-256-ctr', key, Buffer.alloc(16))
  }

  bytes(length: number): Buffer {
    // Asking the cipher for every few bytes would take longer than making them.
    if (length > reserveBytes / 16) return this.#cipher.update(Buffer.alloc(length))
    if (this.#used + length > this.#reserve.length) {
      this.#reserve = this.#cipher.update(Buffer.alloc(reserveBytes))
      this.#used = 0
    }
    this.#used += length
    return this.#reserve.subarray(this.#used - length, this.#used)
  }

  /** From 0 to below `limit`, which is at most 2^32. */
  integer(limit: number): number {
    return this.bytes(4).readUInt32LE() % limit
  }

  pick<T>(list: readonly T[]): T {
    return list[this.integer(list.length)]!
  }
}

/** What CONVOY_SEED says; another one for each soak, and always the same in the suite, so that a failure there is one of the change. */
export function chooseSeed(): string {
  const isSoak = process.env['CONVOY_SOAK'] === '1'
  return process.env['CONVOY_SEED'] ?? (isSoak ? String(Math.floor(Math.random() * 2 ** 31)) : '1')
}
