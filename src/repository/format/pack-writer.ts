import { createHash, type Hash, randomBytes } from 'node:crypto'
import { ConvoyError } from '../../errors.js'
import {
  type BlobType,
  footerBytesOf,
  maximumBlobBytes,
  packEntryBytes,
  packHeaderBytes,
  packTrailerBytes,
  writeEntry,
  writeNonce,
  writePackHeader,
  writePackTrailer,
} from './pack-format.js'
import type { PackKind } from './pack-kind.js'
import { type RepositoryKey, saltBytes } from './repository-key.js'
import { sealInto, tagBytes } from './seal.js'
import { Zstd } from './zstd.js'

/** A pack in memory, as it is stored. */
export interface Pack {
  /** SHA-256 of all its bytes, and so its name. */
  readonly id: Buffer
  readonly kind: PackKind
  readonly salt: Buffer
  /** A view from the beginning of a buffer of its own, which may be handed to another thread, and back to `allocate`. */
  readonly bytes: Buffer
  /** The footer before it was sealed, for the index. */
  readonly entries: Buffer
}

export interface PackWriterDeps {
  readonly key: RepositoryKey
  readonly kind: PackKind
  /** A pack is full when it has reached that. */
  readonly targetBytes: number
  /** Memory for one pack, always of the same size; new memory unless told otherwise. */
  readonly allocate?: (bytes: number) => ArrayBuffer
  readonly zstd?: Zstd
}

/** Packs of tiny blobs are full before their target: their footers are held in memory. */
const fullEntryCount = 16_384

/** The one place where blobs are compressed and sealed: each into its place in the pack, while the hash of the pack runs along. */
export class PackWriter {
  readonly #deps: PackWriterDeps
  readonly #zstd: Zstd
  readonly #bufferBytes: number
  readonly #nonce = Buffer.alloc(12)
  readonly #entries = Buffer.allocUnsafeSlow(fullEntryCount * packEntryBytes)
  #open: OpenPack | undefined

  constructor(deps: PackWriterDeps) {
    this.#deps = deps
    this.#zstd = deps.zstd ?? new Zstd()
    this.#bufferBytes =
      deps.targetBytes + maximumBlobBytes + tagBytes + footerBytesOf(fullEntryCount) + packTrailerBytes
  }

  get isEmpty(): boolean {
    return this.#open === undefined
  }

  get isFull(): boolean {
    const open = this.#open
    return open !== undefined && (open.size >= this.#deps.targetBytes || open.count >= fullEntryCount)
  }

  /** Adds a blob that is not in the pack yet. Whoever adds to a pack that is full has not looked. */
  add(id: Buffer, type: BlobType, raw: Uint8Array): void {
    if (this.isFull || raw.length === 0 || raw.length > maximumBlobBytes)
      throw new ConvoyError('internal', `a blob of ${raw.length} bytes does not go into this pack`)
    const open = (this.#open ??= this.#begin())
    const compressed = this.#zstd.compress(raw)
    const isSmaller = compressed.length < raw.length
    const storedBytes = this.#seal(open, isSmaller ? compressed : raw)
    const entry = {
      id,
      offset: open.size,
      storedBytes,
      rawBytes: raw.length,
      codec: isSmaller ? 'zstd' : 'raw',
      type,
    } as const
    writeEntry(this.#entries, open.count * packEntryBytes, entry)
    open.size += storedBytes
    open.count += 1
  }

  /** The pack with all that was added; what is added next begins another. */
  finish(): Pack {
    const open = this.#open
    if (open === undefined) throw new ConvoyError('internal', 'there is nothing to make a pack of')
    this.#open = undefined
    const entries = Buffer.from(this.#entries.subarray(0, open.count * packEntryBytes))
    open.size += this.#seal(open, entries)
    writePackTrailer(open.buffer, open.size, open.count)
    open.hash.update(open.buffer.subarray(open.size, open.size + packTrailerBytes))
    const bytes = open.buffer.subarray(0, open.size + packTrailerBytes)
    return { id: open.hash.digest(), kind: this.#deps.kind, salt: open.salt, bytes, entries }
  }

  #begin(): OpenPack {
    const { key, kind, allocate = (bytes: number) => new ArrayBuffer(bytes) } = this.#deps
    const salt = randomBytes(saltBytes)
    const buffer = Buffer.from(allocate(this.#bufferBytes))
    writePackHeader(buffer, { kind, salt }, key.repositoryIdBytes)
    const hash = createHash('sha256').update(buffer.subarray(0, packHeaderBytes))
    return { buffer, hash, key: key.packKey(kind, salt), salt, size: packHeaderBytes, count: 0 }
  }

  /** The offset is the nonce, and a place in a pack is filled once. */
  #seal(open: OpenPack, plain: Uint8Array): number {
    writeNonce(this.#nonce, open.size)
    const storedBytes = sealInto(open.buffer, open.size, plain, { key: open.key, nonce: this.#nonce })
    open.hash.update(open.buffer.subarray(open.size, open.size + storedBytes))
    return storedBytes
  }
}

interface OpenPack {
  readonly buffer: Buffer
  readonly hash: Hash
  readonly key: Buffer
  readonly salt: Buffer
  size: number
  count: number
}
