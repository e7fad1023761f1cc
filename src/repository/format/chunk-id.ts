import { hash } from 'node:crypto'

/** Bytes of an id. */
export const chunkIdBytes = 32

/** The id of a chunk, or of any other blob: SHA-256 of its raw bytes. */
export function chunkIdOf(raw: Uint8Array): Buffer {
  return hash('sha256', raw, 'buffer')
}
