import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { spawnSync } from 'node:child_process'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { eventually } from '../engine/polling.js'
import { convoy } from './convoy-command.js'
import { DaemonProcess } from './daemon-process.js'

interface Finding {
  readonly check: string
  readonly severity: string
  readonly what: string
  readonly mend?: { readonly command: string }
}

/** What doctor finds beyond what the machine that runs the tests has wrong. */
async function findings(daemon: DaemonProcess, check: string): Promise<readonly Finding[]> {
  const { out } = await convoy(['--socket', daemon.controlSocket, 'doctor', '--json'])
  return (JSON.parse(out) as { readonly findings: readonly Finding[] }).findings.filter((one) => one.check === check)
}

/** Runs the arguments of a mending command that begins with `sudo convoy`, as the person who types it. */
async function type(t: Test, daemon: DaemonProcess, finding: Finding | undefined, ...more: string[]): Promise<void> {
  const [sudo, program, ...argv] = (finding?.mend?.command ?? '').split(' ')
  t.same([sudo, program], ['sudo', 'convoy'])
  t.match(await convoy(['--socket', daemon.controlSocket, ...argv, ...more]), { code: 0 })
}

t.test('what Docker removed and what was deleted are noticed, and the commands that end them work', async (t) => {
  const daemon = await new DaemonProcess(t).start()
  for (const name of ['kept', 'old']) await daemon.control('POST', '/v1/volumes', { name })
  t.same([...(await findings(daemon, 'trash')), ...(await findings(daemon, 'forgotten'))], [])
  await convoy(['--socket', daemon.controlSocket, 'delete', '--reference', 'kept'])
  await convoy(['--socket', daemon.controlSocket, 'delete', 'old'])
  const [forgotten] = await findings(daemon, 'forgotten')
  t.match(forgotten, { severity: 'notice', what: /1 volume .*: kept/ })
  await type(t, daemon, forgotten)
  t.same(await findings(daemon, 'forgotten'), [])
  const [trash] = await findings(daemon, 'trash')
  t.match(trash, { severity: 'notice', what: /kept/ })
  await type(t, daemon, trash, '--yes')
  await eventually('the trash is empty', async () => (await findings(daemon, 'trash')).length === 0)
})

t.test('a damaged database is an error, and the command mends it', async (t) => {
  const daemon = await new DaemonProcess(t).start()
  await daemon.control('POST', '/v1/volumes', { name: 'db' })
  await daemon.stop()
  for (const suffix of ['-wal', '-shm']) rmSync(join(daemon.root, `convoy.db${suffix}`), { force: true })
  writeFileSync(join(daemon.root, 'convoy.db'), 'x'.repeat(8192))
  await daemon.start({ isIncomplete: true })
  const { code, out } = await convoy(['--socket', daemon.controlSocket, 'doctor'])
  t.equal(code, 2)
  t.match(out, /^error {4}database: /m)
  const [finding] = await findings(daemon, 'database')
  await type(t, daemon, finding)
  t.same(await findings(daemon, 'database'), [])
  await daemon.control('GET', '/v1/volumes/db')
})

t.test('a socket that was removed under the daemon is an error, and a restart mends it', async (t) => {
  const daemon = await new DaemonProcess(t).start()
  rmSync(daemon.pluginSocket)
  const [finding] = await findings(daemon, 'socket')
  t.match(finding, {
    severity: 'error',
    what: /nobody answers/,
    mend: { command: `sudo kill ${daemon.pid} && sudo convoy --socket ${daemon.controlSocket} daemon` },
  })
  await daemon.stop()
  await daemon.start()
  t.notMatch(await findings(daemon, 'socket'), [{ what: /nobody answers/ }])
})

t.test('a clock that was put back is noticed', async (t) => {
  const daemon = new DaemonProcess(t)
  const clock = new URL('../engine/clock-ahead.js', import.meta.url).href
  await daemon.start({ env: { NODE_OPTIONS: `--import=${clock}`, CONVOY_TEST_AHEAD_MS: '3600000' } })
  t.match(await findings(daemon, 'clock'), [{ severity: 'warning', what: /but something happened at/ }])
})

t.test('an option that changed in the file is noticed until a restart', async (t) => {
  const daemon = new DaemonProcess(t)
  const file = join(daemon.directory, 'convoy.yaml')
  writeFileSync(file, 'log-format: json\n')
  const args = ['--config', file]
  await daemon.start({ args })
  writeFileSync(file, 'log-format: pretty\n')
  process.kill(daemon.pid, 'SIGHUP')
  const [finding] = await eventually('it is noticed', async () => {
    const found = await findings(daemon, 'configuration')
    return found.length > 0 && found
  })
  t.match(finding, { severity: 'warning', what: /log-format/ })
  writeFileSync(file, 'log-format: json\n')
  await daemon.stop()
  await daemon.start({ args })
  t.same(await findings(daemon, 'configuration'), [])
})

