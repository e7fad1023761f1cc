import t from 'tap'
import { eventually } from '../../engine/polling.js'
import { daemonOnDisk, names, needs } from './daemon-on-disk.js'

for (const below of ['', '/on/the/disk']) {
  t.test(
    `a disk of volumes that is mounted after the daemon started is waited for${below && ', below it'}`,
    needs,
    async (t) => {
      const { daemon, disk, settings } = await daemonOnDisk(t, { holds: 'volumes' })
      const path = `${daemon.volumes}${below}`
      const there = { ...settings, args: ['--driver-opts', `vfs.path=${path}`] }
      disk.run('mkdir', '-p', path)
      await daemon.start(there)
      await daemon.plugin.create('db')
      disk.run('sh', '-c', 'echo kept > "$0/db/file"', path)
      await daemon.stop()
      disk.run('umount', daemon.volumes)
      await daemon.start(there)
      const from = daemon.output.length
      t.strictSame(await names(daemon), ['db'])
      const mounting = daemon.plugin.mount('db', 'a1')
      await eventually('the mount waits', () =>
        daemon.output.includes('"msg":"the storage is not there yet: waiting for it"'),
      )
      const info = async () => (await daemon.control('GET', '/v1/info')).text
      t.match(await info(), /"Unavailable":".*mount the disk or share/)
      t.match(await daemon.plugin.get('db'), { Volume: { Name: 'db', Status: { state: 'ready' } } })
      t.equal(disk.run('ls', '-A', daemon.volumes), '', 'nothing is written where the disk belongs')
      disk.run('mount', '-t', 'ext4', '-o', 'loop', `${daemon.volumes}.img`, daemon.volumes)
      t.match(await mounting, { Mountpoint: `${path}/db`, Err: undefined })
      t.equal(disk.run('cat', `${path}/db/file`), 'kept\n')
      t.notMatch(await info(), 'Unavailable')
      t.notMatch(daemon.output.slice(from), '"level":50', 'none of it is an error of the daemon')
      t.strictSame(await daemon.plugin.unmount('db', 'a1'), {})
    },
  )
}
