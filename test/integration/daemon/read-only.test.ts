import { existsSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { RawClient } from '../../api/raw-client.js'
import { eventually } from '../../engine/polling.js'
import { daemonOnDisk, names, needs } from './daemon-on-disk.js'

const isIncomplete = true

for (const below of ['', 'not/made/yet']) {
  t.test(
    `DB06: a new root on a read-only disk${below && ', below it'}, is no end: changes are refused with what mends it`,
    needs,
    async (t) => {
      const { daemon, disk, settings } = await daemonOnDisk(t, { holds: 'root' })
      disk.remount('ro')
      const root = join(daemon.root, below)
      await daemon.start({ ...settings, args: ['--root', root], isIncomplete })
      const refusal = `look at the file system of ${root}: is it mounted read-only`
      t.match(daemon.output, /"level":50.*starting degraded/)
      for (const { Err } of [await daemon.plugin.create('db'), await daemon.plugin.mount('db', 'a1')]) {
        t.match(Err, refusal)
      }
      t.notOk(existsSync(daemon.volume('db')))
      t.match((await daemon.control('GET', '/v1/info')).text, refusal)
      t.strictSame(await daemon.plugin.list(), [])
      const connection = await RawClient.open(daemon.pluginSocket)
      t.equal(await connection.request('VolumeDriver.Get', '{"Name":"db"}\n'), 'closed', 'DK13: nothing is denied')
      t.match(await daemon.stop(), { code: 0 })
      disk.remount('rw')
      await daemon.start({ ...settings, args: ['--root', root] })
      t.strictSame(await daemon.plugin.create('db'), {})
    },
  )
}

t.test(
  'DB06: a database disk that fails under the daemon refuses changes, unmounts, and is whole when it is back',
  needs,
  async (t) => {
    const { daemon, disk, settings } = await daemonOnDisk(t, { holds: 'root' })
    await daemon.start(settings)
    for (const name of ['db', 'free']) await daemon.plugin.create(name)
    await daemon.plugin.mount('db', 'a1')
    const device = disk.run('findmnt', '-no', 'SOURCE', daemon.root).trim().replace('/dev/', '')
    // What the kernel does after an error of the device: the journal ends and nothing more is written.
    disk.run('sh', '-c', `echo test > /sys/fs/ext4/${device}/trigger_fs_error`)
    const refusal = `look at the file system of ${daemon.root}: is it mounted read-only, or failing`
    for (const { Err } of [await daemon.plugin.create('new'), await daemon.plugin.remove('free')]) t.match(Err, refusal)
    t.notOk(existsSync(daemon.volume('new')))
    for (const name of ['new', 'gone']) t.match(await daemon.plugin.get(name), { Err: /no such volume/ }, name)
    t.strictSame(await daemon.plugin.unmount('db', 'a1'), {}, 'DK28: an unmount is never refused')
    t.match(await daemon.status('db'), { mounts: 0 })
    t.strictSame(await names(daemon), ['db', 'free'])
    t.match(await daemon.stop(), { code: 0 })
    disk.run('sh', '-c', 'umount "$0" && mount -t ext4 -o loop "$0.img" "$0"', daemon.root)
    await daemon.start(settings)
    t.strictSame(await names(daemon), ['db', 'free'])
    t.strictSame(await daemon.plugin.remove('free'), {})
    t.strictSame(await daemon.plugin.create('new'), {})
  },
)

t.test('a read-only disk of volumes refuses changes with what to do, until it is remounted', needs, async (t) => {
  const { daemon, disk, settings } = await daemonOnDisk(t, { holds: 'volumes' })
  await daemon.start(settings)
  for (const name of ['db', 'gone']) await daemon.plugin.create(name)
  disk.run('sh', '-c', 'echo kept > "$0"', daemon.volume('db', 'file'))
  await daemon.plugin.remove('gone')
  const before = disk.tree()
  for (const life of ['that saw it happen', 'that starts on it']) {
    disk.remount('ro')
    if (life.includes('starts')) {
      await daemon.stop()
      await daemon.start(settings)
    }
    const { text } = await daemon.control('DELETE', '/v1/volumes/db')
    for (const refusal of [
      (await daemon.plugin.create('new')).Err,
      (await daemon.plugin.create('gone')).Err,
      (await daemon.plugin.remove('db')).Err,
      text,
    ]) {
      t.match(refusal, /EROFS.*remount the file system read-write/, `a daemon ${life}`)
    }
    t.strictSame(await names(daemon), ['db'])
    t.match(await daemon.plugin.get('db'), { Volume: { Name: 'db', Status: { state: 'ready' } } }, 'it is undone')
    for (const name of ['new', 'gone']) t.match(await daemon.plugin.get(name), { Err: /no such volume/ }, name)
    t.match(await daemon.plugin.mount('db', 'a1'), { Mountpoint: daemon.volume('db') })
    t.strictSame(await daemon.plugin.unmount('db', 'a1'), {})
    t.strictSame(disk.tree(), before)
    disk.remount('rw')
    t.strictSame(await daemon.plugin.create('new'), {}, 'without a restart')
    t.equal((await daemon.control('DELETE', '/v1/volumes/new')).status, 200)
    t.strictSame(await daemon.plugin.create('gone'), {})
    t.strictSame(await daemon.plugin.remove('gone'), {})
    disk.run('sh', '-c', 'rm -r "$0"/*', daemon.volume('.convoy', 'trash'))
  }
  t.equal(disk.run('cat', daemon.volume('db', 'file')), 'kept\n')
})

t.test('DB16: a lost database is made again from a read-only disk of volumes', needs, async (t) => {
  const { daemon, disk, settings } = await daemonOnDisk(t, { holds: 'volumes' })
  await daemon.start(settings)
  for (const name of ['db', 'gone']) await daemon.plugin.create(name)
  await daemon.plugin.remove('gone')
  await daemon.stop()
  disk.remount('ro')
  await daemon.start({ ...settings, args: ['--root', join(daemon.directory, 'other-root')] })
  t.strictSame(await names(daemon), ['db'])
  t.match(await daemon.plugin.mount('db', 'a1'), { Mountpoint: daemon.volume('db') })
  t.match((await daemon.plugin.create('gone')).Err, /EROFS.*remount/)
  disk.remount('rw')
  await eventually('it is taken back', async () => (await daemon.plugin.create('gone')).Err === undefined)
})

t.test(
  'a new disk of volumes that is read-only is served: nothing is there, and nothing can be made',
  needs,
  async (t) => {
    const { daemon, disk, settings } = await daemonOnDisk(t, { holds: 'volumes' })
    disk.remount('ro')
    await daemon.start(settings)
    t.match((await daemon.plugin.create('db')).Err, /EROFS.*\.convoy.*remount the file system read-write/)
    t.match(await daemon.plugin.get('db'), { Err: /no such volume/ })
    disk.remount('rw')
    t.strictSame(await daemon.plugin.create('db'), {}, 'without a restart')
  },
)
