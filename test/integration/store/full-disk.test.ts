import t, { type Test } from 'tap'
import { DaemonProcess, mainProgram } from '../../daemon/daemon-process.js'
import { eventually } from '../../engine/polling.js'
import { requirements } from '../requirements.js'
import { SmallDisk, smallDiskNeeds } from '../small-disk.js'

const needs = requirements(t, smallDiskNeeds)

/** A daemon whose database is on a disk of that size; its volumes are elsewhere. */
async function onSmallDisk(t: Test, size: string) {
  const daemon = new DaemonProcess(t)
  const disk = await SmallDisk.mount(t, daemon.root, '-t', 'tmpfs', '-o', `size=${size}`, 'tmpfs')
  return { daemon, disk, settings: { launch: [...disk.inside, process.execPath, mainProgram] } }
}

/** Creates volumes until one is refused; resolves to the refusal. */
async function createUntilRefused(daemon: DaemonProcess): Promise<string> {
  const options = { onRemove: 'trash' }
  for (let count = 0; count < 20_000; count++) {
    const { Err } = await daemon.plugin.create(`filler-${count}`, options)
    if (Err !== undefined) return Err
  }
  throw new Error('the disk does not get full')
}

t.test(
  'DB05: on a full disk reads and Unmount work, the ballast keeps changes possible, and it recovers',
  needs,
  async (t) => {
    const { daemon, disk, settings } = await onSmallDisk(t, '16m')
    await daemon.start(settings)
    await daemon.plugin.create('db')
    await daemon.plugin.mount('db', 'a1')
    await eventually('the ballast is there', () => disk.names().includes('ballast'))
    disk.fill()
    t.strictSame(await daemon.plugin.create('next'), {}, 'the ballast makes room')
    t.notOk(disk.names().includes('ballast'))
    disk.fill()
    const refusal = await createUntilRefused(daemon)
    t.match(refusal, `free some space on the file system of ${daemon.root}`)
    t.match(await daemon.plugin.get('db'), { Volume: { Name: 'db', Status: { mounts: 1 } } })
    t.ok((await daemon.plugin.list()).some(({ Name }) => Name === 'db'))
    t.strictSame(await daemon.plugin.unmount('db', 'a1'), {}, 'DK28: an unmount is never refused')
    t.match(await daemon.status('db'), { mounts: 0 })
    const { Err } = await daemon.plugin.mount('db', 'b2')
    t.ok(Err === undefined || Err.includes('free some space'))
    disk.free()
    t.strictSame(await daemon.plugin.create('after'), {})
    t.match(await daemon.stop(), { code: 0 })
    await daemon.start(settings)
    const names = (await daemon.plugin.list()).map(({ Name }) => Name)
    for (const name of ['db', 'next', 'after']) t.ok(names.includes(name), name)
    t.match(await daemon.status('db'), { mounts: Err === undefined ? 1 : 0 }, 'the unmount was saved in the end')
  },
)

t.test('DB05: a daemon that starts on a full disk uses the ballast and knows every volume', needs, async (t) => {
  const { daemon, disk, settings } = await onSmallDisk(t, '16m')
  await daemon.start(settings)
  await daemon.plugin.create('db')
  await eventually('the ballast is there', () => disk.names().includes('ballast'))
  for (const end of ['stop', 'kill'] as const) {
    await daemon[end]()
    disk.fill()
    await daemon.start(settings)
    t.match(await daemon.plugin.get('db'), { Volume: { Name: 'db' } }, end)
    t.strictSame(await daemon.plugin.create(`after-${end}`), {})
    disk.free()
    await daemon.stop()
    // A start with room sets the ballast aside again.
    await daemon.start(settings)
    await eventually('the ballast is there again', () => disk.names().includes('ballast'))
  }
})

t.test(
  'DB05: on a disk of 2 MB without room for a ballast a daemon works until it is full, and after',
  needs,
  async (t) => {
    const { daemon, disk, settings } = await onSmallDisk(t, '2m')
    await daemon.start(settings)
    await daemon.plugin.create('db')
    await daemon.plugin.mount('db', 'a1')
    disk.fill()
    t.match(await createUntilRefused(daemon), 'free some space')
    t.match(await daemon.plugin.get('db'), { Volume: { Status: { mounts: 1 } } })
    t.strictSame(await daemon.plugin.unmount('db', 'a1'), {})
    await daemon.kill()
    await daemon.start({ ...settings, isIncomplete: true })
    t.ok((await daemon.plugin.list()).length > 0, 'a start on the full disk serves what it has')
    await daemon.stop()
    disk.free()
    await daemon.start(settings)
    t.match(await daemon.plugin.get('db'), { Volume: { Name: 'db' } })
    t.strictSame(await daemon.plugin.create('after'), {})
  },
)

t.test(
  'DB06: a database on a disk that became read-only is served from its backup, and nothing is changed',
  needs,
  async (t) => {
    const { daemon, disk, settings } = await onSmallDisk(t, '16m')
    await daemon.start(settings)
    await daemon.plugin.create('db')
    await daemon.stop()
    const before = disk.run('ls', `${daemon.root}/backups`)
    await daemon.start(settings)
    await eventually('there is a backup of it', () => disk.run('ls', `${daemon.root}/backups`) !== before)
    await daemon.kill()
    disk.run('mount', '-o', 'remount,ro', daemon.root)
    await daemon.start({ ...settings, isIncomplete: true })
    t.match(await daemon.plugin.get('db'), { Volume: { Name: 'db' } })
    t.equal((await daemon.plugin.list()).length, 1)
    for (const answer of [await daemon.plugin.create('new'), await daemon.plugin.remove('db')]) {
      t.match(answer.Err, /EROFS: read-only/)
    }
    t.match(await daemon.stop(), { code: 0 })
    disk.run('mount', '-o', 'remount,rw', daemon.root)
    await daemon.start(settings)
    t.strictSame(await daemon.plugin.create('new'), {})
  },
)

const overlayNeeds = requirements(t, { ...smallDiskNeeds, filesystems: ['overlay'] })

t.test(
  'DB08: a root on overlay is refused by name, and the volumes are served nonetheless',
  overlayNeeds,
  async (t) => {
    const daemon = new DaemonProcess(t)
    // Overlay does not stack on every file system: its layers are in memory.
    const layers = `${daemon.directory}/layers`
    const base = await SmallDisk.mount(t, layers, '-t', 'tmpfs', 'tmpfs')
    base.run('mkdir', `${layers}/lower`, `${layers}/upper`, `${layers}/work`, daemon.root)
    const options = `lowerdir=${layers}/lower,upperdir=${layers}/upper,workdir=${layers}/work`
    base.run('mount', '-t', 'overlay', 'overlay', '-o', options, daemon.root)
    await daemon.start({ launch: [...base.inside, process.execPath, mainProgram], isIncomplete: true })
    t.match((await daemon.plugin.create('db')).Err, /is on overlay.*give --root a directory on a local disk/)
    t.strictSame(await daemon.plugin.list(), [])
    t.equal(base.run('ls', '-A', daemon.root), '', 'nothing is made there, not even a lock')
  },
)
