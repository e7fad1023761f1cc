import { asBuffer, extentBytes } from './backup-protocol.js'
import { chunkIdBytes } from '../format/chunk-id.js'
import type { Extent } from '../format/entry-body.js'
import { isHoleAt } from '../format/entry-check.js'
import { holeId } from './known-extents.js'

/** Extents as they cross threads: an id, all zero for a hole, and a u32 length each. */
export function packExtents(extents: readonly Extent[]): Buffer {
  const packed = Buffer.allocUnsafeSlow(extents.length * extentBytes)
  for (const [index, { id = holeId, lengthBytes }] of extents.entries()) {
    id.copy(packed, index * extentBytes)
    packed.writeUInt32LE(lengthBytes, index * extentBytes + chunkIdBytes)
  }
  return packed
}

export function unpackExtents(packed: Uint8Array): readonly Extent[] {
  const bytes = asBuffer(packed)
  return Array.from({ length: bytes.length / extentBytes }, (_, index) => {
    const at = index * extentBytes
    const id = isHoleAt(bytes, at) ? undefined : bytes.subarray(at, at + chunkIdBytes)
    return { id, lengthBytes: bytes.readUInt32LE(at + chunkIdBytes) }
  })
}

export function totalBytesOf(extents: readonly Extent[]): number {
  return extents.reduce((sum, { lengthBytes }) => sum + lengthBytes, 0)
}
