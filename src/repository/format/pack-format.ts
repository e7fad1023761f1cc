import { ConvoyError } from '../../errors.js'
import { chunkIdBytes } from './chunk-id.js'
import { damaged } from './damage.js'
import { findPackKind, type PackKind, packKindCodes } from './pack-kind.js'
import { saltBytes } from './repository-key.js'
import { tagBytes } from './seal.js'

/** Bytes at the ends of a pack, and of one entry of its footer. */
export const packHeaderBytes = 56
export const packTrailerBytes = 12
export const packEntryBytes = 48

/** What no pack and no blob exceeds: readers refuse more before they make room for it. */
export const maximumBlobBytes = 16 * 1024 * 1024
export const maximumPackBytes = 80 * 1024 * 1024
export const maximumPackEntries = 65_536

/** What a blob holds: bytes of files, a list of a file's chunks, a part of a manifest, the list of these parts. */
export type BlobType = 'data' | 'extent-list' | 'shard' | 'shard-list'
export type BlobCodec = 'raw' | 'zstd'

export const blobTypeCodes = { data: 1, 'extent-list': 2, shard: 3, 'shard-list': 4 } as const satisfies Record<
  BlobType,
  number
>
export const blobCodecCodes = { raw: 0, zstd: 1 } as const satisfies Record<BlobCodec, number>
export const blobTypes: readonly (BlobType | undefined)[] = [undefined, 'data', 'extent-list', 'shard', 'shard-list']
export const blobCodecs: readonly BlobCodec[] = ['raw', 'zstd']

/** Where a blob lies in its pack. */
export interface PackEntry {
  readonly id: Buffer
  readonly offset: number
  /** With the tag. */
  readonly storedBytes: number
  readonly rawBytes: number
  readonly codec: BlobCodec
  readonly type: BlobType
}

const magic = 'CVBP'
const endMagic = 'CVBE'
const version = 1

export interface PackHeader {
  readonly kind: PackKind
  readonly salt: Buffer
}

export function writePackHeader(into: Buffer, { kind, salt }: PackHeader, repositoryIdBytes: Buffer): void {
  into.write(magic, 0, 'latin1')
  into.writeUInt16LE(version, 4)
  into.writeUInt8(packKindCodes[kind], 6)
  into.writeUInt8(0, 7)
  repositoryIdBytes.copy(into, 8)
  salt.copy(into, 24, 0, saltBytes)
}

/** Of the first bytes of a pack. ConvoyError `damaged`, or `unsupported` for what a later version has written. */
export function parsePackHeader(bytes: Buffer, repositoryIdBytes: Buffer): PackHeader {
  if (bytes.length < packHeaderBytes || bytes.toString('latin1', 0, 4) !== magic)
    throw damaged('it does not begin as a pack')
  if (bytes.readUInt16LE(4) !== version)
    throw new ConvoyError(
      'unsupported',
      `the pack has version ${bytes.readUInt16LE(4)}, which this program does not know`,
    )
  const kind = findPackKind(bytes[6])
  if (kind === undefined || bytes[7] !== 0) throw damaged('its header is no header of a pack')
  if (!bytes.subarray(8, 24).equals(repositoryIdBytes)) throw damaged('it is a pack of another repository')
  return { kind, salt: bytes.subarray(24, packHeaderBytes) }
}

export function writePackTrailer(into: Buffer, offset: number, entryCount: number): void {
  into.writeUInt32LE(footerBytesOf(entryCount), offset)
  into.writeUInt32LE(entryCount, offset + 4)
  into.write(endMagic, offset + 8, 'latin1')
}

/** How many entries a pack has, of its last bytes. */
export function parsePackTrailer(tail: Buffer): number {
  const at = tail.length - packTrailerBytes
  if (at < 0 || tail.toString('latin1', at + 8) !== endMagic) throw damaged('it does not end as a pack')
  const entryCount = tail.readUInt32LE(at + 4)
  if (entryCount < 1 || entryCount > maximumPackEntries || tail.readUInt32LE(at) !== footerBytesOf(entryCount))
    throw damaged('its end is no end of a pack')
  return entryCount
}

/** Of the sealed footer. */
export function footerBytesOf(entryCount: number): number {
  return entryCount * packEntryBytes + tagBytes
}

/** The nonce of what lies at that offset of a pack. */
export function writeNonce(nonce: Buffer, offset: number): void {
  nonce.writeUInt32LE(offset, 0)
}

export function writeEntry(into: Buffer, at: number, entry: PackEntry): void {
  entry.id.copy(into, at, 0, chunkIdBytes)
  into.writeUInt32LE(entry.offset, at + 32)
  into.writeUInt32LE(entry.storedBytes, at + 36)
  into.writeUInt32LE(entry.rawBytes, at + 40)
  into.writeUInt32LE(blobCodecCodes[entry.codec] | (blobTypeCodes[entry.type] << 8), at + 44)
}

/**
 * The entries of a footer, or of a pack in an index segment, which are the same bytes. ConvoyError `damaged` unless they are those of
 * a pack of that kind and size: the blobs lie back to back from the header to the footer.
 */
export function decodeEntries(
  entries: Buffer,
  { kind, packBytes }: { kind: PackKind; packBytes: number },
): PackEntry[] {
  const count = entries.length / packEntryBytes
  if (!Number.isInteger(count) || count < 1 || count > maximumPackEntries)
    throw damaged('its list of blobs has no proper length')
  const decoded: PackEntry[] = []
  let offset = packHeaderBytes
  for (let at = 0; at < entries.length; at += packEntryBytes) {
    const entry = decodeEntry(entries, at)
    if (entry?.offset !== offset || (entry.type === 'data') !== (kind === 'data'))
      throw damaged('its list of blobs contradicts itself')
    decoded.push(entry)
    offset += entry.storedBytes
  }
  if (offset + footerBytesOf(count) + packTrailerBytes !== packBytes || packBytes > maximumPackBytes)
    throw damaged('its list of blobs does not fit its size')
  return decoded
}

function decodeEntry(entries: Buffer, at: number): PackEntry | undefined {
  const storedBytes = entries.readUInt32LE(at + 36)
  const rawBytes = entries.readUInt32LE(at + 40)
  const word = entries.readUInt32LE(at + 44)
  const codec = blobCodecs[word & 0xff]
  const type = blobTypes[word >>> 8]
  if (codec === undefined || type === undefined || rawBytes < 1 || rawBytes > maximumBlobBytes) return undefined
  const isPlausible =
    codec === 'raw' ? storedBytes === rawBytes + tagBytes : storedBytes > tagBytes && storedBytes < rawBytes + tagBytes
  if (!isPlausible) return undefined
  const id = entries.subarray(at, at + chunkIdBytes)
  return { id, offset: entries.readUInt32LE(at + 32), storedBytes, rawBytes, codec, type }
}
