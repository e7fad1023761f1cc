import t, { type Test } from 'tap'
import { eventually } from '../engine/polling.js'
import { convoyDisk, GuestConvoy } from './guest-convoy.js'
import type { Guest } from './guest.js'
import { Lab } from './lab.js'
import { guestRequirements } from './prerequisites.js'
import { diskDevice } from './qemu-command.js'

const options = guestRequirements(t)
const serverAddress = '10.99.0.1'
const share = `${serverAddress}:/srv/export`

/** Directories of two disks. */
const exports =
  "/guest/nfsd-start '/srv/export *(rw,no_subtree_check,no_root_squash)' '/other *(rw,no_subtree_check,no_root_squash)'"

interface World {
  readonly server: Guest
  readonly client: Guest
  readonly convoy: GuestConvoy
}

t.test('volumes on NFS shares that the daemon mounts', options, async (t) => {
  const lab = Lab.open(t)
  const disks = ['export', 'other'].map((name) => ({ file: lab.blankDisk(name, 64) }))
  const state = { file: lab.blankDisk('state', 128) }
  const [server, client] = await Promise.all([
    lab.boot('server', { address: `${serverAddress}/24`, disks }),
    lab.boot('client', { address: '10.99.0.2/24', cpus: 2, memoryMib: 1024, disks: [convoyDisk(lab), state] }),
  ])
  await server.sh('mkfs.ext4 -q /dev/vdb && mount /dev/vdb /srv && mkdir /srv/export')
  await server.sh('mkfs.ext4 -q /dev/vdc && mkdir /other && mount /dev/vdc /other && rmdir /other/lost+found')
  await server.sh(exports)
  await client.sh(`mkfs.ext4 -q ${diskDevice(1)} && mkdir -p /var/lib/convoy && mount ${diskDevice(1)} /var/lib/convoy`)
  const convoy = await GuestConvoy.start(client, 'nfs', [`share=${share}`])
  const world = { server, client, convoy }

  await t.test('a share is mounted once, when it is needed, and safely', async (t) => testMount(t, world))
  await t.test('a volume may name a share of its own, and how it is mounted', async (t) => testOwnShare(t, world))
  await t.test('what cannot be mounted is refused in the words of the server, and nothing is made', async (t) =>
    testRefusals(t, world),
  )
  await t.test('a share that somebody unmounted is mounted again', async (t) => {
    await hold(world, 'one', 'true')
    await client.sh(`umount -l ${await mountpointOf(world, share)}`)
    t.equal(await hold(world, 'one', 'cat file'), 'data')
  })
  await t.test('a share that its last volume has left is not kept mounted', async () => testLeft(world))
  await t.test('NF08 a share whose directory was made anew is mounted anew', async (t) => testStale(t, world))
  await t.test('NF01 while a server hangs, all else is served, and a mount waits for it', async (t) =>
    testHang(t, world),
  )
})

async function testMount(t: Test, world: World): Promise<void> {
  const { client, convoy, server } = world
  t.equal(await client.sh('grep -c " nfs4 " /proc/mounts || true'), '0', 'not before it is needed')
  for (const name of ['one', 'two']) await convoy.cli(`create ${name}`)
  t.equal(await hold(world, 'one', 'echo data > file; cat file'), 'data')
  t.equal(await server.sh('cat /srv/export/one/file; ls /srv/export'), 'data\none\ntwo')
  const mounts = (await client.sh('grep " nfs4 " /proc/mounts')).split('\n')
  t.equal(mounts.length, 1)
  for (const option of ['vers=4.2', 'hard', 'nosuid', 'nodev']) t.match(mounts[0], new RegExp(`[ ,]${option}[ ,]`))
  const mountpoint = await mountpointOf(world, share)
  t.equal(await client.sh(`umount ${mountpoint}; stat -c "%a %U" ${mountpoint}`), '0 root', 'closed while it is empty')
}

async function testOwnShare(t: Test, world: World): Promise<void> {
  const { client, convoy, server } = world
  const other = `${serverAddress}:/other`
  await convoy.cli(`create --opt share=${other} --opt mountoptions=nfsvers=3,nolock own`)
  t.equal(await hold(world, 'own', 'echo own > file; cat file'), 'own')
  t.equal(await server.sh('cat /other/own/file'), 'own')
  t.match(await client.sh(`grep ${other} /proc/mounts`), /vers=3/)
  t.match(await convoy.cli('ls -q'), /own/)
  await convoy.cli('delete own')
  await eventually('its data is gone from there', async () =>
    (await server.sh('ls /other')).includes('own') ? undefined : true,
  )
  t.equal(await server.sh('ls /srv/export'), 'one\ntwo', 'and only there')
  // What follows from this is looked at later.
  await convoy.cli('trash empty own --yes')
}

