import assert from 'node:assert/strict'
import { normalize } from 'node:path'
import fc from 'fast-check'
import t from 'tap'
import { ConvoyError } from '../../src/errors.js'
import {
  oneOf,
  parseAbsolutePath,
  parseBoolean,
  parseDurationMs,
  parseFileMode,
  parseOptions,
  wholeNumber,
} from '../../src/model/options.js'
import { parseSizeBytes } from '../../src/model/size.js'

const table = {
  size: { parse: parseSizeBytes, placeholder: 'SIZE', help: 'how large it is' },
  vm: { parse: parseBoolean, default: false, placeholder: '', help: 'for a virtual machine' },
  mode: { parse: parseFileMode, default: 0o755, placeholder: 'MODE', help: 'of the root folder' },
} as const

const read = (texts: Readonly<Record<string, string>>) => parseOptions(table, texts, 'volume option')

/** Runs a parser on hostile text: a value, or a refusal that says so. */
function tryParse<T>(parse: (text: string) => T, text: string): T | undefined {
  try {
    return parse(text)
  } catch (thrown) {
    assert.ok(thrown instanceof ConvoyError && thrown.code === 'invalid-argument', String(thrown))
    assert.ok(thrown.sentence.length < 400, 'a long text does not make a long message')
    return undefined
  }
}

t.test('options are read by their parsers, and defaults hold for the others', async (t) => {
  t.strictSame(read({}), { size: undefined, vm: false, mode: 0o755 })
  t.strictSame(read({ size: '1k', vm: 'yes', mode: '0700' }), { size: 1024, vm: true, mode: 0o700 })
})

t.test('an empty text is a text: it does not stand for the default', async (t) => {
  t.throws(() => read({ mode: '' }), { code: 'invalid-argument' })
  t.equal(read({ vm: '' }).vm, true, '`-o vm` switches it on')
})

t.test('an unknown option is named, with the known ones', async (t) => {
  t.throws(() => read({ sise: '1', size: '1', Size: '2' }), {
    code: 'invalid-argument',
    message: 'unknown volume option "sise", "Size"',
    hint: 'the volume options are: mode, size, vm',
  })
})

t.test('of many unknown options only the first ones are named', async (t) => {
  const texts = Object.fromEntries(Array.from({ length: 10_000 }, (_, index) => [`x${index}`, '']))
  t.throws(() => read(texts), { message: 'unknown volume option "x0", "x1", "x2", "x3", "x4", …' })
})

t.test('a malformed option is named, with what its parser says', async (t) => {
  t.throws(() => read({ size: 'big' }), {
    code: 'invalid-argument',
    message: /^volume option size: "big" is not a size$/,
    hint: /10G/,
  })
})

t.test('options named like properties of every object are unknown, not inherited', async (t) => {
  // JSON.parse is how they arrive, and makes __proto__ a property like any other.
  for (const name of ['__proto__', 'constructor', 'toString', 'hasOwnProperty', 'valueOf', ''])
    t.throws(() => read(JSON.parse(`{${JSON.stringify(name)}: "x"}`) as Record<string, string>), {
      message: `unknown volume option ${JSON.stringify(name)}`,
    })
  t.equal(({} as Record<string, unknown>)['x'], undefined)
})

t.test('texts that only the prototype has are not options', async (t) => {
  t.equal(read(Object.create({ vm: 'true' }) as Record<string, string>).vm, false)
})

t.test('a name of 100,000 characters does not make a message of that length', async (t) => {
  t.equal(
    tryParse((text) => read({ [text]: '1' }), 'x'.repeat(100_000)),
    undefined,
  )
})

t.test('a parser that breaks is a defect and is not called a wrong option', async (t) => {
  const parse = (): string => {
    throw new TypeError('broken')
  }
  const broken = { x: { parse, placeholder: 'X', help: '' } }
  t.throws(() => parseOptions(broken, { x: '1' }, 'option'), TypeError)
})

t.test('whatever the options are called and hold, they are read or refused', async (t) => {
  const name = fc.oneof(fc.constantFrom('size', 'vm', 'mode', '__proto__', 'constructor'), fc.string())
  const property = fc.property(fc.array(fc.tuple(name, fc.string()), { maxLength: 4 }), (pairs) => {
    const values = tryParse(() => read(Object.fromEntries(pairs)), '')
    if (values !== undefined) assert.deepEqual(Object.keys(values), ['size', 'vm', 'mode'])
  })
  t.doesNotThrow(() => fc.assert(property, { numRuns: 5000 }))
})

t.test('one of a closed set is that word and no other', async (t) => {
  const parse = oneOf('retain', 'trash')
  t.equal(parse('trash'), 'trash')
  for (const text of ['', 'Trash', 'trash ', 'length', '0', '__proto__'])
    t.throws(() => parse(text), { code: 'invalid-argument', message: /is not one of retain, trash$/ })
})

t.test('booleans', async (t) => {
  for (const text of ['true', 'TRUE', '1', 'yes', 'on', '']) t.equal(parseBoolean(text), true, text)
  for (const text of ['false', 'False', '0', 'no', 'off']) t.equal(parseBoolean(text), false, text)
  for (const text of [' true', 'true\n', 'y', 'n', '2', 'null', 'undefined', '-1', 'yeſ'])
    t.throws(() => parseBoolean(text), { code: 'invalid-argument' }, JSON.stringify(text))
})

