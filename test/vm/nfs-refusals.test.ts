import t, { type Test } from 'tap'
import { eventually } from '../engine/polling.js'
import { Lab } from './lab.js'
import { NfsWorld, share } from './nfs-world.js'
import { guestRequirements } from './prerequisites.js'

const options = guestRequirements(t)
/** How long mount(8) may take. */
const mountDeadlineMs = 30_000

t.test('what an NFS server refuses, and what becomes of it', options, async (t) => {
  const world = await NfsWorld.open(Lab.open(t))
  await world.convoy.cli('create one')
  t.equal(await world.hold('one', 'echo data > file; cat file'), 'data')

  await t.test('an export for other hosts is refused, and nothing is made', async (t) => testDenied(t, world))
  await t.test('NF22 a full share refuses a volume, which can be made when there is room', async (t) =>
    testFull(t, world),
  )
  await t.test('NF11 NFS 3 without its lock service is explained, and works with it', async (t) => testLocks(t, world))
  await t.test('an export that is taken away and comes back serves again', async (t) => testRemoved(t, world))
  await t.test('NF06 a server that answers just after the deadline is mounted once', async (t) => testLate(t, world))
})

async function testDenied(t: Test, { server, convoy }: NfsWorld): Promise<void> {
  await server.sh("mkdir /denied && mount -t tmpfs denied /denied && exportfs -o rw,fsid=7 '10.99.0.77:/denied'")
  const said = await convoy.refusal('create --opt share=store:/denied bad')
  t.match(said, /access denied|No such file/)
  t.notMatch(await convoy.cli('ls -q'), /bad/)
  t.equal(await server.sh('ls -A /denied'), '')
}

async function testFull(t: Test, world: NfsWorld): Promise<void> {
  const { server, convoy } = world
  await server.sh(
    'mkdir /full && mount -t tmpfs -o size=256k full /full && (dd if=/dev/zero of=/full/fill 2>/dev/null; true)',
  )
  await server.sh("exportfs -o rw,fsid=8,no_root_squash,no_subtree_check '*:/full'")
  const create = 'create --opt share=store:/full much'
  t.match(await convoy.refusal(create), /ENOSPC.*free some space/s)
  t.notMatch(await convoy.cli('ls -q'), /much/)
  t.equal(await server.sh('ls /full'), 'fill')
  await server.sh('rm /full/fill')
  await convoy.cli(create)
  t.equal(await world.hold('much', 'echo 1 > file; cat file'), '1')
}

async function testLocks(t: Test, world: NfsWorld): Promise<void> {
  const { client, convoy } = world
  const create = `create --opt share=${share}/one --opt mountoptions=nfsvers=3 locked`
  t.match(await convoy.refusal(create), /statd is not running.*nolock/s)
  // One that mount.nfs has started is of no use: it could not register itself.
  await client.sh('mkdir -p /run/rpcbind /var/lib/nfs/sm /var/lib/nfs/sm.bak && rpcbind -w')
  await client.sh('pkill -x rpc.statd; while pgrep -x rpc.statd; do sleep 0.2; done; rpc.statd')
  await convoy.cli(create)
  t.equal(await world.hold('locked', 'touch file && flock file echo locked'), 'locked')
}

async function testRemoved(t: Test, world: NfsWorld): Promise<void> {
  const { server, convoy } = world
  await server.sh("exportfs -u '*:/srv/export' && exportfs -f")
  t.match(await convoy.refusal('create bad'), /ESTALE|No such file|denied/)
  t.match(await convoy.cli('ls -q'), /one/)
  await server.sh("exportfs -o rw,no_subtree_check,no_root_squash '*:/srv/export'")
  await convoy.cli('create two')
  t.equal(await world.hold('one', 'cat file'), 'data')
}

async function testLate(t: Test, world: NfsWorld): Promise<void> {
  const { server, client, convoy } = world
  await client.sh(`umount -l $(grep '^${share} ' /proc/mounts | cut -d' ' -f2)`)
  server.freeze()
  await client.sh(`setsid ${convoy.command('mount one')} >/root/mounted 2>&1 </dev/null &`)
  await eventually('it is being mounted', async () => (await client.sh('pgrep -c mount.nfs || true')) !== '0')
  await new Promise((resolve) => setTimeout(resolve, mountDeadlineMs))
  server.thaw()
  await eventually('it is mounted', async () => (await client.sh('cat /root/mounted')).includes('one'), 200_000)
  t.equal(
    await client.sh(`cat /root/mounted; cat $(cat /root/mounted)/file`).then((text) => text.split('\n').at(-1)),
    'data',
  )
  t.equal(await client.sh(`grep -c '^${share} ' /proc/mounts`), '1')
  t.equal(await client.sh('pgrep -c mount.nfs || true'), '0')
  await convoy.cli('umount one')
}
