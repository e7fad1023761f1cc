import { randomBytes } from 'node:crypto'
import { damaged } from './damage.js'
import { type RepositoryKey, saltBytes } from './repository-key.js'
import { openSealed, type SealKey, sealInto, tagBytes } from './seal.js'
import { Zstd } from './zstd.js'
import { ConvoyError } from '../../errors.js'

/** magic 4 | version 2 | codec 1 | zero 1 | rawBytes 4 | salt 32 */
const headerBytes = 44
const magic = 'CVBO'
const version = 1
const codecs = { raw: 0, zstd: 1 } as const

/** Never used twice with one key: each object has a salt, hence a key, of its own. */
const nonce = Buffer.alloc(12)

/** What a sealed object may hold. */
export const maximumPayloadBytes = 64 * 1024 * 1024

const zstd = new Zstd()

/** A whole object that opens only with the repository's key, and only below that key of the store. */
export function sealObject(key: RepositoryKey, objectKey: string, payload: Uint8Array): Buffer {
  if (payload.length > maximumPayloadBytes)
    throw new ConvoyError(
      'unsupported',
      `${objectKey} would hold ${payload.length} bytes, which is too much for one object`,
    )
  const compressed = zstd.compress(payload)
  const isSmaller = compressed.length < payload.length
  const content = isSmaller ? compressed : payload
  const bytes = Buffer.alloc(headerBytes + content.length + tagBytes)
  bytes.write(magic, 0, 'latin1')
  bytes.writeUInt16LE(version, 4)
  bytes.writeUInt8(isSmaller ? codecs.zstd : codecs.raw, 6)
  bytes.writeUInt32LE(payload.length, 8)
  randomBytes(saltBytes).copy(bytes, 12)
  sealInto(bytes, headerBytes, content, sealKeyOf(key, objectKey, bytes))
  return bytes
}

/**
 * The payload of an object that was stored below that key. ConvoyError `damaged` for what is anything else, `unsupported` for
 * what a later version has written.
 */
export function openObject(key: RepositoryKey, objectKey: string, bytes: Buffer): Buffer {
  if (bytes.length < headerBytes + tagBytes || bytes.toString('latin1', 0, 4) !== magic)
    throw damaged(`${objectKey} is no object of a repository`)
  if (bytes.readUInt16LE(4) !== version)
    throw new ConvoyError(
      'unsupported',
      `${objectKey} has version ${bytes.readUInt16LE(4)}, which this program does not know`,
    )
  const rawBytes = bytes.readUInt32LE(8)
  if (rawBytes > maximumPayloadBytes) throw damaged(`${objectKey} claims to hold ${rawBytes} bytes`)
  const content = openSealed(bytes.subarray(headerBytes), sealKeyOf(key, objectKey, bytes))
  if (content === undefined) throw damaged(`${objectKey} does not open with the repository's key`)
  if (bytes[6] === codecs.zstd) return zstd.decompress(content, rawBytes)
  if (bytes[6] !== codecs.raw || content.length !== rawBytes) throw damaged(`${objectKey} is not made as it should be`)
  return content
}

function sealKeyOf(key: RepositoryKey, objectKey: string, bytes: Buffer): SealKey {
  const header = bytes.subarray(0, headerBytes)
  return {
    key: key.objectKey(header.subarray(12, headerBytes)),
    nonce,
    associated: Buffer.concat([header, Buffer.from(objectKey)]),
  }
}
