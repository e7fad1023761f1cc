import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { ConvoyError } from '../../src/errors.js'
import { commandLineMountId, parseMountId } from '../../src/model/mount.js'

for (const id of [
  'a',
  '0123456789abcdef'.repeat(4),
  'x'.repeat(256),
  commandLineMountId,
  '!',
  '~',
  '../x',
  '__proto__',
])
  t.test(`an ID, which is opaque: ${id.slice(0, 70)}`, async (t) => {
    t.equal(parseMountId(id), id)
  })

const hostile = ['', ' ', 'a b', 'a\n', '\na', 'a\u0000', 'a\u007f', 'ü', '\ud800', 'x'.repeat(257)]
for (const id of [...hostile, undefined, null, 7, {}, ['a'], true])
  t.test(`no ID: ${JSON.stringify(id)}`, async (t) => {
    t.throws(() => parseMountId(id), { code: 'invalid-argument' })
  })

t.test('whatever arrives as an ID is kept as it is or refused', async (t) => {
  const property = fc.property(fc.anything(), fc.string({ unit: 'binary' }), (anything, text) => {
    for (const value of [anything, text]) {
      try {
        assert.equal(parseMountId(value), value)
        assert.match(String(value), /^[!-~]+$/)
      } catch (thrown) {
        if (!(thrown instanceof ConvoyError)) throw thrown
        assert.equal(thrown.code, 'invalid-argument')
      }
    }
  })
  t.doesNotThrow(() => fc.assert(property, { numRuns: 10_000 }))
})

t.test('the ID of the command line is none that Docker makes', async (t) => {
  t.notMatch(commandLineMountId, /^[0-9a-f]+$/)
})
