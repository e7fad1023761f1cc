import { createServer, type Server } from 'node:net'
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { spawnSync } from 'node:child_process'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { inheritedDescriptors, linkSocket, listenOnPath, unlinkSocket } from '../../src/host/sockets.js'

/** Not below the checkout: the path of a socket has at most 107 bytes. */
function directory(t: Pick<Test, 'teardown'>): string {
  const path = mkdtempSync(join(tmpdir(), 'convoy-sockets-'))
  t.teardown(() => rmSync(path, { recursive: true, force: true }))
  return path
}

function server(t: Pick<Test, 'teardown'>): Server {
  const made = createServer((socket) => socket.on('error', () => undefined).end('hello'))
  t.teardown(() => made.close())
  return made
}

/** A socket whose owner was killed: nobody answers on it. */
function leaveStaleSocket(path: string): void {
  const program = `require('net').createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, 'SIGKILL'))`
  spawnSync(process.execPath, ['-e', program])
}

t.test('S01: a socket is made with mode 0600, and the umask is as before', async (t) => {
  const path = join(directory(t), 'convoy.sock')
  const before = process.umask(0o027)
  t.teardown(() => process.umask(before))
  await listenOnPath(server(t), path)
  t.ok(lstatSync(path).isSocket())
  t.equal(statSync(path).mode & 0o777, 0o600)
  t.equal(process.umask(0o027), 0o027)
})

t.test('S01: the mode is right from the moment the socket exists', async (t) => {
  const path = join(directory(t), 'convoy.sock')
  const listening = server(t)
  let seen: number | undefined
  const listen = listening.listen.bind(listening) as (...args: unknown[]) => Server
  listening.listen = (...args: unknown[]) => {
    const result = listen(...args)
    seen = statSync(path).mode & 0o777
    return result
  }
  await listenOnPath(listening, path)
  t.equal(seen, 0o600)
})

t.test('missing directories are made', async (t) => {
  const path = join(directory(t), 'run', 'docker', 'plugins', 'convoy.sock')
  await listenOnPath(server(t), path)
  t.ok(existsSync(path))
})

t.test('DK32: a socket on which somebody answers is left to them', async (t) => {
  const path = join(directory(t), 'convoy.sock')
  await listenOnPath(server(t), path)
  const { ino } = statSync(path)
  await t.rejects(listenOnPath(server(t), path), {
    code: 'in-use',
    message: `another daemon answers on ${path}`,
    hint: /--name/,
  })
  t.equal(statSync(path).ino, ino)
})

t.test('DK32: a socket on which nobody answers is replaced', async (t) => {
  const path = join(directory(t), 'convoy.sock')
  leaveStaleSocket(path)
  t.ok(lstatSync(path).isSocket())
  await listenOnPath(server(t), path)
  await t.rejects(listenOnPath(server(t), path), { code: 'in-use' }, 'now somebody does')
})

t.test('S02: what is no socket is never removed', async (t) => {
  const path = directory(t)
  writeFileSync(join(path, 'file'), 'precious')
  mkdirSync(join(path, 'folder'))
  leaveStaleSocket(join(path, 'stale.sock'))
  symlinkSync(join(path, 'stale.sock'), join(path, 'link'))
  for (const name of ['file', 'folder', 'link']) {
    await t.rejects(listenOnPath(server(t), join(path, name)), {
      code: 'invalid-argument',
      message: `${join(path, name)} exists and is not a socket`,
    })
  }
  t.equal(readFileSync(join(path, 'file'), 'utf8'), 'precious')
  t.ok(lstatSync(join(path, 'link')).isSymbolicLink())
})

t.test('a path that is too long, or that cannot be made, is an error and not a crash', async (t) => {
  const path = directory(t)
  await t.rejects(listenOnPath(server(t), join(path, 'x'.repeat(200))))
  writeFileSync(join(path, 'file'), '')
  await t.rejects(listenOnPath(server(t), join(path, 'file', 'convoy.sock')))
})

const own = String(process.pid)

t.test('descriptors that systemd passed are known by their names', async (t) => {
  const named = (names?: string, count = '2') =>
    Object.fromEntries(
      inheritedDescriptors({
        LISTEN_PID: own,
        LISTEN_FDS: count,
        ...(names === undefined ? {} : { LISTEN_FDNAMES: names }),
      }),
    )
  t.strictSame(named('control:plugin'), { control: 3, plugin: 4 })
  t.strictSame(named(), { plugin: 3, control: 4 })
  t.strictSame(named('unknown:unknown'), { plugin: 3, control: 4 })
  t.strictSame(named('convoy.socket:convoy-control.socket'), { plugin: 3, control: 4 })
  t.strictSame(named(undefined, '1'), { plugin: 3 })
  t.strictSame(named('', '1'), { plugin: 3 })
  t.strictSame(named('other', '1'), { other: 3 })
})

t.test('without descriptors for this very process there are none', async (t) => {
  for (const environment of [
    {},
    { LISTEN_FDS: '1' },
    { LISTEN_FDS: '1', LISTEN_PID: '1' },
    { LISTEN_PID: own },
    { LISTEN_FDS: '0', LISTEN_PID: own },
    { LISTEN_FDS: 'x', LISTEN_PID: own },
    { LISTEN_FDS: '1.5', LISTEN_PID: own },
  ]) {
    t.equal(inheritedDescriptors(environment).size, 0, JSON.stringify(environment))
  }
})

t.test('compat: a socket gets its old name, in place of what nobody needs there any more', async (t) => {
  const folder = directory(t)
  const [socket, old] = [join(folder, 'convoy.sock'), join(folder, 'old.sock')]
  for (const prepare of [() => undefined, () => symlinkSync('/nowhere', old), () => leaveStaleSocket(old)]) {
    rmSync(old, { force: true })
    prepare()
    t.equal(await linkSocket(old, socket), true)
    t.equal(readlinkSync(old), socket)
  }
  unlinkSocket(old, socket)
  t.notOk(existsSync(old))
})

t.test('compat: a file, or a socket that somebody answers on, keeps the old name', async (t) => {
  const folder = directory(t)
  const [socket, old] = [join(folder, 'convoy.sock'), join(folder, 'old.sock')]
  writeFileSync(old, 'kept')
  t.equal(await linkSocket(old, socket), false)
  unlinkSocket(old, socket)
  t.equal(readFileSync(old, 'utf8'), 'kept')
  rmSync(old)
  await listenOnPath(server(t), old)
  t.equal(await linkSocket(old, socket), false)
  t.ok(lstatSync(old).isSocket())
  symlinkSync('/elsewhere', `${old}-2`)
  unlinkSocket(`${old}-2`, socket)
  t.equal(readlinkSync(`${old}-2`), '/elsewhere')
})
