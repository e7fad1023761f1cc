import { spawn, spawnSync } from 'node:child_process'
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { eventually } from '../engine/polling.js'
import { convoy } from './convoy-command.js'
import { DaemonProcess, mainProgram } from './daemon-process.js'

async function startWith(t: Test, text: string, args: readonly string[] = []) {
  const daemon = new DaemonProcess(t)
  const path = join(daemon.directory, 'convoy.yaml')
  writeFileSync(path, text)
  await daemon.start({ args: ['--config', path, ...args] })
  /** Resolves once the daemon has said this of its new configuration. */
  const reload = async (next: string, expected: string) => {
    writeFileSync(path, next)
    const from = daemon.output.length
    process.kill(daemon.pid, 'SIGHUP')
    await eventually(expected, () => daemon.output.slice(from).includes(expected))
  }
  return { daemon, path, reload }
}

const readAgain = '"msg":"the configuration was read again"'

t.test('SIGHUP changes what docker volume rm does, and disturbs nobody', async (t) => {
  const { daemon, reload } = await startWith(t, 'on-docker-remove: ignore\n')
  await daemon.plugin.create('db')
  await daemon.plugin.mount('db', 'a1')
  const { pid } = daemon
  await reload('on-docker-remove: trash\ntrash-retention: 3h\n', readAgain)
  t.match(daemon.output, /"changed":\["on-docker-remove","trash-retention"\]/)
  t.match(await daemon.status('db'), { state: 'attached', mounts: 1 })
  t.match(JSON.parse((await daemon.control('GET', '/v1/info')).text), {
    General: { OnDockerRemove: 'trash', TrashRetentionMs: 3 * 3_600_000 },
  })
  await daemon.plugin.unmount('db', 'a1')
  t.strictSame((await daemon.plugin.remove('db')).Err, undefined)
  t.strictSame(await daemon.plugin.list(), [])
  const restored = await daemon.control('POST', '/v1/volumes/db/undelete', {})
  t.equal(restored.status, 200, 'it is in the trash')
  t.equal(daemon.pid, pid)
})

t.test('SIGHUP changes whether Docker’s Mount creates, and how much is logged', async (t) => {
  const { daemon, reload } = await startWith(t, 'create-on-docker-mount: false\n')
  t.match(await daemon.plugin.mount('new', 'a1'), { Err: /no such volume/ })
  await reload('create-on-docker-mount: true\nlog-level: error\n', readAgain)
  t.strictSame((await daemon.plugin.mount('new', 'a1')).Err, undefined)
  await reload('create-on-docker-mount: false\nlog-level: error\nx: 1\n', 'unknown key')
  t.strictSame((await daemon.plugin.mount('newer', 'a1')).Err, undefined, 'a broken file keeps what was')
  await daemon.stop()
  t.notMatch(daemon.output, '"msg":"stopping', 'that is no error')
})

t.test('what cannot change is named with what it needs, and --config says so, too', async (t) => {
  const { daemon, reload } = await startWith(t, 'jobs: 2\n')
  await reload(`jobs: 3\nlog-format: pretty\ndrivers: { vfs: { defaultvolumesize: 1G } }\n`, 'needs a restart')
  t.match(daemon.output, /"options":\["log-format","vfs.defaultvolumesize"\]/)
  const { out, err } = await convoy(['info', '--config', '-s', daemon.controlSocket])
  t.match(out, /^jobs +3 +.*convoy\.yaml:1$/m)
  t.match(out, /^log-format +json +default$/m)
  t.match(err, 'needs a restart: log-format, vfs.defaultvolumesize')
})

t.test('a file that is broken or gone keeps the configuration, and the reason is logged', async (t) => {
  const { daemon, path, reload } = await startWith(t, 'jobs: 2\nprofiles: { gold: { size: 1G } }\n')
  for (const [text, expected] of [
    ['jobs: 3\nprofiles: {\n', 'convoy.yaml:3:1'],
    ['jobs: 0\n', 'convoy.yaml:1: option jobs'],
    ['jbos: 3\n', 'did you mean jobs?'],
  ] as const)
    await reload(text, expected)
  renameSync(path, `${path}.away`)
  process.kill(daemon.pid, 'SIGHUP')
  await eventually('it says so', () => daemon.output.includes('there is no configuration file'))
  const config = JSON.parse((await daemon.control('GET', '/v1/config')).text) as { readonly profiles: unknown }
  t.strictSame(config.profiles, { gold: { size: '1G' } })
  t.match(await daemon.plugin.create('db', { profile: 'gold' }), { Err: undefined })
  t.equal(daemon.output.match(/"msg":"the configuration is wrong: the one from before holds"/g)?.length, 4)
})

t.test('SIGHUP opens the log anew: whoever rotates it has moved the old file away', async (t) => {
  const daemon = new DaemonProcess(t)
  const log = join(daemon.directory, 'convoy.log')
  daemon.launch({ args: ['--log', log] })
  const has = (text: string) => {
    try {
      return readFileSync(log, 'utf8').includes(text)
    } catch {
      return false
    }
  }
  await eventually('it is ready', () => has('"msg":"ready"'))
  renameSync(log, `${log}.1`)
  process.kill(daemon.pid, 'SIGHUP')
  await eventually('it writes a new one', () => has(readAgain))
  await daemon.stop()
  t.notMatch(readFileSync(`${log}.1`, 'utf8'), readAgain)
})

const skip = spawnSync('script', ['--version']).error === undefined ? false : 'needs script(1)'

t.test('a terminal that is closed ends the daemon that was started there, as Ctrl-C would', { skip }, async (t) => {
  const daemon = new DaemonProcess(t)
  const pidFile = join(daemon.root, 'convoy.pid')
  const command = [process.execPath, mainProgram, ...daemon.arguments].join(' ')
  const terminal = spawn('script', ['-qec', `env -u NODE_OPTIONS ${command}`, '/dev/null'], { stdio: 'ignore' })
  await eventually('it serves', () => existsSync(daemon.controlSocket))
  const pid = Number(readFileSync(pidFile, 'utf8'))
  process.kill(pid, 'SIGHUP')
  const config = await daemon.control('GET', '/v1/config')
  t.equal(config.status, 200, 'with its terminal it goes on')
  terminal.kill('SIGKILL')
  await eventually('it has ended', () => !existsSync(`/proc/${pid}`))
  t.notOk(existsSync(daemon.pluginSocket), 'it has cleaned up')
})

t.test('more jobs may run at once from then on, and those that wait are started', async (t) => {
  const { daemon, reload } = await startWith(t, 'jobs: 1\ntrash-retention: 0\n')
  const list = async () =>
    JSON.parse((await daemon.control('GET', '/v1/jobs')).text) as {
      id: string
      state: string
      process?: { pid: number }
    }[]
  await daemon.plugin.create('a')
  await daemon.plugin.create('b')
  await daemon.control('DELETE', '/v1/volumes/a')
  const [first] = await list()
  t.ok(first)
  await reload('jobs: 2\ntrash-retention: 0\n', readAgain)
  await daemon.control('DELETE', '/v1/volumes/b')
  await eventually(
    'both are removed',
    async () => (await list()).filter(({ state }) => state === 'succeeded').length === 2,
  )
})
