import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import t, { type Test } from 'tap'
import { convoy as run } from './convoy-command.js'
import { DaemonProcess } from './daemon-process.js'

const daemon = await new DaemonProcess(t).start()
const convoy = (...argv: readonly string[]) => run(['--socket', daemon.controlSocket, ...argv])
const time = /^(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun) [A-Z][a-z]{2} \d\d \d\d:\d\d:\d\d \+0000 \d{4}$/

type Json = Readonly<Record<string, unknown>>

async function prints(t: Test, argv: readonly string[], out: string): Promise<void> {
  t.same(await convoy(...argv), { code: 0, out, err: '' }, argv.join(' '))
}

async function shows(t: Test, ...argv: readonly string[]): Promise<Json> {
  const { code, out, err } = await convoy(...argv)
  t.same({ code, err }, { code: 0, err: '' }, argv.join(' '))
  t.match(out, /^\{(?:\n.*\n)?\}\n$/s)
  return JSON.parse(out) as Json
}

async function fails(t: Test, argv: readonly string[], message: RegExp): Promise<void> {
  const { code, out, err } = await convoy(...argv)
  t.equal(code, 1, argv.join(' '))
  const said = JSON.parse(out) as Json
  t.match(said['Error'], message, argv.join(' '))
  t.match(err, /^convoy: .+\n$/)
  t.ok(err.startsWith(`convoy: ${String(said['Error'])}`), err)
}

/** The keys of Convoy 0.5; ours are among them, and may be more. */
function hasKeys(t: Test, json: unknown, keys: string): void {
  t.strictSame(
    keys.split(' ').filter((key) => !Object.hasOwn(json as Json, key)),
    [],
    keys,
  )
}

function isVolume(t: Test, volume: Json, name: string, mountPoint: string): void {
  hasKeys(t, volume, 'Name Driver MountPoint CreatedTime DriverInfo Snapshots')
  t.match(volume, { Name: name, Driver: 'vfs', MountPoint: mountPoint, CreatedTime: time, Snapshots: {} })
  const info = volume['DriverInfo'] as Json
  hasKeys(t, info, 'Driver MountPoint Path PrepareForVM Size VolumeCreatedAt VolumeName')
  t.match(info, { VolumeName: name, MountPoint: mountPoint, Path: daemon.volume(name), VolumeCreatedAt: time })
  for (const [key, value] of Object.entries(info)) t.type(value, 'string', key)
}

t.test('compat: the session of an old script says what it always said', async (t) => {
  await prints(t, ['create', 'db'], 'db\n')
  await prints(t, ['create', 'db'], 'db\n')
  await prints(t, ['create', 'sized', '-size', '10G', '--driver', 'vfs'], 'sized\n')
  await prints(t, ['create', '--size=1048576', '--', 'bytes'], 'bytes\n')
  await prints(t, ['mount', 'db'], `${daemon.volume('db')}\n`)
  writeFileSync(daemon.volume('db', 'file'), 'data')

  isVolume(t, await shows(t, 'inspect', 'db'), 'db', daemon.volume('db'))
  isVolume(t, await shows(t, 'inspect', '--', 'sized'), 'sized', '')
  t.match(await shows(t, 'inspect', 'sized'), { DriverInfo: { Size: String(10 * 1024 ** 3), PrepareForVM: 'false' } })
  const list = await shows(t, 'list')
  t.same(Object.keys(list).sort(), ['bytes', 'db', 'sized'])
  t.same(list['db'], await shows(t, 'inspect', 'db'))
  t.same(await shows(t, 'list', '-driver', 'vfs'), list)
  t.same(await shows(t, 'list', '--driver=ebs'), {})

  await fails(t, ['delete', 'db'], /^volume "db" is mounted/)
  await prints(t, ['umount', 'db'], '')
  await prints(t, ['delete', 'bytes', 'sized'], '')
  await prints(t, ['delete', 'db', '--reference'], '')
  t.same(await shows(t, 'list'), {})
  t.equal(readFileSync(daemon.volume('db', 'file'), 'utf8'), 'data', 'only the record of it is gone')
  await prints(t, ['create', 'db'], 'db\n')
  t.equal(readFileSync(daemon.volume('db', 'file'), 'utf8'), 'data', 'and a volume of that name has it again')
  await prints(t, ['delete', '-r', 'db'], '')
})

