import { type ChildProcess, spawn } from 'node:child_process'
import { rmSync, writeFileSync } from 'node:fs'
import t, { type Test } from 'tap'
import { eventually } from '../engine/polling.js'
import { DaemonProcess, type Ended, mainProgram } from './daemon-process.js'

/** `convoy events`, the real program. */
class Watcher {
  out = ''
  err = ''
  readonly ended: Promise<Ended>
  readonly #child: ChildProcess

  constructor(t: Pick<Test, 'teardown'>, daemon: DaemonProcess, ...args: readonly string[]) {
    const variables = `PATH=${process.env['PATH'] ?? ''}`
    const words = [mainProgram, '--socket', daemon.controlSocket, 'events', ...args]
    const child = spawn('/usr/bin/env', ['-i', variables, process.execPath, ...words], {
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    child.stdout.on('data', (data) => (this.out += String(data)))
    child.stderr.on('data', (data) => (this.err += String(data)))
    this.ended = new Promise((resolve) => child.once('close', (code, signal) => resolve({ code, signal })))
    this.#child = child
    t.teardown(() => child.kill('SIGKILL'))
  }

  interrupt(): void {
    this.#child.kill('SIGINT')
  }

  /** `TYPE VOLUME` of each line, without what the daemon says of itself. */
  get told(): readonly string[] {
    const lines = this.out.split('\n').slice(0, -1)
    return lines.map((line) => line.split(' ').slice(1, 3).join(' ')).filter((line) => line.startsWith('volume.'))
  }

  async until(count: number): Promise<readonly string[]> {
    await eventually(`${count} events are shown`, () => this.told.length >= count)
    return this.told
  }
}

const mountId = 'a1'.repeat(32)

t.test('convoy events shows what was and what is, to people and to programs', async (t) => {
  const daemon = await new DaemonProcess(t).start()
  await daemon.plugin.create('db')
  await daemon.plugin.mount('db', mountId)
  const watcher = new Watcher(t, daemon, '--since', '1h')
  await watcher.until(2)
  await daemon.plugin.unmount('db', mountId)
  await daemon.plugin.remove('db')
  t.strictSame(await watcher.until(4), ['volume.create db', 'volume.mount db', 'volume.unmount db', 'volume.forget db'])
  t.match(watcher.out, /^\S+Z daemon\.start \(pid=\d+\)$/m)
  const lines = watcher.out.split('\n')
  t.match(
    lines[2],
    /Z volume\.mount db \(volumeId=\S+, driver=vfs, mountId=a1a1a1a1a1a1, count=1, mountpoint=\/.*db\)$/,
  )
  const finite = new Watcher(
    t,
    daemon,
    '--no-follow',
    '--format',
    '{{json .}}',
    '--type',
    'volume.mount',
    '--volume',
    'db',
  )
  t.match(await finite.ended, { code: 0 })
  t.match(JSON.parse(finite.out), { type: 'volume.mount', volume: 'db', mountId, count: 1 })
  watcher.interrupt()
  const { code, signal } = await watcher.ended
  t.ok(signal === 'SIGINT' || code === 130 || code === 0, 'Ctrl-C is no failure')
  t.equal(watcher.err, '')
})

t.test('a watcher goes on where it was when the daemon is stopped or killed', async (t) => {
  const daemon = await new DaemonProcess(t).start()
  const watcher = new Watcher(t, daemon)
  // Its first event shows that it is there; before that nothing was promised.
  await eventually('it is there', async () => {
    await daemon.plugin.create(`probe-${Math.random().toString(36).slice(2)}`)
    return watcher.told.length > 0
  })
  const began = performance.now()
  t.match(await daemon.stop(), { code: 0 })
  t.ok(performance.now() - began < 8000, 'it does not keep the daemon from stopping')
  await eventually('it notices', () => watcher.err.includes('waiting for it'))
  await daemon.start()
  await daemon.plugin.create('after-stop')
  await daemon.kill()
  await daemon.start()
  // It may have been killed before that was durable: then recovery completes it, and it is told.
  await eventually('it shows the first one', () => watcher.told.includes('volume.create after-stop'))
  await daemon.plugin.create('after-kill')
  await eventually('it shows the last one', () => watcher.told.includes('volume.create after-kill'))
  const { told } = watcher
  const sinceStop = told.filter((line) => !line.includes('probe'))
  t.strictSame(sinceStop, ['volume.create after-stop', 'volume.create after-kill'])
  t.equal(new Set(told).size, told.length, 'nothing twice')
  t.match(watcher.err, 'the daemon is back')
})

for (const moment of ['before', 'after'] as const) {
  for (const [step, told] of [
    ['create-intent', moment === 'before' ? [] : ['volume.create db']],
    ['create-done', ['volume.create db']],
  ] as const) {
    t.test(`DK13 a daemon that is killed ${moment} ${step} tells of what is there, once`, async (t) => {
      const daemon = await new DaemonProcess(t).start({ env: { CONVOY_FAILPOINT: `${moment}:store.${step}` } })
      await daemon.plugin.create('db').catch(() => undefined)
      t.match(await daemon.ended, { signal: 'SIGKILL' })
      await daemon.start()
      const isThere = (await daemon.plugin.get('db')).Volume !== undefined
      t.equal(isThere, told.length > 0)
      const watcher = new Watcher(t, daemon, '--no-follow', '--since', '0')
      t.match(await watcher.ended, { code: 0 })
      t.strictSame(watcher.told, told)
    })
  }
}

t.test('DB16 whoever resumes at an id of a database that was lost hears of the gap, and goes on', async (t) => {
  const daemon = await new DaemonProcess(t).start()
  for (const name of ['a', 'b', 'c', 'd']) {
    await daemon.plugin.create(name)
    await daemon.plugin.remove(name)
  }
  await daemon.plugin.create('kept')
  const watcher = new Watcher(t, daemon, '--since', '0')
  await watcher.until(9)
  await daemon.kill()
  for (const name of ['convoy.db', 'convoy.db-wal', 'convoy.db-shm']) rmSync(`${daemon.root}/${name}`, { force: true })
  rmSync(`${daemon.root}/backups`, { recursive: true, force: true })
  await daemon.start()
  await eventually('it is told what there is', () => watcher.told.includes('volume.discover kept'))
  t.match(watcher.out, /Z gap \(since=\d+/)
  await daemon.plugin.create('new')
  await eventually('it goes on', () => watcher.told.includes('volume.create new'))
})

t.test('a daemon without a usable database says so to whoever watches', async (t) => {
  const daemon = await new DaemonProcess(t).start()
  await daemon.stop()
  for (const name of ['convoy.db-wal', 'convoy.db-shm']) rmSync(`${daemon.root}/${name}`, { force: true })
  writeFileSync(`${daemon.root}/convoy.db`, 'this is no database'.repeat(1000))
  await daemon.start({ isIncomplete: true })
  const watcher = new Watcher(t, daemon, '--no-follow')
  t.match(await watcher.ended, { code: 0 })
  t.match(watcher.out, /daemon\.degraded \(error=.*cannot be used/)
})
