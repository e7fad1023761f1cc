import fc from 'fast-check'
import t from 'tap'
import {
  isWithin,
  joinPath,
  nameOf,
  parentPath,
  parsePathPattern,
  parseTreePath,
  pathsDownTo,
  showPath,
} from '../../../src/repository/format/tree-path.js'

const parse = (text: string) => parseTreePath(Buffer.from(text, 'latin1')).toString('latin1')

t.test('what people type becomes a path, and leads nowhere above the root', async (t) => {
  for (const [typed, path] of [
    ['', ''],
    ['/', ''],
    ['.', ''],
    ['a', 'a'],
    ['/a//b/./', 'a\0b'],
    ['a/../b', 'b'],
    ['../../etc', 'etc'],
    ['\xff/\n', '\xff\0\n'],
    ['\\xff/\\n\\t\\\\n', '\xff\0\n\t\\n'],
    ['\\x00\\x2f\\b\\', '\\x00\\x2f\\b\\'],
    ['a/\\x2e\\x2e/b', 'b'],
  ] as const)
    t.equal(parse(typed), path, JSON.stringify(typed))
})

t.test('a path knows what it is in', async (t) => {
  const path = Buffer.from('a\0b\0c')
  t.equal(String(parentPath(path)), 'a\0b')
  t.equal(String(parentPath(Buffer.from('a'))), '')
  t.equal(parentPath(Buffer.alloc(0)), undefined)
  t.equal(String(nameOf(path)), 'c')
  t.equal(String(nameOf(Buffer.from('a'))), 'a')
  t.strictSame(pathsDownTo(path).map(String), ['', 'a', 'a\0b', 'a\0b\0c'])
  t.strictSame(pathsDownTo(Buffer.alloc(0)).map(String), [''])
  t.ok(isWithin(path, Buffer.from('a\0b')))
  t.ok(isWithin(path, path))
  t.ok(isWithin(path, Buffer.alloc(0)))
  t.notOk(isWithin(Buffer.from('ab'), Buffer.from('a')))
  t.notOk(isWithin(Buffer.from('a'), path))
})

t.test('a path is shown on one line, and no two look the same', async (t) => {
  t.equal(showPath(Buffer.alloc(0)), '.')
  t.equal(showPath(Buffer.from('a\0b c\0\u00e4')), 'a/b c/\u00e4')
  t.equal(showPath(Buffer.from('a\n\t\\\u001b[31m')), 'a\\n\\t\\\\\\x1b[31m')
  t.equal(showPath(Buffer.of(0x61, 0xff, 0xc3, 0xa4)), 'a\\xff\u00e4')
  t.equal(showPath(Buffer.from('\u202eevil')), '\\xe2\\x80\\xaeevil')
  const name = fc.uint8Array({ minLength: 1, maxLength: 8 }).map((bytes) => Buffer.from(bytes))
  const plain = name.filter((bytes) => !bytes.includes(0) && !bytes.includes(0x2f) && String(bytes) !== '.')
  fc.assert(
    fc.property(plain, plain, (one, other) => {
      const [left, right] = [showPath(one), showPath(other)]
      return (left === right) === one.equals(other) && !/[\p{Cc}]/u.test(left)
    }),
    { numRuns: 2000 },
  )
})

t.test('what is shown of a path can be typed, whatever bytes are in it', async () => {
  const piece = fc.oneof(
    fc.uint8Array({ minLength: 1, maxLength: 4 }).map((bytes) => Buffer.from(bytes)),
    fc
      .constantFrom('\\', '\\n', '\\x41', '\n', '\t', '\u00e4', '\u202e', '\ufffd', '\ufeff')
      .map((text) => Buffer.from(text)),
  )
  const name = fc
    .array(piece, { minLength: 1, maxLength: 4 })
    .map((pieces) => Buffer.concat(pieces))
    .filter((bytes) => !bytes.includes(0) && !bytes.includes(0x2f) && !['.', '..'].includes(String(bytes)))
  fc.assert(
    fc.property(fc.array(name, { maxLength: 4 }), (names) => {
      const path = joinPath(names)
      return parseTreePath(Buffer.from(showPath(path))).equals(path)
    }),
    { numRuns: 2000 },
  )
})

t.test('a pattern keeps its own backslashes', async (t) => {
  t.equal(parsePathPattern('\\x0a\\n\\t*\u00e4'), '\n\n\t*\u00e4')
  t.equal(parsePathPattern('\\*\\\\n\\!'), '\\*\\\\n\\!')
  t.equal(parsePathPattern('\\xe2\\x80\\xae'), '\u202e')
})
