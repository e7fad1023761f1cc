import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { eventually } from '../engine/polling.js'
import { WebhookServer } from '../host/webhook-server.js'
import { convoy as run } from './convoy-command.js'
import { DaemonProcess } from './daemon-process.js'

async function start(t: Test, targets: (server: WebhookServer, daemon: DaemonProcess) => string) {
  const server = await WebhookServer.start(t)
  const daemon = new DaemonProcess(t)
  const config = join(daemon.directory, 'convoy.yaml')
  const configure = (text: string) => {
    writeFileSync(config, `notify:\n${text}`)
  }
  configure(targets(server, daemon))
  const args = ['--config', config]
  await daemon.start({ args })
  const convoy = (...argv: readonly string[]) => run(argv, { CONVOY_SOCKET: daemon.controlSocket })
  /** Resolves once the daemon has taken the next configuration. */
  const reload = async (text: string) => {
    configure(text)
    const from = daemon.output.length
    process.kill(daemon.pid, 'SIGHUP')
    await eventually('it is read', () => daemon.output.slice(from).includes('the configuration was read again'))
  }
  return { server, daemon, args, convoy, reload }
}

/** `TYPE VOLUME` of the events of volumes that were posted there, repeats left out. */
function told(server: WebhookServer, path = '/ok'): readonly string[] {
  const events = new Map(
    server.events(path).map((event) => [event['id'], `${String(event['type'])} ${String(event['volume'])}`]),
  )
  return [...events.values()].filter((line) => line.startsWith('volume.'))
}

t.test('a webhook and a command are told of the life of a volume, also over restarts and kill -9', async (t) => {
  const { server, daemon, args } = await start(
    t,
    (hooks, { directory }) => `
  hook: { webhook: "${hooks.url('/ok')}" }
  script: { command: [/bin/sh, -c, 'cat >> "$1"', sh, "${directory}/told"], events: volume }
`,
  )
  await daemon.plugin.create('a')
  await eventually('a is told', () => told(server).length === 1)
  await daemon.stop()
  await daemon.start({ args })
  await daemon.plugin.create('b')
  await daemon.kill()
  await daemon.start({ args })
  // It may have been killed before that was durable: then recovery completes it, and it is told.
  await eventually('b is told', () => told(server).length === 2)
  await daemon.plugin.create('c')
  const all = ['volume.create a', 'volume.create b', 'volume.create c']
  await eventually('all is told', () => told(server).length === 3)
  t.strictSame(told(server), all)
  const lines = () => readFileSync(join(daemon.directory, 'told'), 'utf8').trimEnd().split('\n')
  const byScript = () => [...new Set(lines().map((line) => (JSON.parse(line) as { volume: string }).volume))]
  await eventually('the script has heard of all', () => byScript().length === 3)
  t.strictSame(byScript(), ['a', 'b', 'c'])
  t.match(server.events('/ok').at(-1), { severity: 'info', daemon: 'convoy', host: /./ })
})

t.test('a target that never answers delays no volume, no other target and no stop', async (t) => {
  const { server, daemon, convoy } = await start(
    t,
    (hooks, { directory }) => `
  dead: { webhook: "${hooks.url('/hang')}", timeout: 10m }
  stuck: { command: [/bin/sh, -c, 'sleep 1000 & echo $! > "$1"; wait', sh, "${directory}/pid"], timeout: 10m }
  well: { webhook: "${hooks.url('/ok')}" }
`,
  )
  await daemon.plugin.create('a')
  await daemon.plugin.mount('a', 'm1')
  await eventually('the others are told', () => told(server).length === 2)
  const pidFile = join(daemon.directory, 'pid')
  await eventually('the command hangs', () => existsSync(pidFile) && readFileSync(pidFile, 'utf8') !== '')
  const { out } = await convoy('notify')
  t.match(out, /^dead .* delivering /m)
  t.match(out, /^well .* idle /m)
  t.match(await daemon.stop(), { code: 0 })
  const sleeper = readFileSync(pidFile, 'utf8').trim()
  await eventually('what the command started has gone', () => !existsSync(`/proc/${sleeper}`))
})

