import { chmodSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { findSecret, getNewPassphrase, keyFilePath, readPassphrase } from '../../src/cli/repository-secret.js'
import { Session } from '../../src/cli/session.js'
import { formatKeyFile } from '../../src/repository/format/key-file.js'
import { silentEnvironment } from '../fakes/command-line.js'

const keyOf = (digit: number) => Buffer.alloc(32, digit)
const none = { keyFile: undefined, passphraseFile: undefined }

/** A folder with keys 1 to 3 and a passphrase; a session that knows of them what it is told. */
function bench(t: Test) {
  const folder = t.testdir()
  const pathOf = (name: string) => join(folder, name)
  for (const digit of [1, 2, 3]) writeFileSync(pathOf(`key${digit}`), formatKeyFile(keyOf(digit)), { mode: 0o600 })
  writeFileSync(pathOf('words'), 'open sesame\nmore\n', { mode: 0o600 })
  const sessionWith = (keys: { keyFile?: string; passphraseFile?: string; usualKeyFile?: string }) =>
    new Session({ ...silentEnvironment, keys: { usualKeyFile: pathOf('none'), ...keys } })
  return { pathOf, sessionWith }
}

t.test('what is typed counts more than the environment, and that more than the usual place', async (t) => {
  const { pathOf, sessionWith } = bench(t)
  const keys = { keyFile: pathOf('key2'), passphraseFile: '', usualKeyFile: pathOf('key3') }
  const typed = await findSecret({ ...none, keyFile: pathOf('key1') }, sessionWith(keys))
  t.same(typed, { unlock: { kind: 'key-file', key: keyOf(1) }, path: pathOf('key1'), isNamed: true })
  t.match(await findSecret(none, sessionWith(keys)), { unlock: { key: keyOf(2) }, isNamed: true })
  t.match(await findSecret(none, sessionWith({ ...keys, keyFile: '' })), { unlock: { key: keyOf(3) }, isNamed: false })
  t.equal(await findSecret(none, sessionWith({})), undefined)
  t.equal(await findSecret(none, new Session(silentEnvironment)), undefined)
  const spoken = await findSecret({ ...none, passphraseFile: pathOf('words') }, sessionWith(keys))
  t.match(spoken, { unlock: { kind: 'passphrase', text: 'open sesame' } })
  t.equal(keyFilePath(none, sessionWith(keys)), pathOf('key2'))
  t.equal(keyFilePath(none, sessionWith({})), pathOf('none'))
})

t.test('a key and a passphrase at once are refused, as is a file of either that is not there', async (t) => {
  const { pathOf, sessionWith } = bench(t)
  const both = { keyFile: pathOf('key1'), passphraseFile: pathOf('words') }
  await t.rejects(findSecret(both, sessionWith({})), { code: 'invalid-argument' })
  await t.rejects(findSecret({ ...none, keyFile: pathOf('nokey') }, sessionWith({})), { code: 'not-found' })
  await t.rejects(findSecret(none, sessionWith({ passphraseFile: pathOf('nowords') })), { code: 'not-found' })
})

t.test('a key that others may read is refused, also in its usual place', async (t) => {
  const { pathOf, sessionWith } = bench(t)
  chmodSync(pathOf('key3'), 0o644)
  const refused = { code: 'invalid-argument', message: /may be read by others/, hint: `chmod 600 ${pathOf('key3')}` }
  await t.rejects(findSecret(none, sessionWith({ usualKeyFile: pathOf('key3') })), refused)
})

t.test('a file that is no key is named, and nothing of it is shown', async (t) => {
  const { pathOf, sessionWith } = bench(t)
  const refusal = await findSecret({ ...none, keyFile: pathOf('words') }, sessionWith({})).catch((thrown: unknown) =>
    String(thrown),
  )
  t.match(refusal, pathOf('words'))
  t.notMatch(refusal, 'sesame')
  writeFileSync(pathOf('empty'), '\nsecond line\n', { mode: 0o600 })
  await t.rejects(readPassphrase(pathOf('empty')), { code: 'invalid-argument', message: /no passphrase/ })
})

t.test('a new passphrase is typed twice, and not too short', async (t) => {
  const typing = (...texts: readonly string[]) => {
    const left = [...texts]
    const terminal = { ...silentEnvironment.terminal, askSecret: async () => left.shift() }
    return getNewPassphrase(new Session({ ...silentEnvironment, terminal }))
  }
  t.same(await typing('long enough', 'long enough'), { kind: 'passphrase', text: 'long enough' })
  await t.rejects(typing('long enough', 'long enougH'), /differ/)
  await t.rejects(typing('short', 'short'), /at least 8/)
  await t.rejects(typing(), /no terminal/)
})