t.test('compat: a volume without a name gets one, and --verbose shows the whole of it', async (t) => {
  const { code, out, err } = await convoy('create')
  t.same({ code, err }, { code: 0, err: '' })
  t.match(out, /^volume-[0-9a-f]{16}\n$/)
  await prints(t, ['delete', out.trim()], '')
  for (const argv of [
    ['--verbose', 'create', 'one'],
    ['create', 'two', '-verbose'],
    ['create', '--verbose=true', '--', 'three'],
  ]) {
    isVolume(t, await shows(t, ...argv), argv.at(-1)!.replace('-verbose', 'two'), '')
  }
  await prints(t, ['create', '--verbose=false', 'one'], 'one\n')
  await prints(t, ['delete', 'one', 'two', 'three'], '')
})

t.test('compat: info has the keys of old', async (t) => {
  const info = await shows(t, 'info')
  hasKeys(t, info, 'General vfs')
  hasKeys(t, info['General'], 'Root DriverList DefaultDriver IgnoreDockerDelete CreateOnDockerMount')
  t.match(info, { General: { Root: daemon.root, DriverList: ['vfs'], DefaultDriver: 'vfs' } })
  t.match(info, { vfs: { Root: /^\//, Path: daemon.volumes, DefaultVolumeSize: '107374182400' } })
})

t.test('compat: every failure ends with 1, an Error in JSON, and a line of the log', async (t) => {
  await prints(t, ['create', 'there'], 'there\n')
  for (const command of ['inspect', 'mount', 'umount', 'delete'])
    await fails(t, [command, 'gone'], /^no such volume: gone$/)
  for (const command of ['inspect', 'mount', 'umount', 'delete']) await fails(t, [command], /argument 'vol'/)
  await fails(t, ['create', 'there', '--size', '1g'], /^volume "there" exists/)
  await fails(t, ['create', 'x', 'y'], /too many arguments/)
  await fails(t, ['create', '--', '-r'], /"-r" is not a volume name/)
  await fails(t, ['create', '--', '../x'], /is not a volume name/)
  await fails(t, ['create', 'x', '--size', '10X'], /"10X" is not a size/)
  await fails(t, ['create', 'x', '--size'], /'--size <SIZE>' argument missing/)
  await fails(t, ['create', 'x', '--driver', 'none'], /none/)
  await fails(t, ['create', 'x', '-sizes', '1g'], /unknown option '-sizes'\. Did you mean --size/)
  await fails(t, ['create', 'x', '--id', 'nothing'], /there is no directory/)
  await fails(t, ['mount', 'there', '--mountpoint', '/mnt'], /is mounted where/)
  await fails(t, ['lst'], /unknown command 'lst'/)
  await fails(t, ['list', '--socket', daemon.volume('no.sock')], /^no daemon at /)
  await prints(t, ['delete', 'there'], '')
  t.notOk(existsSync(daemon.volume('x')), 'nothing was made')
  t.same(await shows(t, 'list'), {})
})

t.test('compat: several volumes are deleted, and one that is not there does not keep the others', async (t) => {
  for (const name of ['a', 'b']) await prints(t, ['create', name], `${name}\n`)
  const { code, out } = await convoy('delete', 'a', 'gone', 'b')
  t.same(
    { code, said: JSON.parse(out) as Json },
    { code: 1, said: { Error: 'no such volume: gone', Code: 'not-found' } },
  )
  t.same(await shows(t, 'list'), {})
})
