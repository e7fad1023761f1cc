import { ByteCursor } from './byte-cursor.js'
import { ByteWriter } from './byte-writer.js'
import { chunkIdBytes } from './chunk-id.js'
import { damaged } from './damage.js'
import { type EntryBody, type Extent, fileForms, writeTail, type Xattr } from './entry-body.js'
import { checkEntry, type EntryType, findEntryType, isHoleAt } from './entry-check.js'
import { statBytes, statSize } from './stat-block.js'

export interface EntryFields {
  readonly path: Buffer
  readonly type: EntryType
  /** 52 bytes: see stat-block. */
  readonly stat: Buffer
  readonly body: EntryBody
  /** Sorted by name. */
  readonly xattrs?: readonly Xattr[]
}

const writer = new ByteWriter(4096)

/**
 * One entry of a manifest. It holds the bytes that are in the shard, which have been checked, and makes objects of them when asked:
 * most entries are only compared, or copied into the next manifest.
 */
export class ManifestEntry {
  /** Names from the root down with a zero byte between them; empty for the root. */
  readonly path: Buffer
  readonly #bytes: Buffer
  readonly #at: number
  readonly #end: number

  /** Of bytes that `checkEntry` has passed: type, stat, body and xattrs between two offsets. */
  constructor(path: Buffer, bytes: Buffer, at: number, end: number) {
    this.path = path
    this.#bytes = bytes
    this.#at = at
    this.#end = end
  }

  /** ConvoyError `damaged` for what no manifest may contain. */
  static of({ path, type, stat, body, xattrs }: EntryFields): ManifestEntry {
    writer.clear()
    writer.byte(type.charCodeAt(0))
    writer.put(stat)
    writeTail(writer, body, xattrs)
    const record = Buffer.from(writer.written)
    const cursor = new ByteCursor(record)
    checkEntry(cursor, path)
    if (!cursor.isAtEnd) throw damaged('an entry has a body of another type')
    return new ManifestEntry(path, record, 0, record.length)
  }

  get type(): EntryType {
    // Checked when the entry was read.
    return findEntryType(this.#bytes[this.#at]) as EntryType
  }

  /** A view. */
  get stat(): Buffer {
    return this.#bytes.subarray(this.#at + 1, this.#at + 1 + statBytes)
  }

  get sizeBytes(): number {
    return statSize(this.stat)
  }

  /** Body and xattrs as they are stored: a view. */
  get tail(): Buffer {
    return this.#bytes.subarray(this.#at + 1 + statBytes, this.#end)
  }

  get body(): EntryBody {
    return readBody(this.type, this.#cursor())
  }

  get xattrs(): readonly Xattr[] {
    const cursor = this.#cursor()
    readBody(this.type, cursor)
    return Array.from({ length: cursor.varint() }, () => ({
      name: cursor.take(cursor.varint()),
      value: cursor.take(cursor.varint()),
    }))
  }

  /** Whether the 52 bytes from that offset are the stat of this entry. */
  hasStat(bytes: Buffer, at = 0): boolean {
    return this.#bytes.compare(bytes, at, at + statBytes, this.#at + 1, this.#at + 1 + statBytes) === 0
  }

  /** How many bytes type, stat, body and xattrs take. */
  get recordBytes(): number {
    return this.#end - this.#at
  }

  /** Type, stat, body and xattrs as they are stored: a view. */
  get record(): Buffer {
    return this.#bytes.subarray(this.#at, this.#end)
  }

  /** Whether everything but the path is the same. */
  isSameAs(other: ManifestEntry): boolean {
    return this.#bytes.compare(other.#bytes, other.#at, other.#end, this.#at, this.#end) === 0
  }

  #cursor(): ByteCursor {
    return new ByteCursor(this.tail)
  }
}

/** Of bytes that have been checked. */
function readBody(type: EntryType, cursor: ByteCursor): EntryBody {
  switch (type) {
    case 'f':
      return readFile(cursor)
    case 'l':
      return { form: 'symlink', target: cursor.take(cursor.varint()) }
    case 'h':
      return { form: 'hard-link', first: cursor.take(cursor.varint()) }
    case 'c':
    case 'b':
      return { form: 'device', major: cursor.uint32(), minor: cursor.uint32() }
    case 'd':
    case 'p':
    case 's':
      return { form: 'none' }
  }
}

function readFile(cursor: ByteCursor): EntryBody {
  switch (cursor.byte()) {
    case fileForms.bundled: {
      const chunk = cursor.take(chunkIdBytes)
      const offset = cursor.varint()
      return { form: 'bundled', chunk, offset, sha256: cursor.take(chunkIdBytes) }
    }
    case fileForms.chunks:
      return { form: 'chunks', averageLog2: cursor.byte(), chunks: readExtents(cursor) }
    case fileForms.lists:
      return { form: 'lists', averageLog2: cursor.byte(), lists: readExtents(cursor) }
    default:
      return { form: 'empty' }
  }
}

/** Of bytes that `checkExtents` has passed. */
export function readExtents(cursor: ByteCursor): readonly Extent[] {
  return Array.from({ length: cursor.varint() }, () => {
    const at = cursor.skip(chunkIdBytes)
    const id = isHoleAt(cursor.bytes, at) ? undefined : cursor.bytes.subarray(at, at + chunkIdBytes)
    return { id, lengthBytes: cursor.varint() }
  })
}
