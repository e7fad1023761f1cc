import t from 'tap'
import { eventually } from '../engine/polling.js'
import { Lab } from './lab.js'
import { guestRequirements } from './prerequisites.js'

const options = guestRequirements(t)

t.test('two guests with a network, volumes and an NFS server', options, async (t) => {
  const lab = Lab.open(t)
  const [server, client] = await Promise.all([
    lab.boot('server', { address: '10.99.0.1/24', disks: [{ file: lab.blankDisk('export', 64) }] }),
    lab.boot('client', { address: '10.99.0.2/24' }),
  ])

  await t.test('a command says how it ended and what it wrote', async (t) => {
    t.match(await client.exec('echo out; echo err >&2; exit 3'), { code: 3, stdout: 'out\n', stderr: 'err\n' })
    t.match(await client.exec('sleep 60', 1000), { code: 137, isLate: true, isStuck: false })
    await t.rejects(client.sh('false'), /exit code 1/)
    const bytes = Buffer.from(Array.from({ length: 100_000 }, (_, index) => index % 256))
    await client.write('/a/new/file', bytes, 0o600)
    t.equal(
      await client.sh('stat -c "%s %a" /a/new/file; od -An -tx1 -j 255 -N 3 /a/new/file'),
      '100000 600\n ff 00 01',
    )
  })

  await t.test('the clock of a guest goes as fast as ours', async (t) => {
    const seconds = async () => Number(await client.sh('date +%s.%N'))
    const [ours, theirs] = [performance.now(), await seconds()]
    await client.sh('sleep 2')
    const rate = ((await seconds()) - theirs) / ((performance.now() - ours) / 1000)
    t.ok(rate > 0.7 && rate < 1.3, `${rate.toFixed(2)} of their seconds in one of ours`)
  })

  await t.test('a volume looks like one of EBS, and takes its data from one guest to the other', async (t) => {
    const volume = lab.volume('vol-0123456789abcdef0', 64)
    const device = await server.attach(volume)
    const model = await server.sh(`cat /sys/block/${device.replace('/dev/', '')}/device/model`)
    t.equal(model.trim(), 'Amazon Elastic Block Store')
    await server.sh(`mkfs.ext4 -q ${device} && mount ${device} /mnt && echo moved >/mnt/data && umount /mnt`)
    await t.rejects(client.attach(volume), /"write" lock/, 'one guest has it at a time')
    await server.detach(volume)
    t.not((await server.exec(`test -e ${device}`)).code, 0)
    const moved = await client.attach(volume)
    t.equal(await client.sh(`mount ${moved} /mnt && cat /mnt/data && umount /mnt`), 'moved')
    await client.detach(volume)
  })

  await t.test(
    'one guest mounts what the other exports, and a frozen server hangs its client until it thaws',
    async (t) => {
      await server.sh('mkfs.ext4 -q /dev/vdb && mkdir /export && mount /dev/vdb /export && echo shared >/export/file')
      await server.sh("/guest/nfsd-start '/export *(rw,no_subtree_check,no_root_squash)'")
      await client.sh('mkdir /nfs && mount -t nfs -o vers=4.2,hard,noac 10.99.0.1:/export /nfs')
      t.equal(await client.sh('cat /nfs/file'), 'shared')
      server.freeze()
      t.match(await client.exec('ls -l /nfs', 3000), { isLate: true })
      server.thaw()
      await eventually('the server answers again', async () => (await client.exec('ls -l /nfs', 5000)).code === 0)
      await client.sh('umount /nfs')
    },
  )
})
