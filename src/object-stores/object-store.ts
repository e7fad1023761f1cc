import { ConvoyError } from '../errors.js'
import type { CallContext } from '../model/call-context.js'

/** An object as its store describes it. */
export interface StoredObject {
  readonly key: string
  readonly sizeBytes: number
  /** When it was stored, by the store's own clock, in milliseconds since 1970. No other clock is ever compared with it. */
  readonly storedAtMs: number
}

/** Which bytes of an object: so many from an offset, or so many at its end. Fewer come back when it is shorter. */
export type ByteRange = { readonly offset: number; readonly length: number } | { readonly last: number }

export interface PutOptions {
  /** Refuses to replace what is there: ConvoyError `already-exists`. */
  readonly createOnly?: boolean
  /** SHA-256 of the bytes, where the caller knows it anyway: the store then need not work it out. */
  readonly sha256?: Buffer
}

/**
 * Where a repository lives: whole objects below keys, in one folder of a destination. Keys are visible ASCII, at most 900 bytes, with `/`
 * between components of 1 to 255 bytes that do not begin with a dot. An object has at most {@link mostObjectBytes}, and may be empty.
 * The bytes of a put belong to the store until it resolves.
 *
 * Every method may be called again with the same arguments, retries what may succeed later by itself, stops soon after
 * `call.signal` aborts, and throws ConvoyError and nothing else: `not-found` for an object that is not there,
 * `invalid-argument` for what the store refuses for good (credentials, a bucket that is not there), `unavailable` for what may work
 * later, `deadline-exceeded` when the call was given up.
 */
export interface ObjectStore {
  /** For messages: the destination, without secrets. */
  readonly url: string
  /**
   * Whether two hosts that create the same key at the same moment are told apart here. `atomic` until it is known better: sure
   * after the first put with `createOnly`.
   */
  readonly createOnly: 'atomic' | 'racy'
  /** Stores a whole object: readers see the old one, the new one or none, and it is durable when this resolves. */
  put(key: string, bytes: Uint8Array, options: PutOptions, call: CallContext): Promise<StoredObject>
  /**
   * The object's bytes, or some of them: what was cut on the way is never returned, nor a whole object that was changed there. Parts
   * have no checksum in S3: whoever reads them verifies them.
   */
  get(key: string, range: ByteRange | undefined, call: CallContext): Promise<Buffer>
  head(key: string, call: CallContext): Promise<StoredObject | undefined>
  /** Every object whose key begins with the prefix, in the order of the keys' bytes. */
  list(prefix: string, call: CallContext): AsyncIterable<StoredObject>
  /** Objects that are gone already are no error. */
  remove(keys: readonly string[], call: CallContext): Promise<void>
  close(): Promise<void>
}

/** More than any object of a repository has: what is larger is not read. */
export const mostObjectBytes = 256 * 2 ** 20

/** Whether a store takes it as the key of an object. */
export function isObjectKey(text: string): boolean {
  return text.length <= mostKeyBytes && keyRule.test(text)
}

/** Every store does this first: a key that is none comes from a defect or a hostile repository. */
export function refuseBadKey(key: string): void {
  if (!isObjectKey(key))
    throw new ConvoyError('internal', `${JSON.stringify(key.slice(0, 100))} is no key of an object`)
}

const mostKeyBytes = 900
// Between ! and ~ without the dot at the beginning, and without the slash.
const keyRule = /^[!-\-0-~][!-.0-~]{0,254}(?:\/[!-\-0-~][!-.0-~]{0,254})*$/

/** Which bytes of that many a range means: from `start`, without `end`. */
export function resolveRange(range: ByteRange | undefined, sizeBytes: number): { start: number; end: number } {
  if (range === undefined) return { start: 0, end: sizeBytes }
  if ('last' in range) return { start: Math.max(0, sizeBytes - range.last), end: sizeBytes }
  const start = Math.min(range.offset, sizeBytes)
  return { start, end: Math.min(start + range.length, sizeBytes) }
}
