import type { PackEntry } from '../format/pack-format.js'
import type { PackInfo, RepositoryIndex } from '../repository-index.js'
import type { RestoredFile } from './restored-files.js'

/** A use of a blob: a whole small file out of it, or the part of a larger file that it is. */
export type BlobUse =
  | { readonly kind: 'file'; readonly file: RestoredFile }
  | { readonly kind: 'part'; readonly file: RestoredFile; readonly position: number; readonly length: number }

export interface PlannedBlob {
  readonly pack: PackInfo
  readonly entry: PackEntry
  readonly uses: BlobUse[]
}

/** Bytes of a pack that are read at once, with the blobs in them in the order of their offsets. */
export interface Stretch {
  readonly pack: PackInfo
  readonly offset: number
  readonly length: number
  readonly blobs: readonly PlannedBlob[]
}

/** Read through rather than asked for separately. */
const gapBytes = 256 * 1024
const stretchBytes = 4 * 1024 * 1024
const usesOfPlan = 16_384

/** Which blobs are needed next, and where they lie. Holds so many uses, then it is carried out. */
export class RestorePlan {
  readonly #index: RepositoryIndex
  readonly #blobs = new Map<string, PlannedBlob>()
  /** Small files lie in one blob after another. */
  #last: PlannedBlob | undefined
  #uses = 0

  constructor(index: RepositoryIndex) {
    this.#index = index
  }

  get isFull(): boolean {
    return this.#uses >= usesOfPlan
  }

  /** False when no pack holds that blob. */
  add(id: Buffer, use: BlobUse): boolean {
    const blob = this.#last?.entry.id.equals(id) === true ? this.#last : this.#find(id)
    if (blob === undefined) return false
    blob.uses.push(use)
    this.#last = blob
    this.#uses += 1
    return true
  }

  /** Pack by pack, in the order in which they were needed first. */
  stretches(): readonly Stretch[] {
    const packs = new Map<PackInfo, PlannedBlob[]>()
    for (const blob of this.#blobs.values()) {
      const blobs = packs.get(blob.pack)
      if (blobs === undefined) packs.set(blob.pack, [blob])
      else blobs.push(blob)
    }
    return Array.from(packs.values(), stretchesOf).flat()
  }

  #find(id: Buffer): PlannedBlob | undefined {
    const key = id.toString('latin1')
    const known = this.#blobs.get(key)
    if (known !== undefined) return known
    const location = this.#index.locate(id)
    if (location === undefined) return undefined
    const blob: PlannedBlob = { ...location, uses: [] }
    this.#blobs.set(key, blob)
    return blob
  }
}

function stretchesOf(blobs: PlannedBlob[]): readonly Stretch[] {
  blobs.sort((left, right) => left.entry.offset - right.entry.offset)
  const stretches: Stretch[] = []
  const current: PlannedBlob[] = []
  for (const blob of blobs) {
    if (current.length > 0 && !isNear(current, blob)) stretches.push(stretchOf(current.splice(0)))
    current.push(blob)
  }
  return [...stretches, stretchOf(current)]
}

function isNear(blobs: readonly PlannedBlob[], { entry }: PlannedBlob): boolean {
  const { offset, end } = extentOf(blobs)
  return entry.offset - end < gapBytes && entry.offset + entry.storedBytes - offset <= stretchBytes
}

function stretchOf(blobs: readonly PlannedBlob[]): Stretch {
  const { offset, end } = extentOf(blobs)
  return { pack: (blobs[0] as PlannedBlob).pack, offset, length: end - offset, blobs: [...blobs] }
}

/** Of blobs in the order of their offsets, of which there is at least one. */
function extentOf(blobs: readonly PlannedBlob[]): { readonly offset: number; readonly end: number } {
  const first = (blobs[0] as PlannedBlob).entry
  const last = (blobs.at(-1) as PlannedBlob).entry
  return { offset: first.offset, end: last.offset + last.storedBytes }
}
