import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { RawClient, formatRequest } from '../api/raw-client.js'
import { eventually } from '../engine/polling.js'
import { DaemonProcess } from './daemon-process.js'

t.test('S01: a daemon that is ready answers on two sockets that only root may use', async (t) => {
  const daemon = await new DaemonProcess(t).start()
  for (const path of [daemon.pluginSocket, daemon.controlSocket]) {
    t.ok(statSync(path).isSocket())
    t.equal(statSync(path).mode & 0o777, 0o600, path)
  }
  t.strictSame(await daemon.plugin.call('Plugin.Activate'), { Implements: ['VolumeDriver'] })
  t.match(await daemon.control('GET', '/v1/info'), { status: 200, text: /"Root":".*root"/ })
  t.equal(readFileSync(join(daemon.root, 'convoy.pid'), 'utf8'), `${daemon.pid}\n`)
  t.match(daemon.output, `"pid":${daemon.pid},"msg":"ready"`)
})

t.test('every line of the log is JSON, whatever a request holds', async (t) => {
  const daemon = await new DaemonProcess(t).start({ args: ['--debug'] })
  await daemon.plugin.create('a\n{"level":30,"msg":"forged"}\u001b[31m')
  await daemon.plugin.create('db')
  await daemon.plugin.mount('db', 'a1')
  await daemon.stop()
  const lines = daemon.output.trim().split('\n')
  for (const line of lines) t.type((JSON.parse(line) as { readonly msg: unknown }).msg, 'string')
  t.ok(lines.length >= 3)
})

t.test('the log can go to a file', async (t) => {
  const daemon = new DaemonProcess(t)
  const log = join(daemon.directory, 'log', 'convoy.log')
  daemon.launch({ args: ['--log', log] })
  await eventually('it is ready', () => existsSync(log) && readFileSync(log, 'utf8').includes('"msg":"ready"'))
  await daemon.stop()
  t.equal(daemon.output, '')
  t.equal(statSync(log).mode & 0o077, 0, 'nobody else reads it')
})

t.test('S01: what the daemon makes is closed to others, and a volume has the mode that images need', async (t) => {
  const daemon = await new DaemonProcess(t).start()
  await daemon.plugin.create('db')
  await daemon.plugin.create('private', { mode: '0700' })
  t.equal(statSync(daemon.volume('db')).mode & 0o777, 0o755)
  t.equal(statSync(daemon.volume('private')).mode & 0o777, 0o700)
  t.equal(statSync(daemon.volume('.convoy')).mode & 0o077, 0)
  for (const name of ['convoy.db', 'convoy.pid', 'convoy.lock']) {
    t.equal(statSync(join(daemon.root, name)).mode & 0o077, 0, name)
  }
})

for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  t.test(`${signal} removes the sockets, keeps the volumes mounted and ends with 0`, async (t) => {
    const daemon = await new DaemonProcess(t).start()
    await daemon.plugin.create('db')
    await daemon.plugin.mount('db', 'a1')
    process.kill(daemon.pid, signal)
    t.strictSame(await daemon.ended, { code: 0, signal: null })
    t.notOk(existsSync(daemon.pluginSocket), 'a dead socket would cost every Docker command 15 s')
    t.notOk(existsSync(daemon.controlSocket))
    await daemon.start()
    t.match(await daemon.status('db'), { state: 'attached', mounts: 1 })
  })
}

t.test('requests under way are answered before the daemon ends', async (t) => {
  const daemon = await new DaemonProcess(t).start()
  const client = await RawClient.open(daemon.pluginSocket)
  const names = Array.from({ length: 40 }, (_, index) => `v${index}`)
  client.write(names.map((name) => formatRequest('VolumeDriver.Create', `{"Name":"${name}"}\n`)).join(''))
  t.match(await client.next(), { body: '{}' })
  process.kill(daemon.pid, 'SIGTERM')
  for (const name of names.slice(1)) t.match(await client.next(), { status: 200, body: '{}' }, name)
  t.strictSame(await daemon.ended, { code: 0, signal: null })
  client.close()
  await daemon.start()
  t.equal((await daemon.plugin.list()).length, 40)
})

