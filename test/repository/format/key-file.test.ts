import fc from 'fast-check'
import t from 'tap'
import { formatKeyFile, generateKey, parseKeyFile } from '../../../src/repository/format/key-file.js'

t.test('a key file gives back its key', async (t) => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 32, maxLength: 32 }), (key) =>
      parseKeyFile(formatKeyFile(Buffer.from(key)), 'x').equals(key),
    ),
  )
  t.match(formatKeyFile(generateKey()), /^convoy-key-1 [A-Za-z0-9_-]{43}\n$/)
  t.equal(generateKey().length, 32)
  t.notOk(generateKey().equals(generateKey()))
  t.ok(
    parseKeyFile(formatKeyFile(Buffer.alloc(32)).trimEnd(), 'x').equals(Buffer.alloc(32)),
    'an editor may have taken the end of the line',
  )
})

t.test('what is no key file is refused, and not shown', async (t) => {
  const good = formatKeyFile(Buffer.alloc(32, 9))
  for (const text of [
    '',
    'secret',
    good.replace('1', '2'),
    good.slice(0, -3),
    `${good}x`,
    ` ${good}`,
    good.trim().concat('A'),
    `${good}${good}`,
  ])
    t.throws(
      () => parseKeyFile(text, '/etc/key'),
      { code: 'invalid-argument', message: '/etc/key is no key file' },
      text,
    )
})
