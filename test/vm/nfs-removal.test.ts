import t, { type Test } from 'tap'
import { eventually, patienceMs } from '../engine/polling.js'
import { convoyDisk, GuestConvoy } from './guest-convoy.js'
import type { Guest } from './guest.js'
import { Lab } from './lab.js'
import { guestRequirements } from './prerequisites.js'
import { diskDevice } from './qemu-command.js'

const options = guestRequirements(t)
const serverAddress = '10.99.0.1'
const share = `${serverAddress}:/srv/export`
const squashed = `${serverAddress}:/squashed`

const exports =
  "/guest/nfsd-start '/srv/export *(rw,no_subtree_check,no_root_squash)' '/squashed *(rw,no_subtree_check,root_squash)'"

interface World {
  readonly server: Guest
  readonly client: Guest
  readonly convoy: GuestConvoy
}

t.test('what volumes on NFS take, belong to, and leave behind', options, async (t) => {
  const lab = Lab.open(t)
  const disks = ['export', 'squashed'].map((name) => ({ file: lab.blankDisk(name, 64) }))
  const state = { file: lab.blankDisk('state', 128) }
  const [server, client] = await Promise.all([
    lab.boot('server', { address: `${serverAddress}/24`, disks }),
    lab.boot('client', { address: '10.99.0.2/24', cpus: 2, memoryMib: 1024, disks: [convoyDisk(lab), state] }),
  ])
  await server.sh('mkfs.ext4 -q -m 0 /dev/vdb && mount /dev/vdb /srv && mkdir /srv/export')
  await server.sh('mkfs.ext4 -q /dev/vdc && mkdir /squashed && mount /dev/vdc /squashed && rmdir /squashed/lost+found')
  await server.sh(`chown 65534:65534 /squashed && ${exports}`)
  await client.sh(`mkfs.ext4 -q ${diskDevice(1)} && mkdir -p /var/lib/convoy && mount ${diskDevice(1)} /var/lib/convoy`)
  const convoy = await GuestConvoy.start(client, 'nfs', [`share=${share}`])
  const world = { server, client, convoy }

  await t.test('NF09 where root is squashed, what cannot be is refused, and the rest is said', (t) =>
    testSquashed(t, world),
  )
  await t.test('NF18 a file that is still open is waited for, also when the job is killed meanwhile', (t) =>
    testHeldOpen(t, world),
  )
  await t.test('NF22 a volume over its limit, and a share that is nearly full, are told once', (t) =>
    testFull(t, world),
  )
})

async function testSquashed(t: Test, { convoy, server }: World): Promise<void> {
  // The first to be made waits until the share has been read.
  await eventually('a volume is made', async () => (await convoy.cli('create --opt uid=999 given')) === 'given')
  const refusal = await convoy.refusal(`create --opt share=${squashed} --opt uid=999 refused`)
  t.match(refusal, /root_squash.*65534:65534/s)
  t.equal(await server.sh('ls /squashed; ls /squashed/.convoy/volumes /squashed/.convoy/trash | grep json || true'), '')
  await convoy.cli(`create --opt share=${squashed} works`)
  t.equal(await server.sh('stat -c %u:%g /squashed/works'), '65534:65534')
  t.match(await convoy.driverInfo('works'), { Ownership: /squashed.*65534:65534/, CopyUp: /nocopy/ })
  t.equal(await server.sh('stat -c %u /srv/export/given'), '999')
  t.notMatch(await convoy.driverInfo('given'), { Ownership: /./ })
}

async function testHeldOpen(t: Test, { client, convoy, server }: World): Promise<void> {
  await convoy.cli('create held')
  const path = (await convoy.cli('mount held')).trim()
  await client.sh(`cd ${path} && mkdir deep && echo data > deep/file && echo more > other`)
  await client.sh(`setsid sh -c 'exec sleep 100000 <${path}/deep/file' >/dev/null 2>&1 & echo $! >/root/holder`)
  await convoy.cli('umount held')
  await convoy.cli('delete held')
  await convoy.cli('trash empty --yes')
  const waiting = () => findJob(convoy, /"waitsFor": "a process of this host to close \\"deep\/\.nfs/)
  const first = await eventually('it waits', waiting)
  t.match(await server.sh('find /srv/export/.convoy/trash -name ".nfs*" | wc -l'), '1', 'all else is gone')
  t.equal(await server.sh('find /srv/export/.convoy/trash -name other | wc -l'), '0')
  await client.sh(`kill -9 ${/"pid": (\d+)/.exec(first)?.[1] ?? ''}`)
  await eventually('the next one waits', async () =>
    ((await waiting()) ?? '').includes('"attempts": 2') ? true : undefined,
  )
  await client.sh('kill $(cat /root/holder)')
  await eventually('it is done', () => findJob(convoy, /"state": "succeeded"/))
  t.equal(await server.sh('ls /srv/export/.convoy/trash'), '')
}

async function findJob(convoy: GuestConvoy, pattern: RegExp): Promise<string | undefined> {
  const jobs = await convoy.cli('jobs')
  return pattern.test(jobs) ? jobs : undefined
}

async function testFull(t: Test, { client, convoy }: World): Promise<void> {
  const told = async (type: string) =>
    (await convoy.cli('events --since 0 --no-follow --format json'))
      .split('\n')
      .filter((line) => line.includes(`"${type}"`))
  await convoy.cli('create --opt size=10M limited')
  const path = (await convoy.cli('mount limited')).trim()
  await client.sh(`dd if=/dev/zero of=${path}/big bs=1M count=52 conv=fsync`)
  t.match(await convoy.cli('du limited'), /^52(?:\.\d)? MiB of 10 MiB/)
  t.match(await convoy.driverInfo('limited'), { SizeLimit: 'soft', SizeEnforced: 'false', Used: /^5[45]\d{6}$/ })
  const nearlyFull = async () => (await told('driver.nearly-full')).length > 0
  await eventually('the share is told to be nearly full', nearlyFull, 2 * patienceMs)
  t.match(await told('driver.nearly-full'), [new RegExp(share)])
  t.match(await told('driver.nearly-full'), [/"percent":9\d/])
  t.match(await convoy.cli('info'), new RegExp(`"${share}": ".* of .* free, 9\\d% full"`))
  await client.sh(`rm ${path}/big`)
  await convoy.cli('du limited')
  await eventually('it has room', async () => (await told('driver.has-room')).length > 0, 2 * patienceMs)
  t.equal((await told('driver.nearly-full')).length, 1)
  t.match(await told('volume.over-limit'), [/"volume":"limited".*"usedBytes":5[45]\d{6}\b/])
  t.match(await told('volume.within-limit'), [/"volume":"limited"/])
  t.equal(await client.sh('pgrep -xc du || true'), '0', 'nothing that measures is left')
}
