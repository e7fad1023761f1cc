import { createCipheriv, createDecipheriv } from 'node:crypto'

/** What AES-256-GCM adds to what it seals. */
export const tagBytes = 16

const algorithm = 'aes-256-gcm'

export interface SealKey {
  readonly key: Uint8Array
  /** 12 bytes, never used twice with one key. */
  readonly nonce: Uint8Array
  /** What is not kept, but must be the same when it is opened. */
  readonly associated?: Uint8Array
}

/** Seals into `into` at an offset: ciphertext, then the tag. Says how many bytes that are. */
export function sealInto(into: Buffer, offset: number, plain: Uint8Array, { key, nonce, associated }: SealKey): number {
  const cipher = createCipheriv(algorithm, key, nonce)
  if (associated !== undefined) cipher.setAAD(associated)
  cipher.update(plain).copy(into, offset)
  cipher.final()
  cipher.getAuthTag().copy(into, offset + plain.length)
  return plain.length + tagBytes
}

/** What was sealed; undefined when the key is another one, or a bit has changed. */
export function openSealed(sealed: Uint8Array, { key, nonce, associated }: SealKey): Buffer | undefined {
  if (sealed.length < tagBytes) return undefined
  const decipher = createDecipheriv(algorithm, key, nonce, { authTagLength: tagBytes })
  if (associated !== undefined) decipher.setAAD(associated)
  decipher.setAuthTag(sealed.subarray(sealed.length - tagBytes))
  const plain = decipher.update(sealed.subarray(0, sealed.length - tagBytes))
  try {
    decipher.final()
    return plain
  } catch {
    return undefined
  }
}
