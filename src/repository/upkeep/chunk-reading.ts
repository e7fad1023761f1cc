import { isConvoyError } from '../../errors.js'
import type { CallContext } from '../../model/call-context.js'
import type { ConvoyError } from '../../errors.js'
import type { ChunkLocation } from '../chunk-table.js'
import { packObjectKey } from '../format/pack-kind.js'
import { PackOpener } from '../format/pack-reader.js'
import type { Repository } from '../repository.js'
import type { PackInfo, RepositoryIndex } from '../repository-index.js'

/** A chunk of a pack as it was read, or why it could not be. */
export interface ReadChunk {
  readonly record: number
  readonly id: Buffer
  readonly location: ChunkLocation
  readonly content: { readonly raw: Buffer } | { readonly error: ConvoyError }
}

/** What lies between two chunks is read with them where it is less than this. */
const gapBytes = 256 * 1024
const spanBytes = 32 * 1024 * 1024

interface Wanted {
  readonly record: number
  readonly id: Buffer
  readonly location: ChunkLocation
}

/** Reads chunks out of packs, with few requests and little memory, and verifies each. For one reader. */
export class ChunkReading {
  readonly #repository: Repository
  readonly #index: RepositoryIndex
  readonly #opener: PackOpener

  constructor(repository: Repository, index: RepositoryIndex) {
    this.#repository = repository
    this.#index = index
    this.#opener = new PackOpener(repository.key)
  }

  /** These records, which lie in that pack, in the order of their places. What is damaged comes with its error. */
  async *read(pack: PackInfo, records: Iterable<number>, call: CallContext): AsyncGenerator<ReadChunk> {
    for (const span of spansOf(this.#locate(records))) {
      const [start, end] = [startOf(span), endOf(span)]
      const bytes = await this.#get(pack, { offset: start, length: end - start }, call)
      for (const wanted of span) yield { ...wanted, content: this.#open(pack, wanted, { start, bytes }) }
    }
  }

  #locate(records: Iterable<number>): Wanted[] {
    const { table } = this.#index
    const wanted: Wanted[] = []
    for (const record of records) {
      const location = table.findAt(record)
      if (location !== undefined) wanted.push({ record, id: table.idAt(record), location })
    }
    return wanted.sort((a, b) => a.location.offset - b.location.offset)
  }

  /** A pack that has gone is damage like any other. */
  async #get(
    { kind, id }: PackInfo,
    range: { readonly offset: number; readonly length: number },
    call: CallContext,
  ): Promise<Buffer | ConvoyError> {
    try {
      return await this.#repository.store.get(packObjectKey(kind, id), range, call)
    } catch (thrown) {
      if (isConvoyError(thrown, 'not-found')) return thrown
      throw thrown
    }
  }

  #open(
    pack: PackInfo,
    { id, location }: Wanted,
    span: { readonly start: number; readonly bytes: Buffer | ConvoyError },
  ): ReadChunk['content'] {
    if (!Buffer.isBuffer(span.bytes)) return { error: span.bytes }
    const at = location.offset - span.start
    try {
      const stored = span.bytes.subarray(at, at + location.storedBytes)
      return { raw: this.#opener.openBlob(pack, { ...location, id }, stored) }
    } catch (thrown) {
      if (isConvoyError(thrown, 'damaged')) return { error: thrown }
      throw thrown
    }
  }
}

function* spansOf(wanted: readonly Wanted[]): Generator<readonly Wanted[]> {
  let span: Wanted[] = []
  for (const one of wanted) {
    const { offset, storedBytes } = one.location
    const isFar = offset - endOf(span) > gapBytes || offset + storedBytes - startOf(span) > spanBytes
    if (span.length > 0 && isFar) {
      yield span
      span = []
    }
    span.push(one)
  }
  if (span.length > 0) yield span
}

const startOf = (span: readonly Wanted[]) => span[0]?.location.offset ?? 0

function endOf(span: readonly Wanted[]): number {
  const last = span.at(-1)?.location
  return last === undefined ? 0 : last.offset + last.storedBytes
}
