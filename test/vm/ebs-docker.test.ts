import t, { type Test } from 'tap'
import { ec2Endpoint, ec2Environment, GuestCloud } from './guest-cloud.js'
import { HostGuest } from './host-guest.js'
import { Lab } from './lab.js'
import { guestRequirements } from './prerequisites.js'

const options = guestRequirements(t)

interface World {
  readonly cloud: GuestCloud
  readonly host: HostGuest
}

const configuration = `drivers:\n  ebs:\n    endpoint: ${ec2Endpoint}\n`
const environment = Object.entries(ec2Environment).map(([name, value]) => `${name}=${value}\n`)
const create = 'docker volume create -d convoy -o size=1G'

/** Prints the checksum of what it has just written, then counts its starts. */
const tenant = `docker run --detach --restart=always --name tenant -v pg:/data --volume-driver convoy busybox sh -c '
  echo started >> /data/log; [ -e /data/file ] || dd if=/dev/urandom of=/data/file bs=64K count=64 2>/dev/null; sync
  busybox sha256sum /data/file; exec sleep 100000'`

t.test('a host whose containers have volumes on EBS', options, async (t) => {
  const lab = Lab.open(t)
  const cloud = await GuestCloud.open(t, lab)
  const { id, forwards } = await cloud.addInstance('host')
  const host = new HostGuest(lab, { forwards, onBoot: (guest) => cloud.disks.start(id, guest) })
  const world = { cloud, host }
  await host.boot()
  await host.unpack()
  await host.sh('docker import /guest/busybox.tar busybox:latest && mkdir -p /etc/convoy')
  await host.guest.write('/etc/convoy/convoy.yaml', configuration)
  await host.guest.write('/etc/convoy/convoy.env', environment.join(''))
  await host.sh('cd /root/package && npm run install:host')

  await t.test('a container gets a disk that was made for it, from within the sandbox of the unit', (t) =>
    testContainer(t, world),
  )
  await t.test('it is back after a reboot, with its data', async (t) => {
    const before = await host.sh('docker logs tenant')
    await host.reboot()
    t.match(await host.sh('docker ps --format "{{.Names}} {{.Status}}"'), /^tenant Up/)
    t.equal(await host.sh('docker logs tenant'), `${before}\n${before}`)
    t.equal(await host.sh('docker exec tenant cat /data/log'), 'started\nstarted')
  })
  await t.test('what Docker removes is forgotten and keeps its data, or is deleted, as it was created', (t) =>
    testRemoval(t, world),
  )
})

async function testContainer(t: Test, { cloud, host }: World): Promise<void> {
  await host.sh(`${create} pg`)
  const { id, attachments } = cloud.volumeNamed('pg')
  t.strictSame(attachments, [])
  await host.sh(tenant)
  await host.sh('until docker logs tenant | grep -q file; do sleep 1; done')
  t.equal(cloud.cloud.volume(id).state, 'in-use')
  const [seen] = (await host.sh('docker logs tenant')).split(' ')
  t.match(
    await host.sh('sha256sum "$(docker volume inspect --format "{{.Mountpoint}}" pg)/file"'),
    new RegExp(`^${seen} `),
  )
  t.match(await host.sh('docker exec tenant ls -A /data'), /^file\nlog$/)
  t.match(await host.sh('docker exec tenant cat /proc/mounts'), /^\/dev\/nvme\S+ \/data ext4 rw,nosuid,nodev/m)
  t.notMatch(await host.sh('journalctl -b -u convoy --no-pager'), /not permitted|permission denied/i)
}

async function testRemoval(t: Test, { cloud, host }: World): Promise<void> {
  const { id } = cloud.volumeNamed('pg')
  await host.sh('docker rm -f tenant && docker volume rm pg')
  await cloud.untilFree(id)
  t.equal(await host.sh('docker volume ls -q'), '')
  const write = 'docker run --rm -v scratch:/data --volume-driver convoy busybox sh -c "echo data > /data/file"'
  await host.sh(`${create} -o fsType=xfs -o onRemove=delete scratch && ${write}`)
  const scratch = cloud.volumeNamed('scratch')
  await host.sh('docker volume rm scratch')
  await cloud.untilDeleted(scratch.id)
  await host.sh(`${create} pg`)
  t.equal(cloud.volumeNamed('pg').id, id, 'the volume of that name is taken back')
  const read = 'docker run --rm -v pg:/data --volume-driver convoy busybox cat /data/log'
  t.equal(await host.sh(read), 'started\nstarted')
}
