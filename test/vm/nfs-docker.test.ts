import t, { type Test } from 'tap'
import { eventually } from '../engine/polling.js'
import { HostGuest } from './host-guest.js'
import { Lab } from './lab.js'
import { guestRequirements } from './prerequisites.js'

const { timeout, skip } = guestRequirements(t)
t.setTimeout(2 * timeout)

const isSoak = process.env['CONVOY_SOAK'] === '1'
const share = '127.0.0.1:/srv/share'
const data = '/srv/share/db/log'

/** The server that Docker itself starts: the kernel's, by a container that may do everything. */
const serverContainer = `docker run --detach --restart=always --name server --privileged --net=host --pid=host -v /:/host \
  busybox busybox chroot /host sh -c "mount -t rpc_pipefs x /run/rpc_pipefs; \
    sleep 15; /guest/nfsd-start '/srv/share *(rw,no_subtree_check,no_root_squash)'; exec sleep 100000"`

t.test(
  'volumes on a share whose server is a container of the same Docker',
  { skip, timeout: 2 * timeout },
  async (t) => {
    const host = new HostGuest(Lab.open(t))
    await host.boot()
    await host.unpack()
    await host.sh('docker import /guest/busybox.tar busybox:latest && mkdir -p /srv/share /etc/convoy')
    await host.guest.write('/etc/convoy/convoy.yaml', `drivers:\n  vfs:\n    share: ${share}\n`)
    await host.sh('cd /root/package && npm run install:host')
    const script = 'echo started >> /data/log; while sleep 1; do echo alive > /data/now; done'
    const tenant = `docker run --detach --restart=always --name tenant -v db:/data --volume-driver convoy busybox sh -c '${script}'`

    await t.test('a container that needs the share waits for the one that serves it', async (t) => {
      await host.sh(`${serverContainer} && ${tenant}`)
      t.equal(await host.sh(`cat ${data}`), 'started')
    })

    await t.test('what a container has of a share is in use, also while nothing else shows it', async (t) => {
      await testInUse(t, host)
    })

    await t.test('after a reboot both are back, with the data', async (t) => {
      await host.reboot()
      t.match(await host.sh('docker ps --format "{{.Names}} {{.Status}}" | sort'), /^server Up.*\ntenant Up/)
      t.equal(await host.sh(`until [ "$(wc -l < ${data})" = 2 ]; do sleep 1; done; cat ${data}`), 'started\nstarted')
    })

    if (isSoak)
      await t.test('after a power cut, too', async (t) => {
        await host.cutPower()
        await host.sh(`until [ "$(wc -l < ${data})" = 3 ]; do sleep 1; done`)
        t.match(await host.sh('docker ps --format "{{.Names}} {{.Status}}" | sort'), /^server Up.*\ntenant Up/)
      })

    await t.test('NF08 a container that keeps a mount of what is exported anew is named by doctor', async (t) => {
      await testDeadMount(t, host)
    })
  },
)

async function testInUse(t: Test, host: HostGuest): Promise<void> {
  const refused = { code: 1, output: /mounted|in use/ }
  t.match(await host.attempt('docker volume rm -f db'), refused)
  t.match(await host.attempt('convoy delete db'), refused)
  // Only the kernel knows of it now.
  await host.sh('systemctl stop convoy && rm /var/lib/convoy/convoy.db*')
  await host.sh('systemctl start convoy && until convoy ls -q | grep -q db; do sleep 1; done')
  t.match(await host.attempt('convoy delete db'), refused, 'while the share is mounted here')
  await host.sh("umount -l $(grep ' nfs4 ' /proc/mounts | head -n 1 | cut -d' ' -f2)")
  t.match(await host.attempt('convoy delete db'), refused, 'and while it is not')
  t.match(await host.sh('sleep 3; cat /srv/share/db/now'), 'alive')
}

async function testDeadMount(t: Test, host: HostGuest): Promise<void> {
  // An emulated Docker may need longer to answer than doctor waits.
  const examine = () =>
    eventually('Docker answers doctor', async () => {
      const { output } = await host.attempt('convoy doctor')
      return output.includes('Docker did not answer') ? undefined : output
    })
  t.notMatch(await examine(), /leads nowhere/)
  await host.sh('cp -a /srv/share /srv/new && rm -r /srv/share && mv /srv/new /srv/share && exportfs -f')
  // Whoever comes next has it mounted anew.
  await host.sh('docker run --rm -v db:/data --volume-driver convoy busybox cat /data/log')
  t.match(
    await examine(),
    /container tenant has a mount of .*\/srv\/share.* that leads nowhere.*docker restart tenant/s,
  )
  await host.sh('docker restart --time 1 tenant')
  t.notMatch(await examine(), /leads nowhere/)
}
