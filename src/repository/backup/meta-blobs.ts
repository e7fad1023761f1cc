import { ChunkPacker, type ChunkTableInUse } from './chunk-packer.js'
import { encodeExtents, type Extent } from '../format/entry-body.js'
import type { BlobType } from '../format/pack-format.js'
import type { PackUploads } from './pack-uploads.js'
import { PackWriter } from '../format/pack-writer.js'
import type { RepositoryKey } from '../format/repository-key.js'

const packTargetBytes = 8 * 1024 * 1024
/** Packs that may be on their way before whoever makes more has to wait. */
const packsUnderWay = 2

/** What describes files, packed in this thread: there is little of it. */
export class MetaBlobs {
  readonly #packer: ChunkPacker
  readonly #underWay = new Set<Promise<void>>()

  constructor(chunks: ChunkTableInUse, deps: { readonly key: RepositoryKey; readonly uploads: PackUploads }) {
    const packs = new PackWriter({ key: deps.key, kind: 'meta', targetBytes: packTargetBytes })
    this.#packer = new ChunkPacker(chunks, { packs, onPack: (pack) => this.#track(deps.uploads.add(pack)) })
  }

  /** Stores a blob unless it is there, and says its id; not before there is room for more when too much is on its way. */
  put(type: BlobType, raw: Buffer): Buffer | Promise<Buffer> {
    const id = this.#packer.put(raw, type)
    return this.#underWay.size < packsUnderWay ? id : Promise.race(this.#underWay).then(() => id)
  }

  /** The id of a list of so many extents. */
  async putExtentList(extents: readonly Extent[]): Promise<Buffer> {
    return this.put('extent-list', encodeExtents(extents))
  }

  /** Closes the open pack. */
  flush(): void {
    this.#packer.flush()
  }

  #track(stored: Promise<void>): void {
    this.#underWay.add(stored)
    void stored.finally(() => this.#underWay.delete(stored))
  }
}
