import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { eventually } from '../engine/polling.js'
import { convoy as run } from './convoy-command.js'
import { DaemonProcess } from './daemon-process.js'

const program = [process.execPath, fileURLToPath(new URL('./two-drivers-program.js', import.meta.url))]

async function twoDrivers(t: Test) {
  const daemon = new DaemonProcess(t)
  const second = join(daemon.directory, 'second')
  mkdirSync(second)
  const args = ['--drivers', 'vfs', '--drivers', 'second', '--driver-opts', `second.path=${second}`]
  const start = () => daemon.start({ launch: program, args })
  await start()
  const convoy = async (...argv: readonly string[]) => {
    const { code, out, err } = await run(['-s', daemon.controlSocket, ...argv])
    t.same({ code, err }, { code: 0, err: '' }, argv.join(' '))
    return out
  }
  return { daemon, second, start, convoy }
}

t.test('two drivers in one daemon: the first is the default, and -o driver= chooses', async (t) => {
  const { daemon, second, start, convoy } = await twoDrivers(t)
  t.match(JSON.parse(await convoy('info')), {
    General: { DriverList: ['vfs', 'second'], DefaultDriver: 'vfs' },
    vfs: { Path: daemon.volumes },
    second: { Path: second },
  })
  t.strictSame(await daemon.plugin.create('here'), {})
  t.strictSame(await daemon.plugin.create('there', { driver: 'second' }), {})
  await convoy('create', '--driver', 'second', 'typed')
  t.match((await daemon.plugin.create('nowhere', { driver: 'third' })).Err, /no driver "third".*running: vfs, second/)
  t.match((await daemon.plugin.create('there', { driver: 'vfs' })).Err, /exists.*driver/, 'a name is one volume’s')
  t.same([existsSync(daemon.volume('here')), existsSync(join(second, 'there'))], [true, true])
  t.match(await daemon.plugin.mount('there', 'a1'), { Mountpoint: join(second, 'there') })
  t.strictSame(Object.keys(JSON.parse(await convoy('list', '--driver', 'second')) as object).sort(), ['there', 'typed'])
  t.equal(await convoy('ls', '--filter', 'driver=second', '-q'), 'there\ntyped\n')
  t.match(JSON.parse(await convoy('inspect', 'there')), {
    Driver: 'second',
    DriverInfo: { Path: join(second, 'there') },
  })

  await daemon.kill()
  rmSync(daemon.root, { recursive: true })
  await start()
  t.equal(
    await convoy('ls', '--format', '{{.Name}} {{.Driver}}'),
    'here vfs\nthere second\ntyped second\n',
    'found again',
  )
})

t.test('a removal goes to the driver that has the volume, also in the process of its job', async (t) => {
  const { daemon, second, convoy } = await twoDrivers(t)
  for (const driver of ['vfs', 'second']) {
    await daemon.plugin.create(driver, { driver })
    const volume = driver === 'vfs' ? daemon.volume('vfs') : join(second, 'second')
    writeFileSync(join(volume, 'file'), 'data')
    await convoy('delete', driver)
    t.notOk(existsSync(volume))
    await convoy('trash', 'empty', '--yes', driver)
  }
  await eventually('the data is gone', async () => (await convoy('trash', 'ls', '-q')) === '')
  t.match(JSON.parse(await convoy('jobs')), [{ state: 'succeeded' }, { state: 'succeeded' }])
})

t.test('a storage that is gone does not keep the other driver’s volumes', async (t) => {
  const { daemon, second, convoy } = await twoDrivers(t)
  await daemon.plugin.create('here')
  await daemon.plugin.create('there', { driver: 'second' })
  rmSync(second, { recursive: true })
  t.match(await daemon.plugin.mount('here', 'a1'), { Mountpoint: daemon.volume('here') })
  t.strictSame(await daemon.plugin.create('more'), {})
  t.type((await daemon.plugin.create('lost', { driver: 'second' })).Err, 'string')
  t.equal(await convoy('ls', '-q'), 'here\nmore\nthere\n', 'both are known')
})
