import { readAt } from '../../host/positioned-io.js'
import { nextData, nextHole } from '../../host/posix.js'
import type { SegmentTask } from './backup-protocol.js'
import type { ChunkPacker } from './chunk-packer.js'
import { Chunker } from '../format/chunker.js'
import { FileWindow } from './file-window.js'
import { KnownExtents } from './known-extents.js'
import { SegmentChunker } from './segment-chunker.js'

/** Smaller holes are read as the zeros that they show: each would break a chunk in two. */
const leastHoleBytes = 32 * 1024

export interface SegmentReaderDeps {
  readonly packer: ChunkPacker
  readonly gearSeed: Buffer
  /** Throws when all is to end. */
  readonly checkStop: () => void
}

/** Reads segments of large files and puts their chunks where those of all files go. */
export class SegmentReader {
  readonly #deps: SegmentReaderDeps
  readonly #window = new FileWindow()
  readonly #chunkers = new Map<number, Chunker>()

  constructor(deps: SegmentReaderDeps) {
    this.#deps = deps
  }

  /** The extents of the segment; they cover less when the file is shorter by now. Throws what the system says of a read. */
  read(task: SegmentTask): Buffer {
    const { fd, offset, length, averageLog2, isSparse, known } = task
    const end = offset + length
    const segment = new SegmentChunker(known === undefined ? undefined : new KnownExtents(known, offset), {
      chunker: this.#chunkerFor(averageLog2),
      window: this.#window,
      put: (id, bytes) => this.#deps.packer.putAs(id, bytes, 'data'),
      checkStop: this.#deps.checkStop,
    })
    this.#window.open((into, position) => readAt(fd, into, position), offset, end)
    let position = offset
    for (const range of isSparse ? dataRanges(fd, offset, end) : [{ start: offset, end }]) {
      segment.addHole(range.start - position)
      position = segment.cut(range.start, range.end)
      // The file ends here by now.
      if (position < range.end) return segment.extents
    }
    segment.addHole(end - position)
    return segment.extents
  }

  #chunkerFor(averageLog2: number): Chunker {
    const chunker = this.#chunkers.get(averageLog2) ?? new Chunker(this.#deps.gearSeed, averageLog2)
    this.#chunkers.set(averageLog2, chunker)
    return chunker
  }
}

/** Where there is data between two offsets; what lies between the ranges are holes. */
function* dataRanges(fd: number, from: number, end: number): Generator<{ start: number; end: number }> {
  let start = findData(fd, from, end)
  while (start < end) {
    let hole = Math.min(nextHole(fd, start), end)
    let next = findData(fd, hole, end)
    while (next - hole < leastHoleBytes && next < end) {
      hole = Math.min(nextHole(fd, next), end)
      next = findData(fd, hole, end)
    }
    yield { start, end: hole }
    start = next
  }
}

function findData(fd: number, from: number, end: number): number {
  return from >= end ? end : Math.min(nextData(fd, from) ?? end, end)
}
