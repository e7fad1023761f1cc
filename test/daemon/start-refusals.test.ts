import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { DaemonProcess } from './daemon-process.js'

const options = (daemon: DaemonProcess) => ({
  root: ['--root', daemon.root],
  plugin: ['--plugin-socket', daemon.pluginSocket],
  control: ['--socket', daemon.controlSocket],
})

async function isUnharmed(daemon: DaemonProcess): Promise<boolean> {
  return daemon.isRunning && existsSync(daemon.controlSocket) && (await daemon.plugin.get('db')).Volume?.Name === 'db'
}

t.test('DB09: a second daemon on a root is refused, and the first goes on', async (t) => {
  const first = await new DaemonProcess(t).start()
  await first.plugin.create('db')
  const second = new DaemonProcess(t)
  const { code, output } = await second.refusal({ args: options(first).root })
  t.not(code, 0)
  t.match(output, `another convoy daemon uses ${first.root}`)
  t.match(output, 'convoy.pid')
  t.notOk(existsSync(second.pluginSocket), 'it leaves no socket behind')
  t.ok(await isUnharmed(first))
})

for (const which of ['plugin', 'control'] as const) {
  t.test(`compat: a second daemon on the ${which} socket is refused and does not steal it`, async (t) => {
    const first = await new DaemonProcess(t).start()
    await first.plugin.create('db')
    const second = new DaemonProcess(t)
    const path = which === 'plugin' ? first.pluginSocket : first.controlSocket
    const { ino } = statSync(path)
    const { code, output } = await second.refusal({ args: options(first)[which] })
    t.not(code, 0)
    t.match(output, `another daemon answers on ${path}`)
    t.match(output, '--name')
    t.equal(statSync(path).ino, ino)
    t.ok(await isUnharmed(first))
    t.notOk(existsSync(second.pluginSocket), 'what it had opened is gone again')
  })
}

t.test('DK32: the sockets of a daemon that was killed are taken over', async (t) => {
  const daemon = await new DaemonProcess(t).start()
  await daemon.plugin.create('db')
  await daemon.kill()
  t.ok(existsSync(daemon.pluginSocket))
  await daemon.start()
  t.match(await daemon.plugin.get('db'), { Volume: { Name: 'db' } })
})

t.test('S02: what lies where a socket shall be and is none is left there', async (t) => {
  const daemon = new DaemonProcess(t)
  writeFileSync(daemon.pluginSocket, 'precious')
  const { code, output } = await daemon.refusal()
  t.not(code, 0)
  t.match(output, `${daemon.pluginSocket} exists and is not a socket`)
  t.equal(readFileSync(daemon.pluginSocket, 'utf8'), 'precious')
  t.notOk(existsSync(daemon.controlSocket))
})

t.test('a directory of volumes that is a file is refused with what to do', async (t) => {
  const daemon = new DaemonProcess(t)
  const file = join(daemon.directory, 'file')
  writeFileSync(file, '')
  const { code, output } = await daemon.refusal({ args: ['--driver-opts', `vfs.path=${file}`] })
  t.not(code, 0)
  t.match(output, `vfs.path ${file} is not a directory`)
  await daemon.start()
})

t.test('a directory of volumes that cannot be written refuses creates and serves the rest', async (t) => {
  const daemon = await new DaemonProcess(t).start({ args: ['--driver-opts', 'vfs.path=/proc/self'] })
  const { Err } = await daemon.plugin.create('db')
  t.type(Err, 'string')
  t.strictSame(await daemon.plugin.list(), [])
  t.ok(daemon.isRunning)
})

t.test('options that are wrong are refused by name before anything is made', async (t) => {
  const daemon = new DaemonProcess(t)
  for (const [args, expected] of [
    [['--jobs', '0'], 'option jobs'],
    [['--trash-retention', '1'], 'option trash-retention'],
    [['--on-docker-remove', 'keep'], 'retain, trash, delete, ignore'],
    [['--rot', '/x'], "unknown option '--rot'"],
    [['--drivers', 'zfs'], 'unknown driver "zfs"'],
    [['--driver-opts', 'vfs.pth=/x'], 'did you mean path?'],
    [['--driver-opts', 'path=/x'], 'DRIVER.OPTION=VALUE'],
    [['--name', '../x'], 'option name'],
    [['--root', 'relative'], 'option root'],
  ] as const) {
    const { code, output } = await daemon.refusal({ args })
    t.not(code, 0, args.join(' '))
    t.match(output, expected)
    t.notMatch(output, /^\s+at /m, 'no stack trace')
  }
  t.notOk(existsSync(daemon.root))
})

t.test('a root that is a file does not stop the daemon: Docker would hang behind its socket', async (t) => {
  const daemon = new DaemonProcess(t)
  writeFileSync(daemon.root, 'a file')
  await daemon.start({ isIncomplete: true })
  t.match(await daemon.plugin.create('db'), { Err: /nothing can be changed now|cannot be used/ })
  t.equal(readFileSync(daemon.root, 'utf8'), 'a file')
  mkdirSync(`${daemon.root}s`)
})

for (const drivers of [['ebs'], ['vfs', 'ebs']])
  for (const [where, metadata, reason] of [
    ['a host without EC2', { AWS_EC2_METADATA_SERVICE_ENDPOINT: 'http://127.0.0.1:1' }, /does not tell this host/],
    ['a host where nobody may ask', { AWS_EC2_METADATA_DISABLED: 'true' }, /AWS_EC2_METADATA_DISABLED is set/],
  ] as const)
    t.test(`EB28 --drivers ${drivers.join(', ')} on ${where} does not start, and says what it needs`, async (t) => {
      const daemon = new DaemonProcess(t)
      const { code, output } = await daemon.refusal({ drivers, env: metadata })
      t.equal(code, 1)
      t.match(output, /driver ebs cannot start: /)
      t.match(output, reason)
      t.match(output, /an instance of EC2.*IMDSv2.*start convoy without the driver ebs/s)
      t.notMatch(output, 'as it should be')
      t.notMatch(output, /^\s+at /m, 'no stack trace')
      t.notOk(existsSync(daemon.pluginSocket), 'Docker does not wait for it')
    })
