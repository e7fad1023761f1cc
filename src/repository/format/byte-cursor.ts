import { damaged } from './damage.js'

/** Of unsigned LEB128, whole numbers below 2^53, in as few bytes as they take. */
const maximumVarintBytes = 8

/** Reads along bytes that may be anything: ConvoyError `damaged` at what is cut off, or no number as we write it. */
export class ByteCursor {
  readonly bytes: Buffer
  at = 0

  constructor(bytes: Buffer) {
    this.bytes = bytes
  }

  get isAtEnd(): boolean {
    return this.at >= this.bytes.length
  }

  get left(): number {
    return this.bytes.length - this.at
  }

  byte(): number {
    const byte = this.bytes[this.at++]
    if (byte === undefined) throw damaged('it was cut off')
    return byte
  }

  varint(): number {
    const first = this.byte()
    return first < 0x80 ? first : this.#longVarint(first)
  }

  /** A varint that counts or measures what follows, so it cannot be more than is left, nor than that. */
  length(maximum = this.bytes.length): number {
    const length = this.varint()
    if (length > maximum || length > this.left) throw damaged('it contains a length that is too large')
    return length
  }

  uint32(): number {
    const at = this.skip(4)
    return this.bytes.readUInt32LE(at)
  }

  /** A view. */
  take(length: number): Buffer {
    const at = this.skip(length)
    return this.bytes.subarray(at, at + length)
  }

  /** Says where it was. */
  skip(length: number): number {
    const at = this.at
    if (length > this.left) throw damaged('it was cut off')
    this.at += length
    return at
  }

  #longVarint(first: number): number {
    let value = first & 0x7f
    let scale = 0x80
    for (let count = 1; count < maximumVarintBytes; count++) {
      const byte = this.byte()
      value += (byte & 0x7f) * scale
      scale *= 0x80
      if (byte >= 0x80) continue
      if (byte === 0 || value > Number.MAX_SAFE_INTEGER) break
      return value
    }
    throw damaged('it contains a number that is none')
  }
}
