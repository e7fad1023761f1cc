import fc from 'fast-check'
import t from 'tap'
import { ByteCursor } from '../../../src/repository/format/byte-cursor.js'
import { ByteWriter } from '../../../src/repository/format/byte-writer.js'
import { isDamage, refusalOf } from '../mutation.js'

const written = (...values: readonly number[]) => {
  const writer = new ByteWriter(1)
  for (const value of values) writer.varint(value)
  return Buffer.from(writer.written)
}

const bitsOf = (value: number) => Math.max(1, value.toString(2).length)

const numbers = fc.oneof(
  fc.maxSafeNat(),
  fc.nat(300),
  fc.integer({ min: 0, max: 52 }).map((bits) => 2 ** bits),
  fc.integer({ min: 1, max: 53 }).map((bits) => 2 ** bits - 1),
)

t.test('numbers are read as they were written, in as few bytes as they take', async () => {
  fc.assert(
    fc.property(fc.array(numbers), (values) => {
      const bytes = written(...values)
      const cursor = new ByteCursor(bytes)
      const isSame = values.every((value) => cursor.varint() === value) && cursor.isAtEnd
      return isSame && bytes.length === values.reduce((sum, value) => sum + Math.ceil(bitsOf(value) / 7), 0)
    }),
  )
})

t.test('a number is read in one way only', async (t) => {
  for (const bytes of [
    [0x80, 0x00],
    [0xff, 0x80, 0x00],
    [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x10],
    [0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01],
    [0x80],
    [],
  ])
    t.ok(
      isDamage(() => new ByteCursor(Buffer.from(bytes)).varint()),
      String(bytes),
    )
  t.equal(new ByteCursor(written(Number.MAX_SAFE_INTEGER)).varint(), Number.MAX_SAFE_INTEGER)
})

t.test('whatever the bytes are, a number comes out that would be written so, or none', async () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 12 }), (bytes) => {
      const cursor = new ByteCursor(Buffer.from(bytes))
      const value = refusalOf(() => cursor.varint())
      return typeof value !== 'number' || written(value).equals(Buffer.from(bytes.subarray(0, cursor.at)))
    }),
    { numRuns: 2000 },
  )
})

t.test('nothing is read beyond the end, and a length never is more than what is left', async (t) => {
  const bytes = Buffer.from([4, 1, 2, 3])
  t.ok(isDamage(() => new ByteCursor(bytes).length()))
  t.ok(isDamage(() => new ByteCursor(bytes).take(5)))
  t.ok(isDamage(() => new ByteCursor(bytes.subarray(1)).uint32()))
  const cursor = new ByteCursor(Buffer.from([3, 1, 2, 3]))
  t.strictSame(cursor.take(cursor.length()), Buffer.from([1, 2, 3]))
  t.ok(cursor.isAtEnd)
})
