const windowBytes = 8 * 1024 * 1024

/** Fills `into` from `position` of the file; returns how many bytes there were. */
export type ReadAt = (into: Buffer, position: number) => number

/** A part of a file that moves forwards, read in large pieces. */
export class FileWindow {
  readonly #buffer = Buffer.allocUnsafeSlow(windowBytes)
  #read: ReadAt = () => 0
  /** What it holds: bytes of the file from `#from` up to `#to`. */
  #from = 0
  #to = 0
  #end = 0

  static readonly sizeBytes = windowBytes

  /** From here on it shows that file, up to `end`. */
  open(read: ReadAt, start: number, end: number): void {
    this.#read = read
    this.#from = this.#to = start
    this.#end = end
  }

  /**
   * The bytes at `position`, valid until the next call: `length` of them, at most `sizeBytes`, or fewer where the file or the part that
   * was opened ends. Positions may only grow.
   */
  bytes(position: number, length: number): Buffer {
    const wanted = Math.min(position + length, this.#end)
    if (wanted > this.#to) this.#fill(position, wanted)
    const start = position - this.#from
    return this.#buffer.subarray(start, Math.max(start, Math.min(wanted, this.#to) - this.#from))
  }

  #fill(position: number, wanted: number): void {
    if (wanted - this.#from > windowBytes || position >= this.#to) this.#moveTo(position)
    const at = this.#to - this.#from
    const room = Math.min(windowBytes - at, this.#end - this.#to)
    const count = this.#read(this.#buffer.subarray(at, at + room), this.#to)
    this.#to += count
    if (count < room) this.#end = this.#to
  }

  #moveTo(position: number): void {
    if (position < this.#to) this.#buffer.copyWithin(0, position - this.#from, this.#to - this.#from)
    this.#to = Math.max(this.#to, position)
    this.#from = position
  }
}
