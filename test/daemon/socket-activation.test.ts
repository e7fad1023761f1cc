import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { httpOverSocket, PluginClient } from '../engine/plugin-client.js'
import { eventually } from '../engine/polling.js'
import { DaemonProcess, mainProgram } from './daemon-process.js'

const keeper = fileURLToPath(new URL('./socket-keeper.js', import.meta.url))
const launch = (paths: readonly string[], lives = 1) => [
  ...[process.execPath, keeper, paths.join(','), String(lives)],
  ...[process.execPath, mainProgram],
]

/** The daemon itself, and not whoever keeps its sockets. */
const pidOf = (daemon: DaemonProcess) => Number(readFileSync(join(daemon.root, 'convoy.pid'), 'utf8'))

t.test('DK32: an inherited socket is answered, and left to whoever made it', async (t) => {
  const daemon = new DaemonProcess(t)
  const path = join(daemon.directory, 'inherited.sock')
  await daemon.start({ launch: launch([path]), env: { LISTEN_FDS: '1' }, isIncomplete: true })
  const plugin = new PluginClient(path)
  await eventually('it knows its volumes', async () => (await plugin.get('db')).Err !== undefined)
  t.strictSame(await plugin.create('db'), {})
  t.notOk(existsSync(daemon.pluginSocket), 'no other one is made')
  t.ok(existsSync(daemon.controlSocket))
  process.kill(pidOf(daemon), 'SIGTERM')
  t.match(await daemon.ended, { code: 0 })
  t.ok(existsSync(path), 'whoever made it keeps it')
  t.notOk(existsSync(daemon.controlSocket))
})

for (const names of ['plugin:control', 'control:plugin', 'convoy.socket:convoy-control.socket', undefined]) {
  t.test(`both sockets can be inherited, named ${names ?? 'not at all'}`, async (t) => {
    const daemon = new DaemonProcess(t)
    const paths = [join(daemon.directory, 'one.sock'), join(daemon.directory, 'two.sock')]
    const env = { LISTEN_FDS: '2', ...(names === undefined ? {} : { LISTEN_FDNAMES: names }) }
    await daemon.start({ launch: launch(paths), env, isIncomplete: true })
    const [plugin = '', control = ''] = names === 'control:plugin' ? paths.toReversed() : paths
    const info = { path: '/v1/info', method: 'GET' }
    t.equal((await httpOverSocket(plugin, info)).status, 404)
    t.equal((await httpOverSocket(control, info)).status, 200)
    t.strictSame(await new PluginClient(plugin).list(), [])
    process.kill(pidOf(daemon), 'SIGTERM')
    t.match(await daemon.ended, { code: 0 })
  })
}

t.test('a request that comes while no daemon runs waits, and is answered by the next', async (t) => {
  const daemon = new DaemonProcess(t)
  const path = join(daemon.directory, 'inherited.sock')
  await daemon.start({ launch: launch([path], 2), env: { LISTEN_FDS: '1' }, isIncomplete: true })
  const plugin = new PluginClient(path)
  await eventually('it knows its volumes', async () => (await plugin.get('db')).Err !== undefined)
  await plugin.create('db')
  const first = pidOf(daemon)
  process.kill(first, 'SIGSTOP')
  const waiting = plugin.get('db')
  process.kill(first, 'SIGKILL')
  t.match(await waiting.catch(() => plugin.get('db')), { Volume: { Name: 'db' } })
  await eventually('the next one runs', () => pidOf(daemon) !== first)
  process.kill(pidOf(daemon), 'SIGTERM')
  t.match(await daemon.ended, { code: 0 })
})

t.test('descriptors that were meant for another process are not touched', async (t) => {
  const daemon = await new DaemonProcess(t).start({ env: { LISTEN_FDS: '1', LISTEN_PID: '1' } })
  t.ok(existsSync(daemon.pluginSocket))
  t.strictSame(await daemon.plugin.list(), [])
})
