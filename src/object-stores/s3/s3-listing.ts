import type { ListObjectsV2CommandOutput } from '@aws-sdk/client-s3'
import { isObjectKey, type StoredObject } from '../object-store.js'
import { answerError } from './s3-failures.js'

/** Pages in a row that say that there is more, with nothing in them. */
const mostEmptyPages = 100

export interface ListingPlace {
  /** Before each key of ours in the bucket. */
  readonly root: string
  readonly prefix: string
}

/** What a page has, and how the next one is asked for. */
export interface ListingPage {
  readonly objects: readonly StoredObject[]
  readonly next: string | undefined
}

/** Reads the pages of one list. What a server could get wrong there must not look like objects that are gone. */
export class S3Listing {
  readonly #place: ListingPlace
  #last = ''
  #emptyPages = 0

  constructor(place: ListingPlace) {
    this.#place = place
  }

  /** Throws for what cannot be true; the page may be asked for again then. */
  read(page: ListObjectsV2CommandOutput): ListingPage {
    // Whatever page of a gateway would look like an empty list.
    if (page.IsTruncated === undefined) throw lie('no end')
    const found = (page.Contents ?? []).flatMap((entry) => this.#objectOf(entry, page.EncodingType === 'url'))
    const keys = [this.#last, ...found.map(({ key }) => key)]
    if (keys.some((key, index) => index > 0 && key <= (keys[index - 1] ?? ''))) throw lie('not in the order of keys')
    const next = page.IsTruncated ? page.NextContinuationToken : undefined
    if (page.IsTruncated && (next === undefined || next === '')) throw lie('more, but not where')
    this.#emptyPages = found.length === 0 ? this.#emptyPages + 1 : 0
    if (this.#emptyPages > mostEmptyPages) throw lie('without end')
    this.#last = keys.at(-1) ?? ''
    return { objects: found, next }
  }

  /** Nothing for what others have put there. */
  #objectOf({ Key, Size, LastModified }: Entry, isEncoded: boolean): readonly StoredObject[] {
    const { root, prefix } = this.#place
    const full = isEncoded ? decode(Key) : Key
    if (full?.startsWith(root + prefix) !== true) throw lie('keys of another prefix')
    const key = full.slice(root.length)
    if (!isObjectKey(key)) return []
    if (Size === undefined || LastModified === undefined || Number.isNaN(LastModified.getTime()))
      throw lie('no sizes or times')
    return [{ key, sizeBytes: Size, storedAtMs: wholeSeconds(LastModified.getTime()) }]
  }
}

type Entry = NonNullable<ListObjectsV2CommandOutput['Contents']>[number]

const lie = (what: string) => answerError('BadAnswer', `a list with ${what}`)

/** Lists have parts of a second on some servers, and answers to HEAD never do. */
export const wholeSeconds = (ms: number) => Math.floor(ms / 1000) * 1000

function decode(key: string | undefined): string | undefined {
  if (key === undefined) return undefined
  try {
    return decodeURIComponent(key.replace(/\+/g, ' '))
  } catch {
    return key
  }
}
