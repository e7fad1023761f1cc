import { chunkIdBytes, chunkIdOf } from '../format/chunk-id.js'
import type { Chunker } from '../format/chunker.js'
import { extentBytes } from './backup-protocol.js'
import { FileWindow } from './file-window.js'
import { holeId, type KnownExtents } from './known-extents.js'

export interface SegmentDeps {
  readonly chunker: Chunker
  readonly window: FileWindow
  /** Stores the chunk of that id, unless the repository has it. */
  readonly put: (id: Buffer, bytes: Buffer) => void
  /** Throws when the work is to end at once. */
  readonly checkStop: () => void
}

/** How many chunks of the parent are tried behind one that has changed. */
const lookahead = 8
/** So often none of them may be found before the parent is left alone: what is there now has moved, or is something else. */
const patience = 4

const zeros = Buffer.alloc(FileWindow.sizeBytes)

/**
 * Cuts a part of a file into extents. Where chunks of the parent backup are still there they are kept as they are, and only what lies
 * between them is cut anew: pages that a database rewrites in place cost the chunks that they are in, and no more.
 */
export class SegmentChunker {
  readonly #deps: SegmentDeps
  readonly #known: KnownExtents | undefined
  readonly #extents: { id: Buffer; length: number }[] = []
  #patience = patience

  constructor(known: KnownExtents | undefined, deps: SegmentDeps) {
    this.#known = known
    this.#deps = deps
  }

  /** The extents so far, as they cross threads. */
  get extents(): Buffer {
    const packed = Buffer.allocUnsafeSlow(this.#extents.length * extentBytes)
    for (const [index, { id, length }] of this.#extents.entries()) {
      id.copy(packed, index * extentBytes)
      packed.writeUInt32LE(length, index * extentBytes + chunkIdBytes)
    }
    return packed
  }

  addHole(length: number): void {
    const last = this.#extents.at(-1)
    if (last?.id === holeId) last.length += length
    else if (length > 0) this.#extents.push({ id: holeId, length })
  }

  /** Cuts the file's bytes from `start` to `end`, and returns where it ended: earlier when the file is shorter. */
  cut(start: number, end: number): number {
    let position = start
    while (position < end) {
      this.#deps.checkStop()
      const next = this.#cutNext(position, end)
      if (next === position) break
      position = next
    }
    return position
  }

  #cutNext(position: number, end: number): number {
    const known = this.#known
    const first = this.#patience === 0 ? undefined : known?.indexAt(position)
    if (known === undefined || first === undefined) return this.#cutOne(position, end)
    const index = this.#findKnown(known, first, { position, end })
    if (index === undefined) {
      this.#patience--
      return this.#cutOne(position, end)
    }
    // What comes before it has changed, and still lies in the window.
    for (let cut = position; cut < known.startOf(index);) cut = this.#cutOne(cut, known.startOf(index))
    this.#keep(known, index)
    return known.endOf(index)
  }

  /** The first chunk of the parent, of the next few, that is still where it was. */
  #findKnown(known: KnownExtents, first: number, range: { position: number; end: number }): number | undefined {
    for (let index = first; index < Math.min(known.count, first + lookahead); index++) {
      const reach = known.endOf(index) - range.position
      if (reach > FileWindow.sizeBytes || known.endOf(index) > range.end) return undefined
      const bytes = this.#deps.window.bytes(range.position, reach)
      if (isThere(known, index, bytes.subarray(known.startOf(index) - range.position))) return index
    }
    return undefined
  }

  #keep(known: KnownExtents, index: number): void {
    if (known.isHole(index)) this.addHole(known.lengthOf(index))
    else this.#add(known.idOf(index), this.#deps.window.bytes(known.startOf(index), known.lengthOf(index)))
  }

  /** Cuts one chunk, and returns where it ends. */
  #cutOne(position: number, end: number): number {
    const { chunker, window } = this.#deps
    const bytes = window.bytes(position, Math.min(chunker.maximumBytes, end - position))
    if (bytes.length === 0) return position
    const chunk = bytes.subarray(0, chunker.cut(bytes, 0, bytes.length))
    if (isZero(chunk)) this.addHole(chunk.length)
    else this.#add(chunkIdOf(chunk), chunk)
    return position + chunk.length
  }

  #add(id: Buffer, bytes: Buffer): void {
    this.#deps.put(id, bytes)
    this.#extents.push({ id, length: bytes.length })
  }
}

function isThere(known: KnownExtents, index: number, bytes: Buffer): boolean {
  if (bytes.length !== known.lengthOf(index)) return false
  return known.isHole(index) ? isZero(bytes) : chunkIdOf(bytes).equals(known.idOf(index))
}

function isZero(bytes: Buffer): boolean {
  if (bytes[0] !== 0 || bytes[bytes.length - 1] !== 0) return false
  return bytes.equals(zeros.subarray(0, bytes.length))
}
