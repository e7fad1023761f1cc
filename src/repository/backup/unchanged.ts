import type { ChunkTableInUse } from './chunk-packer.js'
import type { Extent } from '../format/entry-body.js'
import type { ReadExtentList } from './known-segments.js'
import type { ManifestEntry } from '../format/manifest-entry.js'
import { statCtimeNs, statCtimeSec } from '../format/stat-block.js'

/** File systems note times in steps: so long after a change another one may look the same. */
const stepMs = 20
/** Of file systems that know no parts of a second. */
const coarseStepMs = 2000

/**
 * Whether a file that looks the same by now is the same: it had not changed for a while when the parent backup began. One that changed
 * later may have changed again after it was read, within one step of the clock.
 */
export function isSettled(stat: Buffer, parentBeganAtMs: number): boolean {
  const nanoseconds = statCtimeNs(stat)
  const changedAtMs = Number(statCtimeSec(stat)) * 1000 + nanoseconds / 1e6
  return changedAtMs + (nanoseconds === 0 ? coarseStepMs : stepMs) < parentBeganAtMs
}

/** Tells whether the repository still has all that an entry of the parent refers to. */
export class ContentCheck {
  readonly #chunks: ChunkTableInUse
  readonly #readExtentList: ReadExtentList
  #lastBundle: Buffer | undefined

  constructor(chunks: ChunkTableInUse, readExtentList: ReadExtentList) {
    this.#chunks = chunks
    this.#readExtentList = readExtentList
  }

  /** A promise only for files with lists, which have to be read. */
  isThere({ type, body }: ManifestEntry): boolean | Promise<boolean> {
    if (type !== 'f') return true
    switch (body.form) {
      case 'bundled':
        return this.#hasBundle(body.chunk)
      case 'chunks':
        return this.#hasAll(body.chunks)
      case 'lists':
        return this.#hasLists(body.lists)
      case 'empty':
      case 'symlink':
      case 'hard-link':
      case 'device':
      case 'none':
        return true
    }
  }

  /** Most files are in the same bundle as the one before. */
  #hasBundle(id: Buffer): boolean {
    if (this.#lastBundle?.equals(id) === true) return true
    if (!this.#chunks.table.has(id)) return false
    this.#lastBundle = id
    return true
  }

  #hasAll(extents: readonly Extent[]): boolean {
    return extents.every(({ id }) => id === undefined || this.#chunks.table.has(id))
  }

  async #hasLists(lists: readonly Extent[]): Promise<boolean> {
    if (!this.#hasAll(lists)) return false
    for (const { id, lengthBytes } of lists) {
      if (id === undefined) continue
      const extents = await this.#readExtentList(id, lengthBytes).catch(() => undefined)
      if (extents === undefined || !this.#hasAll(extents)) return false
    }
    return true
  }
}
