import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { ConvoyError } from '../../src/errors.js'
import { formatSize, parseSizeBytes } from '../../src/model/size.js'

const sizes: readonly (readonly [text: string, bytes: number])[] = [
  ['0', 0],
  ['1073741824', 1073741824],
  ['10G', 10 * 1024 ** 3],
  ['10g', 10 * 1024 ** 3],
  ['10GB', 10 * 1024 ** 3],
  ['10GiB', 10 * 1024 ** 3],
  ['512m', 512 * 1024 ** 2],
  ['1k', 1024],
  ['2T', 2 * 1024 ** 4],
  ['1P', 1024 ** 5],
  ['100b', 100],
  ['007', 7],
  ['9007199254740991', Number.MAX_SAFE_INTEGER],
  ['8191T', 8191 * 1024 ** 4],
]
for (const [text, bytes] of sizes)
  t.test(`${text} is ${bytes} bytes`, async (t) => {
    t.equal(parseSizeBytes(text), bytes)
  })

const refused = [
  ['', ' ', 'G', '10 G', ' 10G', '10G ', '10G\n', '-1', '+1', '1.5G', '1e3', '0x10', '10X', '10GG', '10iB', '10Gi B'],
  ['NaN', 'Infinity', '１０', '10\u212a', '10\u0000', '1_000', '1,000', '__proto__', 'constructor', '10constructor'],
  ['9007199254740992', '8192T', '9P', '9999999999999999P', '1'.repeat(17), '1'.repeat(100_000)],
].flat()
for (const text of refused)
  t.test(`no size: ${JSON.stringify(text.slice(0, 40))}`, async (t) => {
    t.throws(() => parseSizeBytes(text), { code: 'invalid-argument' })
  })

t.test('whatever the text, a size is a whole number of bytes that a double holds, or refused', async (t) => {
  const nearly = fc.tuple(fc.bigInt({ min: 0n, max: 10n ** 17n }), fc.constantFrom('', 'k', 'M', 'gib', 'TB', 'p', 'x'))
  const text = fc.oneof(
    fc.string(),
    nearly.map(([digits, unit]) => `${digits}${unit}`),
  )
  const property = fc.property(text, (text) => {
    try {
      const bytes = parseSizeBytes(text)
      assert.ok(Number.isSafeInteger(bytes) && bytes >= 0)
    } catch (thrown) {
      assert.ok(thrown instanceof ConvoyError && thrown.code === 'invalid-argument', String(thrown))
      assert.ok(thrown.sentence.length < 400)
    }
  })
  t.doesNotThrow(() => fc.assert(property, { numRuns: 20_000 }))
})

t.test('a text of 100,000 digits does not make a message of that length', async (t) => {
  t.throws(() => parseSizeBytes('1'.repeat(100_000)), { message: /^"1{40}" is not a size$/ })
})

t.test('no product is rounded on its way to bytes', async (t) => {
  const property = fc.property(fc.bigInt({ min: 0n, max: 2n ** 53n - 1n }), fc.nat(5), (bytes, power) => {
    const unit = 1024n ** BigInt(power)
    const text = `${bytes / unit}${['', 'k', 'm', 'g', 't', 'p'][power] ?? ''}`
    assert.equal(BigInt(parseSizeBytes(text)), (bytes / unit) * unit)
  })
  t.doesNotThrow(() => fc.assert(property, { numRuns: 10_000 }))
})

for (const [bytes, text] of [
  [0, '0 B'],
  [1, '1 B'],
  [1023, '1023 B'],
  [1024, '1 KiB'],
  [1536, '1.5 KiB'],
  [10 * 1024 ** 3, '10 GiB'],
  [1024 ** 4, '1 TiB'],
  [1024 ** 5, '1 PiB'],
  [Number.MAX_SAFE_INTEGER, '8.0 PiB'],
] as const)
  t.test(`${bytes} bytes are shown as ${text}`, async (t) => {
    t.equal(formatSize(bytes), text)
  })

t.test('a size is shown with a unit in which it has less than five digits', async (t) => {
  const property = fc.property(fc.maxSafeNat(), (bytes) => {
    assert.match(formatSize(bytes), /^\d{1,4}(?:\.\d)? (?:B|KiB|MiB|GiB|TiB|PiB)$/)
  })
  t.doesNotThrow(() => fc.assert(property, { numRuns: 10_000 }))
})
