/** Varints have at most 53 bits. */
const maximumVarintBytes = 8

/** Writes one thing behind the other into memory that grows, and is used again. */
export class ByteWriter {
  #bytes: Buffer
  #size = 0

  constructor(initialBytes: number) {
    this.#bytes = Buffer.allocUnsafeSlow(initialBytes)
  }

  get size(): number {
    return this.#size
  }

  byte(value: number): void {
    const at = this.skip(1)
    this.#bytes[at] = value
  }

  /** A whole number below 2^53, in as few bytes as it takes. */
  varint(value: number): void {
    this.#reserve(maximumVarintBytes)
    let rest = value
    for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) this.#bytes[this.#size++] = (rest % 0x80) | 0x80
    this.#bytes[this.#size++] = rest
  }

  uint32(value: number): void {
    const at = this.skip(4)
    this.#bytes.writeUInt32LE(value, at)
  }

  /** The bytes from an offset on. */
  put(bytes: Buffer, from = 0): void {
    const at = this.skip(bytes.length - from)
    bytes.copy(this.#bytes, at, from)
  }

  /** With how many there are before them. */
  putCounted(bytes: Buffer): void {
    this.varint(bytes.length)
    this.put(bytes)
  }

  /** Leaves room for so many bytes; says where. */
  skip(length: number): number {
    this.#reserve(length)
    const at = this.#size
    this.#size += length
    return at
  }

  /** What has been written: a view, until more is. */
  get written(): Buffer {
    return this.#bytes.subarray(0, this.#size)
  }

  clear(): void {
    this.#size = 0
  }

  #reserve(length: number): void {
    if (this.#size + length <= this.#bytes.length) return
    const larger = Buffer.allocUnsafeSlow(Math.max(this.#bytes.length * 2, this.#size + length))
    this.#bytes.copy(larger, 0, 0, this.#size)
    this.#bytes = larger
  }
}
