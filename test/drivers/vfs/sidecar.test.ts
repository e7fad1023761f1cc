import assert, { fail } from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { describeFault, formatSidecar, parseSidecar, type Sidecar } from '../../../src/drivers/vfs/sidecar.js'
import { named } from '../../conformance/driver-world.js'
import { sidecarText } from './vfs-directory.js'

const changed = (more: object) => parseSidecar(sidecarText(more))

t.test('a sidecar is read as it was written', async (t) => {
  const name = fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$/).map(named)
  const absent = { nil: undefined }
  const property = fc.property(
    fc.record({ name, directory: name, id: fc.uuid(), createdAt: fc.date({ noInvalidDate: true, min: new Date(0) }) }),
    fc.record({
      state: fc.constantFrom('live', 'forgotten', 'trashed'),
      origin: fc.constantFrom('created', 'adopted'),
      options: fc.dictionary(fc.string(), fc.string(), { noNullPrototype: true }),
      host: fc.string(),
      generation: fc.nat(),
    }),
    fc.record({
      onRemove: fc.option(fc.constantFrom('retain', 'trash', 'delete', 'ignore'), absent),
      sizeBytes: fc.option(fc.maxSafeNat(), absent),
    }),
    ({ createdAt, ...who }, what, more) => {
      const given = Object.fromEntries(Object.entries(more).filter(([, value]) => value !== undefined))
      const sidecar: Sidecar = { version: 1, ...who, createdAt: createdAt.toISOString(), ...what, ...given }
      if (createdAt.getUTCFullYear() > 9999) return
      assert.deepEqual(parseSidecar(formatSidecar(sidecar)), sidecar)
    },
  )
  t.doesNotThrow(() => fc.assert(property, { numRuns: 1000 }))
})

t.test('any text is a sidecar or none, and is never trusted with a path', async (t) => {
  const safe = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$/
  const property = fc.property(fc.oneof(fc.string(), fc.json()), fc.anything(), (text, value) => {
    parseSidecar(text)
    for (const key of ['name', 'directory', 'id', 'state', 'origin', 'options', 'createdAt', 'host']) {
      const sidecar = changed({ [key]: value })
      if (sidecar === undefined) continue
      assert.match(sidecar.name, safe)
      assert.match(sidecar.directory, safe)
      assert.match(sidecar.id, /^[0-9a-f-]{8,64}$/)
    }
  })
  t.doesNotThrow(() => fc.assert(property, { numRuns: 2000 }))
})

const refused: readonly object[] = [
  { version: 2 },
  { version: '1' },
  { name: '../escape' },
  { name: '' },
  { name: '.convoy' },
  { directory: '../../etc' },
  { directory: '/etc' },
  { directory: '.convoy' },
  { id: '../x' },
  { id: '' },
  { id: 'A'.repeat(10) },
  { id: 7 },
  { state: 'gone' },
  { origin: 'stolen' },
  { createdAt: 'yesterday' },
  { createdAt: '2026-01-01T00:00:00Z'.padEnd(60, ' ') },
  { options: { size: 1 } },
  { options: null },
  { host: 1 },
]
for (const change of refused)
  t.test(`no sidecar: ${JSON.stringify(change)}`, async (t) => {
    t.equal(changed(change), undefined)
  })

for (const text of ['', '{}', '[]', 'null', '"db"', '{"version":1}', '\u0000', '{"a":'.repeat(10_000)])
  t.test(`no sidecar: ${JSON.stringify(text.slice(0, 20))}`, async (t) => {
    t.equal(parseSidecar(text), undefined)
  })

t.test('what a newer program adds stays in the file, and what it words differently means nothing here', async (t) => {
  const sidecar = changed({ onRemove: 'compress', sizeBytes: 'huge', retiredAt: 'soon' })
  t.match(sidecar, { name: 'db' })
  for (const key of ['onRemove', 'sizeBytes', 'retiredAt']) t.notOk(Object.hasOwn(sidecar ?? {}, key), key)
  t.match(JSON.parse(formatSidecar(sidecar ?? fail('no sidecar'))), { onRemove: 'compress', sizeBytes: 'huge' })
  const red = parseSidecar(sidecarText().replace('{', '{"colour":"red",')) ?? fail('no sidecar')
  t.match(JSON.parse(formatSidecar({ ...red, state: 'forgotten' })), { colour: 'red', state: 'forgotten' })
})

t.test('what others wrote beside what is known comes out as it came in', async (t) => {
  const property = fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (others) => {
    const text = JSON.stringify({ ...others, ...(JSON.parse(sidecarText()) as object) })
    const again = formatSidecar(parseSidecar(text) ?? fail('no sidecar'))
    assert.deepEqual(JSON.parse(again), JSON.parse(text))
  })
  t.doesNotThrow(() => fc.assert(property, { numRuns: 1000 }))
})

const faults: Readonly<Record<string, RegExp>> = {
  '': /empty/,
  ' \n': /empty/,
  [sidecarText().slice(0, 50)]: /cut off/,
  [sidecarText({ version: 2 })]: /newer version.*version 2/,
  [sidecarText({ name: '../x' })]: /no sense/,
}
for (const [text, problem] of Object.entries(faults))
  t.test(`what is wrong with a file is said: ${problem.source}`, async (t) => {
    t.match(describeFault(text), { problem, hint: /install that version|put back a copy/ })
  })

t.test('a file that is cut anywhere is a sidecar only when it is whole', async (t) => {
  const text = sidecarText()
  for (let length = 0; length < text.length - 2; length++) {
    if (parseSidecar(text.slice(0, length)) !== undefined) t.fail(`cut at ${length}`)
  }
})

t.test('a sidecar counts how often it was written; one that does not say so has not been counted', async (t) => {
  t.equal(parseSidecar(sidecarText({ generation: undefined }))?.generation, 0)
  t.equal(parseSidecar(sidecarText({ generation: -1 }))?.generation, 0)
  t.equal(parseSidecar(sidecarText({ generation: 7 }))?.generation, 7)
})
