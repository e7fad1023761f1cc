import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { FakeControlServer } from './fakes/control-server.js'

// Tests run from build/test, beside build/src.
const main = fileURLToPath(new URL('../program/convoy.cjs', import.meta.url))
const manifest = fileURLToPath(new URL('../../package.json', import.meta.url))

interface Ended {
  readonly code: number | null
  readonly out: string
  readonly err: string
}

/** Through env(1), because tap loads itself into every Node process that a test starts. */
function startConvoy(argv: readonly string[], launcher: readonly string[] = []) {
  const [program = '', ...words] = [...launcher, '/usr/bin/env', '-u', 'NODE_OPTIONS', process.execPath, main, ...argv]
  return spawn(program, words, { stdio: ['ignore', 'pipe', 'pipe'] })
}

async function convoy(argv: readonly string[], launcher?: readonly string[]): Promise<Ended> {
  const child = startConvoy(argv, launcher)
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve))
  const [out, err, code] = await Promise.all([text(child.stdout), text(child.stderr), ended])
  return { code, out, err }
}

async function start(t: Test): Promise<FakeControlServer> {
  const server = await FakeControlServer.start()
  t.teardown(() => server.close())
  return server
}

t.test('the version is that of the package', async (t) => {
  const { version } = JSON.parse(await readFile(manifest, 'utf8')) as { version: string }
  t.same(await convoy(['--version']), { code: 0, out: `convoy version ${version}\n`, err: '' })
})

t.test('a volume is created, listed, mounted and deleted', async (t) => {
  const socket = ['--socket', (await start(t)).socketPath]
  t.same(await convoy([...socket, 'create', 'db', '-size', '10G']), { code: 0, out: 'db\n', err: '' })
  t.match(JSON.parse((await convoy(['list'], ['env', `CONVOY_SOCKET=${socket[1] ?? ''}`])).out), { db: { Name: 'db' } })
  t.same(await convoy(['mount', 'db', ...socket]), { code: 0, out: '/volumes/db\n', err: '' })
  t.same(await convoy(['delete', 'db', ...socket]), { code: 0, out: '', err: '' })
})

t.test('a failure ends with 1 and says why on both streams', async (t) => {
  const { code, out, err } = await convoy(['-s', (await start(t)).socketPath, 'inspect', 'nope'])
  t.equal(code, 1)
  t.same(JSON.parse(out), { Error: 'volume "nope" does not exist', Code: 'not-found' })
  t.match(err, /^convoy: volume "nope" does not exist/)
})

t.test('a plain query prints what the whole command line prints', async (t) => {
  const { socketPath, volumes } = await start(t)
  volumes.set('db', { Name: 'db', Snapshots: {}, Text: '\u0007\u2028 "ä"' })
  for (const argv of [['list'], ['info'], ['inspect', 'db'], ['inspect', 'nope']]) {
    const answered = await convoy(['-s', socketPath, ...argv])
    t.same(await convoy([...argv, '-s', socketPath]), answered, argv.join(' '))
    t.match(answered, { code: argv.includes('nope') ? 1 : 0, out: /^\{\n {2}"/ })
  }
})

t.test('a daemon that hangs up once, or answers nonsense, is asked again', async (t) => {
  const server = await start(t)
  server.override = (_request, response) => server.requests.length === 1 && response.destroy() instanceof Object
  t.match(await convoy(['-s', server.socketPath, 'list']), { code: 0, out: '{}\n', err: '' })
  server.override = (_request, response) => response.end('hello') instanceof Object
  const { code, err } = await convoy(['-s', server.socketPath, 'list'])
  t.match({ code, err }, { code: 1, err: /makes no sense: 200 hello/ })
})

t.test('output for which there is no room is a failure, in one line', { skip: !existsSync('/dev/full') }, async (t) => {
  const { socketPath } = await start(t)
  const intoFull = ['sh', '-c', 'exec "$@" > /dev/full', '-']
  const failure = { code: 1, err: /^convoy: the output cannot be written: ENOSPC.*\n$/ }
  t.match(await convoy(['-s', socketPath, 'list'], intoFull), failure)
  t.match(await convoy(['list', '-s', socketPath], intoFull), failure)
})

t.test('without a daemon the next step is said', async (t) => {
  t.match(await convoy(['list', '-s', '/nowhere/convoy.sock']), { code: 1, err: /no daemon.*sudo convoy daemon/ })
})

t.test('a large answer is printed whole, through a pipe', async (t) => {
  const server = await start(t)
  for (let index = 0; index < 5000; index++)
    server.volumes.set(`v${index}`, { Name: `v${index}`, Path: 'x'.repeat(200) })
  const { code, out } = await convoy(['-s', server.socketPath, 'list'])
  t.equal(code, 0)
  t.equal(Object.keys(JSON.parse(out) as object).length, 5000)
})

t.test('a reader that leaves early is no failure worth a stack trace', async (t) => {
  const server = await start(t)
  for (let index = 0; index < 5000; index++) server.volumes.set(`v${index}`, { Path: 'x'.repeat(200) })
  const child = startConvoy(['-s', server.socketPath, 'list'])
  child.stdout.once('data', () => child.stdout.destroy())
  const ended = new Promise((resolve) => child.once('close', resolve))
  t.equal(await text(child.stderr), '')
  await ended
})

t.test('the hidden command of a job is not a command for people', async (t) => {
  t.notMatch((await convoy(['--help'])).out, 'job-process')
  t.match(await convoy(['job-process']), { code: 1, err: /unknown command/ })
})
