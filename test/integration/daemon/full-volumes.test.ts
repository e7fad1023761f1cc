import { rmSync } from 'node:fs'
import { basename } from 'node:path'
import t from 'tap'
import { eventually } from '../../engine/polling.js'
import type { SmallDisk } from '../small-disk.js'
import { daemonOnDisk, names, needs } from './daemon-on-disk.js'

/** What a disk can run out of. */
const shortages = [
  { what: 'blocks', make: [], fill: (disk: SmallDisk) => disk.fill() },
  { what: 'inodes', make: ['-N', '64'], fill: (disk: SmallDisk) => disk.fillInodes() },
] as const

for (const { what, make, fill } of shortages) {
  t.test(`a create that finds too few ${what} is refused, and nothing is left of it`, needs, async (t) => {
    const { daemon, disk, settings } = await daemonOnDisk(t, { holds: 'volumes', make })
    await daemon.start(settings)
    await daemon.plugin.create('db')
    disk.setAside(10)
    const before = disk.tree()
    fill(disk)
    let refusals = 0
    for (; ; refusals++) {
      const { Err } = await daemon.plugin.create('new', { size: '1g' })
      if (Err === undefined) break
      t.match(Err, /ENOSPC.*\/new.*free some space there.*inodes/, `with ${refusals} free`)
      t.strictSame(disk.tree(), before)
      t.match(await daemon.plugin.get('new'), { Err: /no such volume/ })
      t.strictSame(await names(daemon), ['db'])
      t.equal((await daemon.control('GET', '/v1/jobs')).text, '[]')
      await daemon.kill()
      await daemon.start(settings)
      t.strictSame(await names(daemon), ['db'], 'no daemon will make it later')
      disk.giveUp(refusals)
    }
    t.ok(refusals >= 2, 'there was room for nothing, and for the sidecar without the directory')
    t.match(await daemon.plugin.mount('new', 'a1'), { Mountpoint: daemon.volume('new') })
  })

  t.test(`without any free ${what} volumes are mounted, forgotten, taken back and deleted`, needs, async (t) => {
    const { daemon, disk, settings } = await daemonOnDisk(t, { holds: 'volumes', make })
    await daemon.start(settings)
    for (const name of ['db', 'big', 'gone']) {
      await daemon.plugin.create(name)
      disk.run('sh', '-c', 'echo "data of $1" > "$0/file"', daemon.volume(name), name)
    }
    await daemon.plugin.mount('db', 'a1')
    await daemon.plugin.remove('gone')
    fill(disk)
    t.strictSame(await daemon.plugin.unmount('db', 'a1'), {})
    t.match(
      await daemon.plugin.mount('db', 'b2'),
      { Mountpoint: daemon.volume('db') },
      'compat: a full disk of volumes blocks no mount',
    )
    t.strictSame(await daemon.plugin.unmount('db', 'b2'), {})
    for (const round of ['first', 'second', 'third']) {
      t.match((await daemon.plugin.create('new')).Err, 'ENOSPC', round)
      t.strictSame(await daemon.plugin.remove('db'), {}, `${round}: what sets the first aside is set aside again`)
      t.match(await daemon.plugin.get('db'), { Err: /no such volume/ })
      t.strictSame(await daemon.plugin.create('db'), {})
    }
    t.strictSame(await daemon.plugin.remove('db'), {})
    const deleted = await daemon.control('DELETE', '/v1/volumes/big')
    t.equal(deleted.status, 200, deleted.text)
    const isLeft = () => disk.run('find', daemon.volumes, '-name', 'file').trim().split('\n').length
    await eventually('the data of the deleted one has been removed', () => isLeft() === 2)
    t.equal(disk.tree().filter((path) => basename(path).endsWith('.partial')).length, 0)
    await eventually('what that freed is enough', async () => (await daemon.plugin.create('new')).Err === undefined)
    disk.free()
    await daemon.stop()
    rmSync(daemon.root, { recursive: true })
    await daemon.start(settings)
    t.strictSame(await names(daemon), ['new'], 'the sidecars say the same')
    for (const name of ['db', 'gone']) {
      t.strictSame(await daemon.plugin.create(name), {})
      t.equal(disk.run('cat', daemon.volume(name, 'file')), `data of ${name}\n`)
    }
  })
}
