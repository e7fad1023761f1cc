import { Command } from 'commander'
import { spawn } from 'node:child_process'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { commandGroups } from '../../src/cli/command-groups.js'
import { describeCommands } from '../../src/cli/completion-tree.js'
import plain from '../../src/cli/plain-query.cjs'
import { Session } from '../../src/cli/session.js'
import { silentEnvironment } from '../fakes/command-line.js'
import { FakeControlServer } from '../fakes/control-server.js'

// Before it was bundled: modules can be seen.
const main = fileURLToPath(new URL('../../src/convoy.cjs', import.meta.url))

/** They ask no daemon. */
const standsAlone = (path: string) => /^(?:$|daemon$|doctor$|support$|backup|repository)/.test(path)

/** Every command that only asks the daemon, with something for each argument that it needs. */
async function commandLines(): Promise<readonly (readonly string[])[]> {
  const program = new Command('convoy')
  for (const { load } of commandGroups) (await load())(program, new Session(silentEnvironment))
  const argumentsOf = (path: string) => {
    const words = path.split(' ')
    const command = words.reduce((at, word) => at.commands.find((one) => one.name() === word)!, program)
    return command.registeredArguments.flatMap(({ required, argChoices }) =>
      required ? [argChoices?.[0] ?? 'db'] : [],
    )
  }
  const paths = describeCommands(program).map(({ path }) => path)
  return paths.filter((path) => !standsAlone(path)).map((path) => [...path.split(' '), ...argumentsOf(path)])
}

/** Further ones, that load what the plain command does not. */
const others: readonly (readonly string[])[] = [
  [],
  ['--help'],
  ['--version'],
  ['nonsense'],
  ['create', '--help'],
  ['inspect', 'daemon'],
  ['ls', '--format', 'json'],
  ['ls', '--format', 'table {{.Name}}'],
  ['trash', 'empty', '--yes'],
]

/** The files that one run loaded, by their URLs: V8 counts what it executes. Not through tap, which loads itself into children. */
async function loadedBy(argv: readonly string[], socketPath: string): Promise<readonly string[]> {
  const folder = await mkdtemp(join(tmpdir(), 'convoy-loaded-'))
  try {
    const command = [
      '-u',
      'NODE_OPTIONS',
      `NODE_V8_COVERAGE=${folder}`,
      process.execPath,
      main,
      '-s',
      socketPath,
      ...argv,
    ]
    const child = spawn('/usr/bin/env', command, { stdio: 'ignore', timeout: 20_000 })
    await new Promise((resolve) => child.once('close', resolve))
    const [report = ''] = await readdir(folder)
    const { result } = JSON.parse(await readFile(join(folder, report), 'utf8')) as { result: { url: string }[] }
    return result.map(({ url }) => url)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

const partsOf = (urls: readonly string[]) =>
  [...new Set(urls.flatMap((url) => /\/build\/src\/(?:([^/]+)\/)/.exec(url)?.[1] ?? []))].sort()
const packagesOf = (urls: readonly string[]) =>
  [...new Set(urls.flatMap((url) => /.*\/node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(url)?.[1] ?? []))].sort()

/** Wide characters are measured with these. */
const packagesForWidths = ['ansi-regex', 'get-east-asian-width', 'string-width', 'strip-ansi']

t.test('a command that asks the daemon loads no other part of the program, nor a package beyond its own', async (t) => {
  const server = await FakeControlServer.start()
  t.teardown(() => server.close())
  const volume = { name: 'db', driver: 'vfs', state: 'ready', mounts: 0, createdAt: '2026-11-20T00:00:00Z' }
  for (const name of ['db', 'daemon']) server.volumes.set(name, { Name: name })
  server.jobs.set('db', [{ id: 'db', state: 'succeeded' }])
  server.answers.set('GET /v1/summaries', [volume])
  server.answers.set('GET /v1/volumes/db/holders', { references: [], mounts: [] })
  server.answers.set('GET /v1/trash', [])
  server.answers.set('GET /v1/drivers', [])
  const lines = [...(await commandLines()), ...others]
  t.ok(lines.length > 25)
  for (const argv of lines) {
    const urls = await loadedBy(argv, server.socketPath)
    const text = argv.join(' ')
    const isPlain = plain.readPlainQuery(argv) !== undefined
    const entry = isPlain ? 'plain-query.cjs' : 'command-line.js'
    t.ok(
      urls.some((url) => url.endsWith(`/build/src/cli/${entry}`)),
      `${text}: something was seen`,
    )
    t.same(packagesOf(urls), isPlain ? [] : ['commander'], text)
    if (isPlain) t.equal(urls.filter((url) => url.includes('/build/src/')).length, 2, text)
    // The options of the daemon are a table, and a part of what is completed; those of object stores describe commands.
    const isDescription = argv.length === 0 || ['--help', '--version', 'nonsense', 'completion'].includes(argv[0] ?? '')
    const tables = [...(argv[0] === 'completion' ? ['daemon'] : []), ...(isDescription ? ['object-stores'] : [])]
    const parts = ['cli', 'model', ...tables]
    t.same(
      partsOf(urls).filter((part) => !parts.includes(part)),
      [],
      text,
    )
    const daemon = urls.filter((url) => url.includes('/build/src/daemon/')).map((url) => url.replace(/.*\//, ''))
    t.same(daemon, argv[0] === 'completion' ? ['daemon-options.js'] : [], text)
  }
})

t.test('doctor loads nothing of the daemon while that answers, and Docker only to look at it', async (t) => {
  const server = await FakeControlServer.start()
  t.teardown(() => server.close())
  server.answers.set('GET /v1/config', { options: [], profiles: {}, warnings: [], needsRestart: [] })
  const urls = await loadedBy(['doctor'], server.socketPath)
  t.same(partsOf(urls), ['cli', 'daemon', 'doctor', 'host', 'model'])
  const daemon = urls.filter((url) => url.includes('/build/src/daemon/')).map((url) => url.replace(/.*\//, ''))
  t.same(daemon, ['stopped-daemon.js'])
  t.ok(packagesOf(urls).includes('dockerode'))
  t.same(packagesOf(await loadedBy(['doctor', '--help'], server.socketPath)), ['commander'])
})

t.test('help on backups loads no repository, and a backup to a directory no S3', async (t) => {
  for (const argv of [
    ['backup', '--help'],
    ['backup', 'create', '--help'],
    ['repository', 'key', 'add', '--help'],
  ]) {
    const urls = await loadedBy(argv, '/none')
    t.same(packagesOf(urls), ['commander'], argv.join(' '))
    t.notOk(partsOf(urls).includes('repository'), argv.join(' '))
  }
  const urls = await loadedBy(['backup', 'list', 'vfs:///nowhere/at/all'], '/none')
  t.ok(partsOf(urls).includes('repository'))
  t.notOk(packagesOf(urls).some((name) => /aws|smithy/.test(name)))
})

t.test('text beyond ASCII loads what measures it, and nothing else does', async (t) => {
  const server = await FakeControlServer.start()
  t.teardown(() => server.close())
  server.answers.set('GET /v1/summaries', [{ name: '日本', driver: 'vfs', state: 'ready' }])
  const packages = packagesOf(await loadedBy(['ls'], server.socketPath))
  t.same(packages, [...packagesForWidths, 'commander'].sort())
})
