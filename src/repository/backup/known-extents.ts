import { chunkIdBytes } from '../format/chunk-id.js'
import { asBuffer, extentBytes } from './backup-protocol.js'

/** Stands in place of an id for bytes that are all zero. */
export const holeId = Buffer.alloc(chunkIdBytes)

/** What a part of a file consisted of in the parent backup, in order. */
export class KnownExtents {
  readonly #extents: Buffer
  readonly #starts: Float64Array
  #cursor = 0

  /** `extents` as they cross threads: an id and a u32 length each. They begin at byte `start` of the file. */
  constructor(extents: Uint8Array, start: number) {
    this.#extents = asBuffer(extents)
    this.#starts = new Float64Array(extents.length / extentBytes)
    let position = start
    for (let index = 0; index < this.#starts.length; index++) {
      this.#starts[index] = position
      position += this.lengthOf(index)
    }
  }

  get count(): number {
    return this.#starts.length
  }

  startOf(index: number): number {
    return this.#starts[index] ?? Number.POSITIVE_INFINITY
  }

  endOf(index: number): number {
    return this.startOf(index) + this.lengthOf(index)
  }

  lengthOf(index: number): number {
    return this.#extents.readUInt32LE(index * extentBytes + chunkIdBytes)
  }

  idOf(index: number): Buffer {
    return this.#extents.subarray(index * extentBytes, index * extentBytes + chunkIdBytes)
  }

  isHole(index: number): boolean {
    return this.idOf(index).equals(holeId)
  }

  /** Which extent begins exactly there. Asked with positions that only grow. */
  indexAt(position: number): number | undefined {
    while (this.startOf(this.#cursor) < position) this.#cursor++
    return this.startOf(this.#cursor) === position ? this.#cursor : undefined
  }
}
