import { segmentBytes, type Extent } from '../format/entry-body.js'
import type { ManifestEntry } from '../format/manifest-entry.js'
import { packExtents } from './extents.js'

/** Reads the extents of an extent list that covers so many bytes. */
export type ReadExtentList = (id: Buffer, coveredBytes: number) => Promise<readonly Extent[]>

/** What the segments of a file consisted of in the parent backup. */
export class KnownSegments {
  readonly averageLog2: number | undefined
  readonly #readList: ReadExtentList
  readonly #chunks: readonly Extent[] | undefined
  readonly #lists = new Map<number, Extent>()

  /** `entry` as the parent has the file, if it has it. */
  constructor(entry: ManifestEntry | undefined, readList: ReadExtentList) {
    this.#readList = readList
    const body = entry?.type === 'f' ? entry.body : undefined
    if (body?.form === 'chunks') this.#chunks = body.chunks
    if (body?.form === 'chunks' || body?.form === 'lists') this.averageLog2 = body.averageLog2
    let position = 0
    for (const list of body?.form === 'lists' ? body.lists : []) {
      this.#lists.set(position, list)
      position += list.lengthBytes
    }
  }

  /** Packed as a task takes them; undefined when nothing is known that begins there, or it cannot be read. */
  async find(position: number): Promise<Buffer | undefined> {
    if (position === 0 && this.#chunks !== undefined) return packExtents(this.#chunks)
    const list = this.#lists.get(position)
    if (list?.id === undefined || list.lengthBytes > segmentBytes) return undefined
    const extents = await this.#readList(list.id, list.lengthBytes).catch(() => undefined)
    return extents === undefined ? undefined : packExtents(extents)
  }
}
