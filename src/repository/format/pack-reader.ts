import { chunkIdOf } from './chunk-id.js'
import { damaged } from './damage.js'
import { footerBytesOf, type PackEntry, packTrailerBytes, parsePackTrailer, writeNonce } from './pack-format.js'
import type { PackKind } from './pack-kind.js'
import type { RepositoryKey } from './repository-key.js'
import { openSealed } from './seal.js'
import { Zstd } from './zstd.js'

/** Of which pack something was read: what its key is derived from. */
export interface PackSource {
  readonly kind: PackKind
  readonly salt: Buffer
}

/** How many packs' keys are kept: readers go from one to the next. */
const keptKeys = 64

/** Opens what was read out of packs, and gives nothing that is not what was put in: ConvoyError `damaged`. For one thread. */
export class PackOpener {
  readonly #key: RepositoryKey
  readonly #packKeys = new Map<string, Buffer>()
  readonly #zstd = new Zstd()
  readonly #nonce = Buffer.alloc(12)

  constructor(key: RepositoryKey) {
    this.#key = key
  }

  /** The raw bytes of a blob, of its stored ones; in `into` where that is given and the blob was compressed. */
  openBlob(pack: PackSource, entry: PackEntry, stored: Buffer, into?: Buffer): Buffer {
    if (stored.length !== entry.storedBytes) throw damaged('a blob was cut off')
    const content = this.#open(pack, entry.offset, stored)
    const raw = entry.codec === 'zstd' ? this.#zstd.decompress(content, entry.rawBytes, into) : content
    if (raw.length !== entry.rawBytes || !chunkIdOf(raw).equals(entry.id))
      throw damaged('a blob is not the one that its pack lists')
    return raw
  }

  /**
   * The entries of a pack as they are in an index, of its last bytes. Says how many are needed when these do not suffice. Look at
   * them with `decodeEntries`.
   */
  readFooter(pack: PackSource, packBytes: number, tail: Buffer): Buffer | { readonly neededBytes: number } {
    const footerBytes = footerBytesOf(parsePackTrailer(tail))
    const neededBytes = footerBytes + packTrailerBytes
    if (neededBytes > packBytes) throw damaged('its end is no end of a pack')
    if (tail.length < neededBytes) return { neededBytes }
    const at = tail.length - neededBytes
    return this.#open(pack, packBytes - neededBytes, tail.subarray(at, at + footerBytes))
  }

  #open(pack: PackSource, offset: number, sealed: Buffer): Buffer {
    writeNonce(this.#nonce, offset)
    const plain = openSealed(sealed, { key: this.#packKeyOf(pack), nonce: this.#nonce })
    if (plain === undefined) throw damaged(`what lies at byte ${offset} does not open with the repository's key`)
    return plain
  }

  #packKeyOf({ kind, salt }: PackSource): Buffer {
    const name = kind + salt.toString('latin1')
    const known = this.#packKeys.get(name)
    if (known !== undefined) return known
    if (this.#packKeys.size >= keptKeys) this.#packKeys.clear()
    const key = this.#key.packKey(kind, salt)
    this.#packKeys.set(name, key)
    return key
  }
}
