import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { spawnSync } from 'node:child_process'
import t, { type Test } from 'tap'
import { removeDeadSocket, setAside, writeNew } from '../../src/host/plugin-file-changes.js'
import { listPluginFiles } from '../../src/host/plugin-files.js'
import { probeSocket } from '../../src/host/sockets.js'

/** Not below the checkout: the path of a socket has at most 107 bytes. */
function directory(t: Pick<Test, 'teardown'>): string {
  const path = mkdtempSync(join(tmpdir(), 'convoy-plugins-'))
  t.teardown(() => rmSync(path, { recursive: true, force: true }))
  return path
}

/** What a process leaves behind that was killed. */
function deadSocket(path: string): void {
  const script = `require('net').createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, 'SIGKILL'))`
  spawnSync('/usr/bin/env', ['-u', 'NODE_OPTIONS', process.execPath, '-e', script])
}

t.test('plugins are found where Docker finds them, each name once, the socket first', async (t) => {
  const root = directory(t)
  const [run, etc, lib] = ['run', 'etc', 'lib'].map((name) => join(root, name)) as [string, string, string]
  for (const path of [run, join(run, 'deep'), etc, join(etc, 'nested'), lib]) mkdirSync(path, { recursive: true })
  deadSocket(join(run, 'a.sock'))
  deadSocket(join(run, 'deep', 'deep.sock'))
  deadSocket(join(run, 'deep', 'other.sock'))
  writeFileSync(join(etc, 'a.spec'), 'unix:///hidden')
  writeFileSync(join(etc, 'b.spec'), '  unix:///b.sock\n')
  writeFileSync(join(etc, 'nested', 'nested.json'), '{"Name":"x","Addr":"https://host:1"}')
  writeFileSync(join(etc, 'broken.json'), '{')
  writeFileSync(join(etc, 'b.spec.disabled'), 'unix:///b.sock')
  writeFileSync(join(lib, 'b.spec'), 'unix:///later')
  t.strictSame(listPluginFiles({ sockets: [run, join(root, 'missing')], specs: [etc, lib] }), [
    { path: join(run, 'a.sock'), name: 'a', kind: 'socket', address: `unix://${join(run, 'a.sock')}` },
    {
      path: join(run, 'deep/deep.sock'),
      name: 'deep',
      kind: 'socket',
      address: `unix://${join(run, 'deep/deep.sock')}`,
    },
    { path: join(etc, 'b.spec'), name: 'b', kind: 'spec', address: 'unix:///b.sock' },
    { path: join(etc, 'broken.json'), name: 'broken', kind: 'spec', address: '' },
    { path: join(etc, 'nested/nested.json'), name: 'nested', kind: 'spec', address: 'https://host:1' },
  ])
})

t.test('a socket is dead only when the kernel says that nobody listens', async (t) => {
  const root = directory(t)
  const path = join(root, 'x.sock')
  t.equal(await probeSocket(path), 'missing')
  deadSocket(path)
  t.equal(await probeSocket(path), 'dead')
  await removeDeadSocket(path)
  t.notOk(existsSync(path))
  const server = createServer((socket) => socket.destroy())
  await new Promise<void>((listening) => server.listen(path, listening))
  t.equal(await probeSocket(path), 'listening')
  await t.rejects(removeDeadSocket(path), { code: 'in-use' })
  t.ok(existsSync(path))
  await new Promise((closed) => server.close(closed))
})

t.test('what is no socket is not removed', async (t) => {
  const path = join(directory(t), 'x.sock')
  writeFileSync(path, 'data')
  await t.rejects(removeDeadSocket(path), { code: 'in-use' })
  t.equal(readFileSync(path, 'utf8'), 'data')
  await t.rejects(removeDeadSocket(`${path}.missing`), { code: 'in-use' })
})

t.test('a file is set aside under a name by which Docker does not find it, and replaces nothing', async (t) => {
  const path = join(directory(t), 'x.spec')
  writeFileSync(path, 'one')
  setAside(path)
  t.notOk(existsSync(path))
  t.equal(readFileSync(`${path}.disabled`, 'utf8'), 'one')
  writeFileSync(path, 'two')
  t.throws(() => setAside(path), { code: 'already-exists' })
  t.equal(readFileSync(path, 'utf8'), 'two')
  t.equal(readFileSync(`${path}.disabled`, 'utf8'), 'one')
})

t.test('a new file is written only where there is none', async (t) => {
  const path = join(directory(t), 'plugins', 'x.spec')
  writeNew(path, 'unix:///x\n')
  t.throws(() => writeNew(path, 'other'), { code: 'already-exists' })
  t.equal(readFileSync(path, 'utf8'), 'unix:///x\n')
})
