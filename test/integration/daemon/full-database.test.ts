import { readdirSync } from 'node:fs'
import t, { type Test } from 'tap'
import { eventually } from '../../engine/polling.js'
import { daemonOnDisk, endedJob, names, needs, restartLater } from './daemon-on-disk.js'

/** A daemon whose database is on a small disk; its volumes are elsewhere. */
async function onSmallDisk(t: Test, make: readonly string[] = []) {
  const opened = await daemonOnDisk(t, { holds: 'root', mebibytes: 24, make })
  const { daemon, disk, settings } = opened
  await daemon.start(settings)
  await eventually('the ballast is there', () => disk.names().includes('ballast'))
  return opened
}

t.test(
  'DB05: while the disk of the database is full nothing is begun on that of the volumes, and a crash loses nothing',
  needs,
  async (t) => {
    const { daemon, disk, settings } = await onSmallDisk(t)
    const acknowledged = ['db']
    await daemon.plugin.create('db')
    await daemon.plugin.mount('db', 'a1')
    // The second filling takes what the ballast gave back.
    for (const name of ['first', 'second']) {
      disk.fill()
      if ((await daemon.plugin.create(name)).Err === undefined) acknowledged.push(name)
    }
    let refusal: string | undefined
    for (let count = 0; refusal === undefined; count++) {
      refusal = (await daemon.plugin.create(`filler${count}`)).Err
      if (refusal === undefined) acknowledged.push(`filler${count}`)
    }
    t.match(refusal, `free some space on the file system of ${daemon.root}`)
    const known = [...acknowledged].sort()
    t.strictSame(await names(daemon), known)
    t.strictSame(readdirSync(daemon.volumes).sort(), ['.convoy', ...known], 'nothing of the refused one was made')
    t.match((await daemon.plugin.remove('first')).Err, 'free some space')
    t.match(await daemon.control('DELETE', '/v1/volumes/first'), { text: /free some space/ })
    t.strictSame(await names(daemon), known)
    t.strictSame(await daemon.plugin.unmount('db', 'a1'), {})

    await daemon.kill()
    await daemon.start({ ...settings, isIncomplete: true })
    t.strictSame(await names(daemon), known, 'a start on the full disk knows them all')
    t.match((await daemon.plugin.create('new')).Err, 'free some space')
    await daemon.kill()
    disk.free()
    await daemon.start(settings)
    t.strictSame(await names(daemon), known)
    t.strictSame(await daemon.plugin.create('new'), {})
    t.strictSame(await daemon.plugin.remove('first'), {})
    await daemon.stop()
  },
)

t.test('DB05: a disk of the database without free inodes serves what it has and starts again', needs, async (t) => {
  const opened = await onSmallDisk(t, ['-N', '48'])
  const { daemon, disk, settings } = opened
  await daemon.plugin.create('db')
  await daemon.plugin.mount('db', 'a1')
  disk.fillInodes()
  t.strictSame(await daemon.plugin.unmount('db', 'a1'), {})
  t.match(await daemon.plugin.mount('db', 'b2'), { Mountpoint: daemon.volume('db') })
  t.strictSame(await daemon.plugin.create('next'), {}, 'a change needs no new file')
  t.equal((await daemon.control('DELETE', '/v1/volumes/next')).status, 200)
  const job = await endedJob(daemon, 1)
  t.equal(job.state, 'failed', 'a job needs a folder')
  t.match(job.error, /^cannot start a process: ENOSPC.*is it full \(df, df -i\)/)
  for (const end of ['kill', 'stop'] as const) {
    await daemon[end]()
    await daemon.start(settings)
    t.strictSame(await names(daemon), ['db'], end)
    t.match(await daemon.status('db'), { mounts: 1 })
    t.strictSame(await daemon.plugin.create(`after-${end}`), {})
    t.strictSame(await daemon.plugin.remove(`after-${end}`), {})
  }
  disk.free()
  await restartLater(opened, 1.1)
  t.match(await endedJob(daemon, 2), { state: 'succeeded' }, 'it is tried again')
  t.strictSame(readdirSync(daemon.volume('.convoy', 'trash')), [])
})