t.test('whole numbers within their bounds', async (t) => {
  const parse = wholeNumber(1, 65535)
  t.equal(parse('1'), 1)
  t.equal(parse('65535'), 65535)
  t.equal(wholeNumber(0, 10)('0'), 0)
  for (const text of [
    '0',
    '65536',
    '',
    ' 1',
    '1 ',
    '1\n',
    '-1',
    '+1',
    '1.0',
    '1e2',
    '0x1',
    '１',
    '9'.repeat(16),
    'NaN',
  ])
    t.throws(() => parse(text), { code: 'invalid-argument', message: /from 1 to 65535/ }, JSON.stringify(text))
})

for (const [text, ms] of [
  ['0', 0],
  ['0s', 0],
  ['90s', 90_000],
  ['5m', 300_000],
  ['24h', 86_400_000],
  ['7d', 604_800_000],
  ['999999d', 86_399_913_600_000],
] as const)
  t.test(`a duration: ${text}`, async (t) => {
    t.equal(parseDurationMs(text), ms)
  })

for (const text of ['', '1', '24', 's', '-1s', '1.5h', '1 h', '1h\n', '1H', '1w', '1ms', '1000000d', '1h30m', '１h'])
  t.test(`no duration: ${JSON.stringify(text)}`, async (t) => {
    t.throws(() => parseDurationMs(text), { code: 'invalid-argument' })
  })

for (const [text, path] of [
  ['/', '/'],
  ['//', '/'],
  ['/a', '/a'],
  ['/a/', '/a'],
  ['//a///b//', '/a/b'],
  ['/a b/ü', '/a b/ü'],
  ['/...', '/...'],
  ['/.a/..b/c.', '/.a/..b/c.'],
] as const)
  t.test(`a path: ${text}`, async (t) => {
    t.equal(parseAbsolutePath(text), path)
  })

const notPaths = ['', 'a', './a', '../a', '~/a', '/..', '/../a', '/a/..', '/a/./b', '/.', 'C:\\a', '\\a']
for (const text of [...notPaths, '/a\u0000b', '/a\nb', '/a\u007f', '/a\u0000/../b', `/${'x'.repeat(4095)}`])
  t.test(`no path: ${JSON.stringify(text.slice(0, 40))}`, async (t) => {
    t.throws(() => parseAbsolutePath(text), { code: 'invalid-argument' })
  })

t.test('a path that passes is absolute and already in its shortest form', async (t) => {
  const piece = fc.oneof(fc.constantFrom('/', '//', '.', '..', 'a', '\u0000', '\n'), fc.string({ unit: 'binary' }))
  const text = fc.array(piece, { maxLength: 8 }).map((pieces) => `/${pieces.join('')}`)
  const property = fc.property(text, (text) => {
    const path = tryParse(parseAbsolutePath, text)
    if (path === undefined) return
    assert.equal(path, normalize(path))
    assert.ok(path === '/' || !path.endsWith('/'))
    assert.equal(parseAbsolutePath(path), path)
  })
  t.doesNotThrow(() => fc.assert(property, { numRuns: 20_000 }))
})

for (const [text, mode] of [
  ['0755', 0o755],
  ['755', 0o755],
  ['000', 0],
  ['075', 0o75],
  ['1777', 0o1777],
  ['02770', 0o2770],
  ['07777', 0o7777],
] as const)
  t.test(`a mode: ${text}`, async (t) => {
    t.equal(parseFileMode(text), mode)
  })

for (const text of [
  '',
  '7',
  '77',
  '0o755',
  '0x1ff',
  '888',
  '00755x',
  '17777',
  '007777',
  '-755',
  '755 ',
  '755\n',
  'rwx',
])
  t.test(`no mode: ${JSON.stringify(text)}`, async (t) => {
    t.throws(() => parseFileMode(text), { code: 'invalid-argument' })
  })

t.test('every mode is read back as it is printed', async (t) => {
  for (let mode = 0; mode <= 0o7777; mode++) assert.equal(parseFileMode(mode.toString(8).padStart(4, '0')), mode)
  t.pass()
})

const family = {
  size: { parse: parseSizeBytes, placeholder: 'SIZE', help: '' },
  'tag.*': { parse: wholeNumber(0, 9), placeholder: 'N', help: '', isFamily: true },
  'tag.size': { parse: oneOf('own'), placeholder: 'X', help: '' },
} as const

const readFamily = (texts: Readonly<Record<string, string>>) => parseOptions(family, texts, 'volume option')

t.test('a family stands for every option that begins as it does', async (t) => {
  t.strictSame(readFamily({ 'tag.a': '1', 'tag.b.c': '2', 'tag.*': '3' }), {
    size: undefined,
    'tag.*': { a: 1, 'b.c': 2, '*': 3 },
    'tag.size': undefined,
  })
  t.strictSame(readFamily({})['tag.*'], {})
})

t.test('a member needs a name of its own', async (t) => {
  for (const name of ['tag.', 'tag', 'Tag.a', 'xtag.a'])
    t.throws(() => readFamily({ [name]: '1' }), { message: `unknown volume option ${JSON.stringify(name)}` })
})

t.test('what a member is given is refused by the member’s name', async (t) => {
  t.throws(() => readFamily({ 'tag.a': '1', 'tag.b': '10' }), { message: /^volume option tag\.b: "10"/ })
})

t.test('members named like properties of every object are members', async (t) => {
  const texts = JSON.parse('{"tag.__proto__": "1", "tag.constructor": "2"}') as Record<string, string>
  t.strictSame(Object.entries(readFamily(texts)['tag.*']), [
    ['__proto__', 1],
    ['constructor', 2],
  ])
  t.equal(({} as Record<string, unknown>)['1'], undefined)
})

t.test('an option that has the name of a member is no member', async (t) => {
  t.strictSame(readFamily({ 'tag.size': 'own' }), { size: undefined, 'tag.*': {}, 'tag.size': 'own' })
})
