import { chunkIdOf } from '../format/chunk-id.js'
import type { ChunkTable } from '../chunk-table.js'
import type { BlobType } from '../format/pack-format.js'
import type { Pack, PackWriter } from '../format/pack-writer.js'

/** The table of chunks as all parts of one thread see it: a larger one takes its place when it is full. */
export interface ChunkTableInUse {
  table: ChunkTable
}

export interface ChunkPackerDeps {
  readonly packs: PackWriter
  readonly onPack: (pack: Pack) => void
}

/** Gives chunks their ids and packs those that the repository does not have. Every chunk of a backup goes through one of these. */
export class ChunkPacker {
  readonly #chunks: ChunkTableInUse
  readonly #deps: ChunkPackerDeps
  #newBytes = 0

  constructor(chunks: ChunkTableInUse, deps: ChunkPackerDeps) {
    this.#chunks = chunks
    this.#deps = deps
  }

  /** Bytes of chunks that were new, so far. */
  get newBytes(): number {
    return this.#newBytes
  }

  /** The id of these bytes, which are in the repository, or in a pack of ours that will be. */
  put(raw: Uint8Array, type: BlobType): Buffer {
    const id = chunkIdOf(raw)
    this.putAs(id, raw, type)
    return id
  }

  /** The same, where the id is known. */
  putAs(id: Buffer, raw: Uint8Array, type: BlobType): void {
    // Whoever claims an id first packs it: all threads of this backup share the table.
    if (this.#chunks.table.claim(id)) {
      this.#newBytes += raw.length
      this.#deps.packs.add(id, type, raw)
      if (this.#deps.packs.isFull) this.flush()
    }
  }

  /** Closes the open pack, if there is anything in it. */
  flush(): void {
    if (!this.#deps.packs.isEmpty) this.#deps.onPack(this.#deps.packs.finish())
  }
}