t.test('a connection is closed as soon as it is answered, while others are still waited for', async (t) => {
  const daemon = await new DaemonProcess(t).start()
  await daemon.plugin.create('db')
  const ids = Array.from({ length: 40 }, (_, index) => `id${index}`)
  for (const id of ids) await daemon.plugin.mount('db', id)
  const waiting = await RawClient.open(daemon.pluginSocket)
  const busy = await RawClient.open(daemon.pluginSocket)
  // Writing its sidecar waits for a reader of this pipe, who never comes.
  execFileSync('mkfifo', [daemon.volume('.convoy', 'volumes', 'slow.json.partial')])
  waiting.write(formatRequest('VolumeDriver.Create', '{"Name":"slow"}\n'))
  busy.write(ids.map((id) => formatRequest('VolumeDriver.Unmount', `{"Name":"db","ID":"${id}"}\n`)).join(''))
  t.match(await busy.next(), { body: '{}' })
  process.kill(daemon.pid, 'SIGTERM')
  for (const id of ids.slice(1)) t.match(await busy.next(), { body: '{}' }, id)
  t.equal(await busy.next(), 'closed')
  await sleep(200)
  t.ok(waiting.isOpen, 'it was not the end of all patience')
  await daemon.kill()
})

t.test('a connection that Docker keeps open does not keep the daemon from ending', async (t) => {
  const daemon = await new DaemonProcess(t).start()
  const idle = await RawClient.open(daemon.pluginSocket)
  const busy = await RawClient.open(daemon.pluginSocket)
  await idle.request('VolumeDriver.List', '{}\n')
  void busy.request('VolumeDriver.Create', '{"Name":"db"}\n')
  t.strictSame(await daemon.stop(), { code: 0, signal: null })
  t.equal(await idle.next(), 'closed')
  idle.close()
  busy.close()
})

t.test('DK31: a defect is logged, ends the process with a failure, and loses nothing', async (t) => {
  const daemon = new DaemonProcess(t)
  const defect = `
    import { isMainThread } from 'node:worker_threads'
    import { existsSync } from 'node:fs'
    const fail = () => Promise.reject(new Error('nobody caught this'))
    if (isMainThread) setInterval(() => existsSync(${JSON.stringify(join(daemon.directory, 'fail'))}) && fail(), 20)`
  const program = join(daemon.directory, 'defect.mjs')
  writeFileSync(program, defect)
  await daemon.start({ env: { NODE_OPTIONS: `--import ${program}` } })
  await daemon.plugin.create('db')
  await daemon.plugin.mount('db', 'a1')
  writeFileSync(join(daemon.directory, 'fail'), '')
  t.match(await daemon.ended, { code: 1 })
  t.match(daemon.output, /"level":50.*nobody caught this.*please report it/)
  await daemon.start()
  t.match(await daemon.status('db'), { state: 'attached', mounts: 1 })
})

const skip = spawnSync('prlimit', ['--version']).error === undefined ? false : 'needs prlimit'

t.test('DK29: a daemon that runs out of descriptors refuses, goes on, and serves again', { skip }, async (t) => {
  const daemon = await new DaemonProcess(t).start()
  const limit = readdirSync(`/proc/${daemon.pid}/fd`).length + 20
  spawnSync('prlimit', ['--pid', String(daemon.pid), `--nofile=${limit}:${limit}`])
  await daemon.plugin.create('db')
  const first = await RawClient.open(daemon.pluginSocket)
  await first.request('VolumeDriver.List', '{}\n')
  const clients = await Promise.all(Array.from({ length: 100 }, () => RawClient.open(daemon.pluginSocket)))
  const answers = await Promise.all(clients.map((client) => client.request('VolumeDriver.Get', '{"Name":"db"}\n')))
  t.ok(answers.includes('closed'), 'more than it can serve')
  t.ok(answers.some((answer) => answer !== 'closed'))
  endChildrenOf(daemon.pid)
  const refusal = await first.request('VolumeDriver.Create', '{"Name":"next"}\n')
  t.match(refusal, { status: 200, body: /"Err"/ }, 'no process can be started for it')
  t.match(await first.request('VolumeDriver.Get', '{"Name":"db"}\n'), { body: /"Name":"db"/ })
  for (const client of [...clients, first]) client.close()
  const created = async () => (await daemon.plugin.create('next')).Err === undefined
  t.ok(await eventually('it serves again', created))
})

/** The process that works on the storage, as a kernel out of memory would end it. */
function endChildrenOf(pid: number): void {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ')
  for (const child of children.filter(Boolean)) process.kill(Number(child), 'SIGKILL')
}
