import fc from 'fast-check'
import { ConvoyError } from '../../src/errors.js'

const offset = fc.nat(2 ** 31)
const value = fc.oneof(fc.constantFrom(0, 1, 0x7f, 0x80, 0xfe, 0xff), fc.integer({ min: 0, max: 255 }))

type Change = (bytes: Buffer) => Buffer

const at = (bytes: Buffer, offset: number) => (bytes.length === 0 ? 0 : offset % bytes.length)

const change: fc.Arbitrary<Change> = fc.oneof(
  fc.tuple(offset, value).map(([from, byte]): Change => (bytes) => {
    const changed = Buffer.from(bytes)
    if (changed.length > 0) changed[at(changed, from)] = byte
    return changed
  }),
  fc.tuple(offset, fc.nat(7)).map(([from, bit]): Change => (bytes) => {
    const changed = Buffer.from(bytes)
    if (changed.length > 0) changed[at(changed, from)]! ^= 1 << bit
    return changed
  }),
  offset.map(
    (from): Change =>
      (bytes) =>
        bytes.subarray(0, at(bytes, from)),
  ),
  fc.tuple(offset, fc.uint8Array({ minLength: 1, maxLength: 9 })).map(([from, more]): Change => (bytes) => {
    const place = at(bytes, from)
    return Buffer.concat([bytes.subarray(0, place), more, bytes.subarray(place)])
  }),
  fc.tuple(offset, offset).map(([from, length]): Change => (bytes) => {
    const place = at(bytes, from)
    return Buffer.concat([bytes.subarray(0, place), bytes.subarray(place + at(bytes, length))])
  }),
)

/** What somebody makes of bytes who means harm, or a disk that fails: some bytes changed, lost or put in. */
export const mutation: fc.Arbitrary<Change> = fc
  .array(change, { minLength: 1, maxLength: 4 })
  .map((changes) => (bytes) => changes.reduce((changed, one) => one(changed), bytes))

/** What `read` returns, or the ConvoyError that it throws with a code that blames what was read; anything else is thrown. */
export function refusalOf<T>(read: () => T): T | ConvoyError {
  try {
    return read()
  } catch (thrown) {
    if (thrown instanceof ConvoyError && ['damaged', 'unsupported', 'invalid-argument'].includes(thrown.code))
      return thrown
    throw thrown
  }
}

/** Whether `read` throws ConvoyError `damaged`. */
export function isDamage(read: () => unknown): boolean {
  const result = refusalOf(read)
  return result instanceof ConvoyError && result.code === 'damaged'
}