async function testLeft({ client, convoy }: World): Promise<void> {
  await eventually('it is not mounted any longer', async () =>
    (await client.sh(`grep -c ${serverAddress}:/other /proc/mounts || true`)) === '0' ? true : undefined,
  )
  // The mountpoint has to go, too, before it is said.
  await eventually('it is said', async () =>
    (await convoy.log()).includes('"a share that no volume is on any more is not mounted any longer"')
      ? true
      : undefined,
  )
  await eventually('neither is a share known on which no volume could be made', async () =>
    (await client.sh('ls /var/lib/convoy/nfs/shares | grep -c json || true')) === '0' ? true : undefined,
  )
}

async function testRefusals(t: Test, { client, convoy, server }: World): Promise<void> {
  const refuse = async (source: string, pattern: RegExp, more = '') =>
    t.match(await convoy.refusal(`create --opt share=${source} ${more} bad`), pattern, source)
  await refuse(`${serverAddress}:/nowhere`, /No such file or directory|denied.*showmount/s)
  await refuse('10.99.0.77:/export', /No route|timed out|did not end/)
  await refuse(share, /suid.*never/s, '--opt mountoptions=suid')
  await refuse(share, /nconnect=99/, '--opt mountoptions=nconnect=99')
  await refuse('/export', /SERVER:\/EXPORT/)
  await server.sh("exportfs -o ro '10.99.0.2:/mnt'")
  await refuse(`${serverAddress}:/mnt`, /read-only/i)
  await server.sh("exportfs -u '10.99.0.2:/mnt'")
  t.notMatch(await convoy.cli('ls -q'), /bad/)
  t.equal(await server.sh('ls /other /srv/export'), '/other:\n\n/srv/export:\none\ntwo')
  t.equal(await client.sh('pgrep -c mount.nfs || true'), '0', 'no child is left')
}

async function testStale(t: Test, world: World): Promise<void> {
  const { server } = world
  await hold(world, 'one', 'true')
  await server.sh('cp -a /srv/export /srv/new && rm -r /srv/export && mv /srv/new /srv/export && exportfs -f')
  t.equal(await hold(world, 'one', 'cat file'), 'data')
  t.match(await world.convoy.log(), /led nowhere/)
}

async function testHang(t: Test, world: World): Promise<void> {
  const { client, convoy, server } = world
  await client.sh('/guest/nfsd-start "/srv *(rw,no_subtree_check,no_root_squash,fsid=1)" && mkdir -p /srv')
  await convoy.cli('create --opt share=127.0.0.1:/srv local')
  server.freeze()
  await client.sh(`setsid ${convoy.command('mount one')} >/root/mounted 2>&1 </dev/null &`)
  t.equal(await hold(world, 'local', 'echo here > file; cat file'), 'here')
  t.match(await convoy.cli('ls -q'), /local\none\ntwo/)
  t.match(await convoy.cli('inspect one'), /"one"/)
  await convoy.cli('create --opt share=127.0.0.1:/srv another')
  t.equal(await client.sh('cat /root/mounted'), '', 'it waits')
  server.thaw()
  t.match(await eventually('it is mounted', async () => (await client.sh('cat /root/mounted')) || undefined), /one/)
  t.equal(await hold(world, 'one', 'cat file'), 'data')
  t.equal(await client.sh('pgrep -fc [f]ile-process-main || true'), '1', 'one process for all that answer')
}

/** Mounts the volume as Docker would, runs a script in it, and gives it back. */
async function hold({ client, convoy }: World, volume: string, script: string): Promise<string> {
  const path = (await convoy.cli(`mount ${volume}`)).trim()
  try {
    return await client.sh(`cd ${path} && { ${script}; }`)
  } finally {
    await convoy.cli(`umount ${volume}`)
  }
}

async function mountpointOf({ client }: World, source: string): Promise<string> {
  return await client.sh(`grep '^${source} ' /proc/mounts | cut -d' ' -f2`)
}
