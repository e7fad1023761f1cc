import { randomBytes } from 'node:crypto'
import { ConvoyError } from '../../errors.js'
import { keyBytes } from './repository-key.js'

const prefix = 'convoy-key-1 '
const rule = /^convoy-key-1 ([A-Za-z0-9_-]{43})\r?\n?$/

export function generateKey(): Buffer {
  return randomBytes(keyBytes)
}

/** The text of a key file: one line. */
export function formatKeyFile(key: Buffer): string {
  return `${prefix}${key.toString('base64url')}\n`
}

/** The 32 bytes of a key file; ConvoyError `invalid-argument`, which tells nothing of the text. `from` is for the message. */
export function parseKeyFile(text: string, from: string): Buffer {
  const [, encoded = ''] = rule.exec(text) ?? []
  const key = Buffer.from(encoded, 'base64url')
  if (key.length === keyBytes) return key
  throw new ConvoyError('invalid-argument', `${from} is no key file`, {
    hint: 'a key file is one line that "convoy repository key generate" or "key import" has written',
  })
}
