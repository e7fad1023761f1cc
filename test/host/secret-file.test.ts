import { spawnSync } from 'node:child_process'
import { appendFileSync, chmodSync, mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { appendFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { createSecretFile, readSecretFile } from '../../src/host/secret-file.js'

const read = async (path: string) => (await readSecretFile(path, 'the key')).toString()

t.test('a secret is written for its owner only, below directories that are made, and read again', async (t) => {
  const path = join(t.testdir(), 'a/b/key')
  await createSecretFile(path, 'hush\n')
  t.equal(await read(path), 'hush\n')
  t.equal(statSync(path).mode & 0o777, 0o600)
  t.equal(statSync(join(path, '..')).mode & 0o777, 0o700)
})

t.test('nothing is ever written over, nor through a link', async (t) => {
  const folder = t.testdir({ there: 'old', link: t.fixture('symlink', 'target') })
  for (const name of ['there', 'link'])
    await t.rejects(createSecretFile(join(folder, name), 'new'), { code: 'already-exists' }, name)
  t.equal(readFileSync(join(folder, 'there'), 'utf8'), 'old')
  t.throws(() => statSync(join(folder, 'target')))
})

for (const mode of [0o644, 0o640, 0o602, 0o777])
  t.test(`a secret of mode ${mode.toString(8)} is refused, with the command that mends it`, async (t) => {
    const path = join(t.testdir({ key: 'hush' }), 'key')
    chmodSync(path, mode)
    await t.rejects(read(path), { code: 'invalid-argument', hint: `chmod 600 ${path}` })
  })

t.test('what is missing, no file, or too large for a secret is refused', async (t) => {
  const folder = t.testdir()
  await t.rejects(read(join(folder, 'none')), { code: 'not-found', message: `the key ${folder}/none is not there` })
  mkdirSync(join(folder, 'folder'), { mode: 0o700 })
  await t.rejects(read(join(folder, 'folder')), { code: 'invalid-argument' })
  await t.rejects(read('/dev/zero'), { code: 'invalid-argument', message: /no file/ })
  writeFileSync(join(folder, 'file'), 'x'.repeat(65_536), { mode: 0o600 })
  t.equal((await read(join(folder, 'file'))).length, 65_536)
  appendFileSync(join(folder, 'file'), 'x')
  await t.rejects(read(join(folder, 'file')), { code: 'invalid-argument', message: /too large/ })
})

t.test('a link to a secret is followed: whoever names it has chosen it', async (t) => {
  const folder = t.testdir()
  writeFileSync(join(folder, 'key'), 'hush', { mode: 0o600 })
  symlinkSync('key', join(folder, 'link'))
  t.equal(await read(join(folder, 'link')), 'hush')
})

t.test('a pipe serves as well, which is what a shell makes of <(command)', async (t) => {
  const path = join(t.testdir(), 'pipe')
  t.equal(spawnSync('mkfifo', [path]).status, 0)
  const [text] = await Promise.all([read(path), appendFile(path, 'hush')])
  t.equal(text, 'hush')
})