t.test('without a daemon the exit code is 2, and the first finding says how to start it', async (t) => {
  const daemon = await new DaemonProcess(t).start()
  await daemon.kill()
  const { code, out, err } = await convoy(['--socket', daemon.controlSocket, 'doctor'])
  t.equal(code, 2)
  t.match(
    out,
    /^error {4}daemon: nothing answers at .*\n[^$]*\$ sudo (?:convoy --socket \S+ daemon|systemctl start convoy)\n/,
  )
  t.match(out, /not looked at, because the daemon does not answer: .*trash/s)
  t.equal(err, '')
})

t.test('a daemon that hangs does not hang doctor', { timeout: 120_000 }, async (t) => {
  // Not below the checkout: the path of a socket has at most 107 bytes.
  const directory = mkdtempSync(join(tmpdir(), 'convoy-hung-'))
  t.teardown(() => rmSync(directory, { recursive: true, force: true }))
  const path = join(directory, 'hung.sock')
  const server = createServer(() => undefined)
  await new Promise<void>((listening) => server.listen(path, listening))
  t.teardown(() => server.close())
  const { code, out } = await convoy(['--socket', path, 'doctor'])
  t.equal(code, 2)
  t.match(out, /daemon: the daemon at\s.*\swas\s+silent\s+for\s+10\s+s/s)
})

t.test('--fix --dry-run says what it would run, and --dry-run alone is refused', async (t) => {
  const daemon = await new DaemonProcess(t).start()
  const run = await convoy(['--socket', daemon.controlSocket, 'doctor', '--fix', '--dry-run'])
  t.match(
    run.out,
    new RegExp(`^would run: echo unix://${daemon.pluginSocket} \\| sudo tee /etc/docker/plugins/convoy.spec\n`),
  )
  t.match(await convoy(['doctor', '--dry-run']), { code: 1, out: '', err: /--fix or --revive-containers/ })
})

t.test('support packs what there is into a file for its owner only, without secrets', async (t) => {
  const daemon = new DaemonProcess(t)
  const log = join(daemon.directory, 'log')
  const config = join(daemon.directory, 'convoy.yaml')
  const secret = 'hunter2Hunter2'
  writeFileSync(config, `profiles:\n  gold: { onRemove: trash }\n# password: ${secret}\n`)
  mkdirSync(daemon.volume('db'))
  writeFileSync(daemon.volume('db', 'file'), secret)
  const env = { AWS_SECRET_ACCESS_KEY: secret, CONVOY_PASSWORD: secret }
  daemon.launch({ args: ['--log', log, '--config', config], env })
  await eventually('a volume is made', async () => {
    const { status } = await daemon.control('POST', '/v1/volumes', { name: 'db' })
    return status === 201
  })
  await daemon.control('GET', `/v1/volumes/password=${secret}`)
  const path = join(daemon.directory, 'packed.tar.gz')
  const support = (...more: string[]) =>
    convoy(['--socket', daemon.controlSocket, 'support', '--output', path, ...more])
  t.match(await support(), { code: 0, out: `${path}\n`, err: /config.json/ })
  t.equal(statSync(path).mode & 0o777, 0o600)
  const archive = statSync(path).ino
  t.match(await support(), { code: 1, out: '', err: /exists already .*--force/ })
  t.equal(statSync(path).ino, archive)
  t.match(await support('--force'), { code: 0 })
  const names = spawnSync('tar', ['-tzf', path], { encoding: 'utf8' }).stdout
  for (const name of ['doctor.json', 'config.json', 'database.json', 'daemon.log', 'events.txt', 'mountinfo.txt'])
    t.match(names, `packed/${name}`)
  const all = spawnSync('tar', ['-xzOf', path], { encoding: 'utf8' }).stdout
  t.match(all, 'CREATE TABLE volumes')
  t.match(all, 'volume.adopt')
  t.notMatch(all, secret)
  t.ok(readFileSync(log, 'utf8').length > 0)
})

t.test('support works without a daemon', async (t) => {
  const directory = t.testdir()
  const path = join(directory, 'packed.tgz')
  const env = { CONVOY_ROOT: join(directory, 'root') }
  const { code, err } = await convoy(['--socket', join(directory, 'none.sock'), 'support', '-o', path], env)
  t.equal(code, 0)
  t.match(err, /missing: volumes.json: no daemon/)
  t.match(spawnSync('tar', ['-xzOf', path], { encoding: 'utf8' }).stdout, /"check": "daemon"/)
  t.match(await convoy(['support', '-o', join(directory, 'no', 'x.tgz')]), { code: 1, err: /there is no directory/ })
})
