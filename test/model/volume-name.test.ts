import assert from 'node:assert/strict'
import { join } from 'node:path'
import fc from 'fast-check'
import t from 'tap'
import { ConvoyError } from '../../src/errors.js'
import { isAnonymousVolumeName, isVolumeName, parseVolumeName } from '../../src/model/volume-name.js'

/** Accepted or refused, but never anything else. */
function accepts(text: unknown): boolean {
  try {
    assert.equal(parseVolumeName(text), text)
    assert.equal(isVolumeName(text), true)
    return true
  } catch (thrown) {
    assert.ok(thrown instanceof ConvoyError, String(thrown))
    assert.equal(thrown.code, 'invalid-argument')
    assert.ok(thrown.sentence.length < 400, 'a long name does not make a long message')
    assert.equal(isVolumeName(text), false)
    return false
  }
}

/** For the name of a test: TAP takes some characters beyond ASCII for line breaks. */
function printable(text: string): string {
  return JSON.stringify(text.slice(0, 40)).replace(
    /[^ -~]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16)}`,
  )
}

const valid = ['a', '0', 'db', 'A.b-c_d', 'constructor', 'toString', 'a..', 'a-', 'db.tmp', 'lost-found', 'config']
for (const name of [...valid, 'x'.repeat(128), '0'.repeat(64)])
  t.test(`a name: ${name}`, async (t) => {
    t.ok(accepts(name))
  })

const hostile = [
  ['', '.', '..', '...', '../../evil', 'x/../../../escape', '/abs', 'a/b', 'a\\b', './a', '~', '~root'],
  [
    '-x',
    '--help',
    '_x',
    '.hidden',
    '__proto__',
    '@a',
    '+a',
    '$(reboot)',
    '`id`',
    'a;b',
    'a|b',
    'a&b',
    'a>b',
    'a*',
    'a?',
  ],
  [
    'a b',
    ' a',
    'a ',
    'a\t',
    'db\n',
    '\ndb',
    'db\r\n',
    'db\r',
    'a\u0000b',
    'db\u0000',
    '\u0000',
    'a\u007f',
    'a\u001b[2J',
  ],
  ['%2e%2e', 'a%2fb', 'a%00', 'a:b', 'a=b', 'a,b', '{a}', "a'b", 'a"b', '#a', 'a#b', 'a\u2028b', '\ufeffa', 'a\ufeff'],
  ['ü', 'aü', 'ａ', '１', 'а', 'Kelvin\u212a', 'ſ', '\u202ea', '\ud800', 'a\udc00', '💾', 'a\u0301', '\u0660'],
  ['x'.repeat(129), 'x'.repeat(300), '../'.repeat(10_000)],
].flat()
for (const name of hostile)
  t.test(`no name: ${printable(name)} of ${name.length} characters`, async (t) => {
    t.notOk(accepts(name))
  })

const notText = [
  undefined,
  null,
  0,
  1,
  NaN,
  true,
  {},
  [],
  ['db'],
  { toString: () => 'db' },
  Symbol('db'),
  () => 'db',
  1n,
]
for (const value of notText)
  t.test(`no name: a ${typeof value} ${Array.isArray(value) ? 'that is an array' : ''}`, async (t) => {
    t.notOk(accepts(value))
  })

t.test('a missing name is called missing', async (t) => {
  t.throws(() => parseVolumeName(undefined), { message: /missing name/ })
})

t.test('a name in a message cannot break the line or command a terminal', async (t) => {
  t.throws(() => parseVolumeName('a\n\u001b[2Jb'), { message: '"a\\n\\u001b[2Jb" is not a volume name' })
})

t.test(
  '100,000 hostile names: what passes is one component below the folder of volumes, and safe as a URL',
  async (t) => {
    const piece = fc.constantFrom(
      '..',
      '.',
      '/',
      '\\',
      '-',
      '_',
      '%2e',
      '\u0000',
      '\n',
      'db',
      'a',
      '0',
      '__proto__',
      ' ',
      'ü',
    )
    const mixed = fc.array(piece, { minLength: 1, maxLength: 5 }).map((pieces) => pieces.join(''))
    const nearly = fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9_.-]{0,140}$/)
    const broken = fc.tuple(nearly, fc.string({ unit: 'binary', minLength: 1, maxLength: 2 }), fc.nat(140))
    const inserted = broken.map(([name, text, at]) => name.slice(0, at) + text + name.slice(at))
    const anything = fc.oneof(fc.string({ unit: 'binary' }), fc.string(), mixed, nearly, inserted)
    let accepted = 0
    const property = fc.property(anything, (text) => {
      if (!accepts(text)) return
      accepted++
      assert.equal(join('/volumes', text), `/volumes/${text}`)
      assert.equal(new URL(`http://convoy/v1/volumes/${text}`).pathname, `/v1/volumes/${text}`)
      assert.equal(encodeURIComponent(text), text)
      assert.ok(Buffer.byteLength(text) <= 128)
      assert.ok(!/^[-.]/.test(text))
    })
    t.doesNotThrow(() => fc.assert(property, { numRuns: 100_000 }))
    t.ok(accepted > 10_000, `${accepted} were accepted, so both sides are tried`)
  },
)

t.test('every name by the rule is accepted', async (t) => {
  const property = fc.property(fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$/), (text) => accepts(text))
  t.doesNotThrow(() => fc.assert(property, { numRuns: 10_000 }))
})

t.test('an anonymous volume is named with exactly 64 lower-case hex digits', async (t) => {
  const isAnonymous = (text: string) => isAnonymousVolumeName(parseVolumeName(text))
  t.ok(isAnonymous('0123456789abcdef'.repeat(4)))
  t.notOk(isAnonymous('0123456789ABCDEF'.repeat(4)))
  t.notOk(isAnonymous('a'.repeat(63)))
  t.notOk(isAnonymous('a'.repeat(65)))
  t.notOk(isAnonymous(`${'a'.repeat(63)}g`))
})
