import t, { type Test } from 'tap'
import { eventually } from '../../engine/polling.js'
import { daemonOnDisk, endedJob, needs, restartLater } from './daemon-on-disk.js'

/** A volume `db`, and a directory `outside` beside it. */
async function open(t: Test) {
  const opened = await daemonOnDisk(t, { holds: 'volumes' })
  const { daemon, disk, settings } = opened
  await daemon.start(settings)
  await daemon.plugin.create('db')
  const inVolumes = (script: string) => disk.run('sh', '-c', `cd "$0"; ${script}`, daemon.volumes)
  inVolumes('mkdir -p outside db/a/bind db/a/tmpfs db/z; for name in a z; do echo mine > db/$name/file; done')
  inVolumes('echo kept > outside/file; echo kept > outside/one; : > db/one')
  return { ...opened, inVolumes }
}

t.test(
  'what is mounted inside a deleted volume is not crossed, and the rest goes once it is unmounted',
  needs,
  async (t) => {
    const opened = await open(t)
    const { daemon, disk, inVolumes } = opened
    inVolumes('mount --bind outside db/a/bind; mount --bind outside/one db/one')
    inVolumes('mount -t tmpfs tmpfs db/a/tmpfs; echo kept > db/a/tmpfs/file')
    t.equal((await daemon.control('DELETE', '/v1/volumes/db')).status, 200)
    const { state, error } = await endedJob(daemon, 1)
    t.equal(state, 'failed')
    t.match(
      error,
      /cannot remove "(a\/bind|a\/tmpfs|one)" in.*something is mounted there.*\(and 2 more\).*can be repeated/,
    )
    const trash = daemon.volume('.convoy', 'trash')
    const [id = ''] = disk.run('ls', trash).split('\n')
    const left = ['a', 'a/bind', 'a/bind/file', 'a/bind/one', 'a/tmpfs', 'a/tmpfs/file', 'one']
    const found = disk.run('find', `${trash}/${id}`, '-mindepth', '1', '-printf', '%P\\n')
    t.strictSame(found.trim().split('\n').sort(), left, 'all else is removed')
    t.strictSame(await daemon.plugin.create('db'), {}, 'the name is free')
    t.equal(disk.run('ls', daemon.volume('db')), '')

    await restartLater(opened, 1.1)
    t.match(await endedJob(daemon, 2), { state: 'failed' }, 'it is tried again, and still not crossed')
    for (const path of ['a/bind/file', 'a/bind/one', 'a/tmpfs/file', 'one']) {
      t.equal(disk.run('cat', `${trash}/${id}/${path}`), 'kept\n', path)
    }
    for (const path of ['a/bind', 'a/tmpfs', 'one']) disk.run('umount', `${trash}/${id}/${path}`)
    await restartLater(opened, 2.2)
    t.match(await endedJob(daemon, 3), { state: 'succeeded' })
    t.equal(disk.run('ls', trash), '')
    for (const name of ['file', 'one']) t.equal(disk.run('cat', daemon.volume('outside', name)), 'kept\n')
  },
)

t.test(
  'a volume on whose directory something is mounted is not deleted, and the message says why',
  needs,
  async (t) => {
    const { daemon, inVolumes } = await open(t)
    inVolumes('mount -t tmpfs tmpfs db; echo kept > db/file')
    const { status, text } = await daemon.control('DELETE', '/v1/volumes/db')
    t.not(status, 200)
    t.match(text, /in-use.*EBUSY.*something is mounted there: unmount it first/)
    t.match(await daemon.plugin.get('db'), { Volume: { Name: 'db', Status: { state: 'ready' } } })
    t.equal(inVolumes('cat db/file'), 'kept\n')
    inVolumes('umount db')
    t.equal((await daemon.control('DELETE', '/v1/volumes/db')).status, 200)
    await eventually('its data has been removed', () => inVolumes('ls .convoy/trash') === '')
  },
)

t.test('a deleted volume that somebody mounted by its path keeps its data until it is unmounted', needs, async (t) => {
  const opened = await open(t)
  const { daemon, disk, inVolumes } = opened
  inVolumes('mount --bind db outside')
  t.equal((await daemon.control('DELETE', '/v1/volumes/db')).status, 200, 'nobody was told of it: it goes to the trash')
  await restartLater(opened, 1.1)
  t.equal((await daemon.control('GET', '/v1/jobs')).text, '[]')
  t.equal(inVolumes('cat outside/a/file'), 'mine\n', 'the kernel shows the mount where the data is now')
  inVolumes('umount outside')
  await restartLater(opened, 2.2)
  t.match(await endedJob(daemon, 1), { state: 'succeeded' })
  t.equal(disk.run('ls', daemon.volume('.convoy', 'trash')), '')
  t.equal(inVolumes('cat outside/file'), 'kept\n')
})