t.test('SIGHUP adds targets and takes them away, and a wrong file leaves them as they are', async (t) => {
  const { server, daemon, convoy, reload } = await start(t, (hooks) => `  one: { webhook: "${hooks.url('/ok')}" }\n`)
  await daemon.plugin.create('a')
  await eventually('a is told', () => told(server).length === 1)
  writeFileSync(join(daemon.directory, 'convoy.yaml'), 'notify: { one: { webhook: nothing } }\n')
  process.kill(daemon.pid, 'SIGHUP')
  await eventually('it is refused', () => daemon.output.includes('the one from before holds'))
  t.equal((await convoy('notify', '-q')).out, 'one\n')
  await reload(`  two: { webhook: "${server.url('/ok?two')}", events: volume }\n`)
  t.match(daemon.output, /"changed":\["notify\.one\.webhook","notify\.two\.webhook","notify\.two\.events"\]/)
  await eventually('the new one is there', async () => (await convoy('notify', '-q')).out === 'two\n')
  await daemon.plugin.create('b')
  await eventually('b is told', () => server.posted.some(({ url }) => url === '/ok?two'))
  t.strictSame(told(server), ['volume.create a'])
  t.match(
    (await convoy('info', '--config')).out,
    /^notify\.two\.webhook +http:\/\/127\.0\.0\.1:\d+\/… +.*convoy\.yaml:2$/m,
  )
  await reload('')
  await eventually('there is none', async () => (await convoy('notify', '-q')).out === '')
  t.match(await convoy('notify', 'test'), { code: 0, out: /^TARGET/ })
})

t.test('convoy notify test goes the way of events, and says what became of it', async (t) => {
  const { server, convoy } = await start(
    t,
    (hooks) => `
  good: { webhook: "${hooks.url('/ok')}", events: job }
  bad: { webhook: "${hooks.url('/broken')}", events: job }
  gone: { command: /nowhere/tell, events: job }
`,
  )
  const all = await convoy('notify', 'test')
  t.equal(all.code, 1)
  t.match(all.out, /^good +delivered$/m)
  t.match(all.out, /^bad +failed +http:.* answered 500: no way$/m)
  t.match(all.out, /^gone +failed +the program \/nowhere\/tell is not installed/m)
  t.match(server.events('/ok'), [{ type: 'notify.test', target: 'good', severity: 'info', daemon: 'convoy' }])
  t.match(await convoy('notify', 'test', 'good', '--format', 'json'), { code: 0, out: /"IsDelivered":true/ })
  t.match(await convoy('notify', 'test', 'goood'), { code: 1, out: '', err: /did you mean good\?/ })
})

t.test('without targets none are shown, and a test says what to do', async (t) => {
  const { convoy } = await start(t, () => '')
  t.match(await convoy('notify'), { code: 0, out: /^NAME/ })
  t.match(await convoy('notify', 'test'), { code: 1, out: '', err: /no targets.*below "notify"/ })
})

t.test('a daemon without a usable database says so to its targets', async (t) => {
  const { server, daemon, args } = await start(
    t,
    (hooks) => `  hook: { webhook: "${hooks.url('/ok')}", severity: error }\n`,
  )
  await daemon.stop()
  for (const name of ['convoy.db-wal', 'convoy.db-shm']) rmSync(`${daemon.root}/${name}`, { force: true })
  writeFileSync(`${daemon.root}/convoy.db`, 'this is no database'.repeat(1000))
  await daemon.start({ args, isIncomplete: true })
  await eventually('it is told', () => server.posted.length > 0)
  t.match(server.events('/ok'), [{ type: 'daemon.degraded', severity: 'error', error: /cannot be used/ }])
  t.match(await daemon.stop(), { code: 0 })
})
