import { hkdfSync, randomBytes, scrypt } from 'node:crypto'
import { ConvoyError } from '../../errors.js'
import { JsonFields } from './json-fields.js'
import { keyBytes, type RepositoryKey, saltBytes } from './repository-key.js'
import { openSealed, sealInto, tagBytes } from './seal.js'

/** What opens a repository. */
export type Unlock =
  { readonly kind: 'key-file'; readonly key: Buffer } | { readonly kind: 'passphrase'; readonly text: string }

/** One wrapped copy of the master key: each slot opens the repository, and can be removed by itself. */
export interface KeySlot {
  readonly kind: Unlock['kind']
  readonly label: string
  readonly createdAtMs: number
  readonly salt: Buffer
  readonly wrapped: Buffer
  /** Of a passphrase. */
  readonly scrypt?: ScryptCost
}

export interface ScryptCost {
  readonly n: number
  readonly r: number
  readonly p: number
}

/** About 130 ms and 64 MiB. */
const defaultCost: ScryptCost = { n: 2 ** 16, r: 8, p: 1 }

/** What a slot may ask of whoever opens it: 256 MiB, and some seconds. */
const costLimits = { n: 2 ** 18, r: 8, p: 4 } as const

/** Each wrapping key is used once, since it comes from a salt of the slot's own. */
const nonce = Buffer.alloc(12)

/** Wraps the master key so that `unlock` opens it. */
export async function makeKeySlot(
  key: RepositoryKey,
  unlock: Unlock,
  { label, createdAtMs }: Pick<KeySlot, 'label' | 'createdAtMs'>,
): Promise<KeySlot> {
  const salt = randomBytes(saltBytes)
  const cost = unlock.kind === 'passphrase' ? { scrypt: defaultCost } : {}
  const slot = { kind: unlock.kind, label, createdAtMs, salt, ...cost }
  const wrapped = Buffer.alloc(keyBytes + tagBytes)
  const wrappingKey = await wrappingKeyOf(unlock, slot)
  sealInto(wrapped, 0, key.master, { key: wrappingKey, nonce, associated: key.repositoryIdBytes })
  return { ...slot, wrapped }
}

/** The master key, or undefined when the slot is another's. */
export async function openKeySlot(
  slot: KeySlot,
  unlock: Unlock,
  repositoryIdBytes: Buffer,
): Promise<Buffer | undefined> {
  if (slot.kind !== unlock.kind) return undefined
  const key = await wrappingKeyOf(unlock, slot)
  return openSealed(slot.wrapped, { key, nonce, associated: repositoryIdBytes })
}

export function encodeKeySlot(slot: KeySlot): Buffer {
  const { kind, label, createdAtMs } = slot
  const json = {
    format: 1,
    requires: [],
    kind,
    label,
    createdAt: new Date(createdAtMs).toISOString(),
    ...slot.scrypt,
    salt: slot.salt.toString('base64'),
    wrapped: slot.wrapped.toString('base64'),
  }
  return Buffer.from(`${JSON.stringify(json, undefined, 2)}\n`)
}

/** ConvoyError `damaged` also for a slot that would cost more than any of ours. */
export function parseKeySlot(bytes: Buffer, what: string): KeySlot {
  const fields = JsonFields.parse(what, bytes)
  fields.requireKnownFormat()
  const kind = fields.oneOf('kind', ['key-file', 'passphrase'])
  return {
    kind,
    label: fields.text('label'),
    createdAtMs: fields.time('createdAt'),
    salt: fields.bytes('salt', saltBytes),
    wrapped: fields.bytes('wrapped', keyBytes + tagBytes),
    ...(kind === 'passphrase' ? { scrypt: costOf(fields) } : {}),
  }
}

function costOf(fields: JsonFields): ScryptCost {
  const [n, r, p] = [
    fields.count('n', costLimits.n, 2),
    fields.count('r', costLimits.r, 1),
    fields.count('p', costLimits.p, 1),
  ]
  if (!Number.isInteger(Math.log2(n)))
    throw new ConvoyError('damaged', 'a key slot has a cost that scrypt does not know')
  return { n, r, p }
}

async function wrappingKeyOf(
  unlock: Unlock,
  { salt, scrypt: cost }: Pick<KeySlot, 'salt' | 'scrypt'>,
): Promise<Buffer> {
  if (unlock.kind === 'key-file') return Buffer.from(hkdfSync('sha256', unlock.key, salt, 'convoy slot', keyBytes))
  if (unlock.text === '') throw new ConvoyError('invalid-argument', 'the passphrase is empty')
  return stretch(unlock.text, salt, cost ?? defaultCost)
}

function stretch(text: string, salt: Buffer, { n, r, p }: ScryptCost): Promise<Buffer> {
  // The same letters can be typed as different bytes.
  const passphrase = Buffer.from(text.normalize('NFKC'))
  const options = { N: n, r, p, maxmem: 256 * n * r }
  return new Promise((resolve, reject) => {
    scrypt(passphrase, salt, keyBytes, options, (error, key) => (error === null ? resolve(key) : reject(error)))
  })
}
