import { spawn } from 'node:child_process'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { FakeControlServer } from './fakes/control-server.js'

// Tests run from build/test, beside build/src.
const main = fileURLToPath(new URL('../src/main.js', import.meta.url))
const manifest = fileURLToPath(new URL('../../package.json', import.meta.url))

interface Ended {
  readonly code: number | null
  readonly out: string
  readonly err: string
}

/** Through env(1), because tap loads itself into every Node process that a test starts. */
function startConvoy(argv: readonly string[], environment: Readonly<Record<string, string>> = {}) {
  const settings = Object.entries(environment).map(([name, value]) => `${name}=${value}`)
  const command = ['-u', 'NODE_OPTIONS', ...settings, process.execPath, main, ...argv]
  return spawn('/usr/bin/env', command, { stdio: ['ignore', 'pipe', 'pipe'] })
}

async function convoy(argv: readonly string[], environment?: Readonly<Record<string, string>>): Promise<Ended> {
  const child = startConvoy(argv, environment)
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
  t.match(JSON.parse((await convoy(['list'], { CONVOY_SOCKET: socket[1] ?? '' })).out), { db: { Name: 'db' } })
  t.same(await convoy(['mount', 'db', ...socket]), { code: 0, out: '/volumes/db\n', err: '' })
  t.same(await convoy(['delete', 'db', ...socket]), { code: 0, out: '', err: '' })
})

t.test('a failure ends with 1 and says why on both streams', async (t) => {
  const { code, out, err } = await convoy(['-s', (await start(t)).socketPath, 'inspect', 'nope'])
  t.equal(code, 1)
  t.same(JSON.parse(out), { Error: 'volume "nope" does not exist', Code: 'not-found' })
  t.match(err, /^convoy: volume "nope" does not exist/)
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

t.test('a command loads the packages that it needs, and none of the daemon', async (t) => {
  const coverage = await mkdtemp(join(tmpdir(), 'convoy-cli-'))
  t.teardown(() => rm(coverage, { recursive: true, force: true }))
  await convoy(['-s', (await start(t)).socketPath, 'list'], { NODE_V8_COVERAGE: coverage })
  const [report = ''] = await readdir(coverage)
  const { result } = JSON.parse(await readFile(join(coverage, report), 'utf8')) as { result: { url: string }[] }
  const urls = result.map(({ url }) => url)
  const packages = new Set(urls.flatMap((url) => /\/node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(url)?.[1] ?? []))
  t.same([...packages], ['commander'])
  const parts = new Set(urls.flatMap((url) => /\/build\/src\/([^/]+)\//.exec(url)?.[1] ?? []))
  t.same([...parts].sort(), ['cli', 'model'])
})
