import { build } from 'esbuild'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { HostGuest } from './host-guest.js'
import { Lab } from './lab.js'
import { guestRequirements } from './prerequisites.js'

const options = { ...guestRequirements(t), timeout: 45 * 60_000 }
t.setTimeout(options.timeout)

/** Settings of a unit that hide its mounts from the host (failures.md, section 5). */
const forbidden = [
  'PrivateTmp=yes',
  'PrivateDevices=yes',
  'PrivateMounts=yes',
  'PrivateIPC=yes',
  'ProtectSystem=full',
  // Without a place to write no daemon gets as far as mounting.
  'ProtectSystem=strict -p ReadWritePaths=/var/lib/convoy',
  'ProtectHome=yes',
  'ProtectProc=invisible',
  'ProcSubset=pid',
  'ProtectKernelTunables=yes',
  'ProtectKernelModules=yes',
  'ProtectKernelLogs=yes',
  'ProtectControlGroups=yes',
  'ReadOnlyPaths=/usr',
  'InaccessiblePaths=/srv',
  'TemporaryFileSystem=/mnt',
]

/** Says whether the host sees what it mounts. */
const probe = `
  import { findMountsHidden } from './mount-visibility.js'
  import { SystemMounter } from './mounter.js'
  const call = { signal: AbortSignal.timeout(60000), log: console }
  const directory = '/var/lib/convoy/mounts/.self-test'
  void findMountsHidden({ mounter: new SystemMounter(), directory }, call)
    .then((hidden) => console.log(hidden === undefined ? 'seen' : 'hidden'))`

/** One file: an installed program has no modules. */
async function bundledProbe(): Promise<string> {
  const resolveDir = fileURLToPath(new URL('../../src/host', import.meta.url))
  const { outputFiles } = await build({
    stdin: { contents: probe, resolveDir },
    bundle: true,
    platform: 'node',
    write: false,
  })
  return outputFiles[0]!.text
}

t.test('a host of a user, with systemd and Docker', options, async (t) => {
  const host = new HostGuest(Lab.open(t))
  await host.boot()
  await host.sh('docker import /guest/busybox.tar busybox:latest')
  const runs = 'docker run --detach --restart=always --volume-driver convoy'

  await t.test('it is installed from the tarball alone, and serves volumes', async (t) => {
    await host.unpack()
    t.match(await host.sh('cd /root/package && npm run install:host -- --dry-run'), 'Nothing was changed.')
    t.notMatch(await host.sh('ls /usr/local/lib /etc/systemd/system'), 'convoy')
    t.match(await host.sh('cd /root/package && npm run install:host'), 'Convoy runs, and will after each boot')
    t.match(await host.sh('cd /root/package && npm run install:host'), 'installed already')
    t.match(await host.sh('systemctl is-active convoy.socket convoy.service'), /^active\nactive$/)
    await host.sh(`${runs} --name tenant -v db:/data busybox sh -c 'echo started >> /data/log; sleep 100000'`)
    t.match(
      await host.sh('convoy ls; convoy version; man -w convoy 2>/dev/null; ls /usr/local/share/man/man8'),
      /db +vfs/,
    )
    t.equal(await host.sh('stat -c %a /run/docker/plugins/convoy.sock /run/convoy/convoy.sock'), '600\n600')
  })

  await t.test('the sandbox is as tight as mounting allows', async (t) => {
    const verdict = await host.sh('systemd-analyze security --no-pager convoy.service | tail -n 1')
    const score = Number(/: ([\d.]+) /.exec(verdict)?.[1])
    t.ok(score <= 5, verdict)
    t.comment(verdict)
  })

  await t.test('each setting that hides mounts from the host is found by the self-test', async (t) => {
    // What the daemon runs at its start, alone: a start takes half a minute here.
    await host.guest.write('/opt/probe.cjs', await bundledProbe())
    const seenWith = (setting: string) => {
      const property = setting === '' ? '' : `-p ${setting}`
      return host.sh(`systemd-run --quiet --wait --pipe ${property} /usr/local/bin/node /opt/probe.cjs`)
    }
    t.equal(await seenWith(''), 'seen')
    t.equal(await seenWith('MountFlags=shared'), 'seen')
    for (const setting of forbidden) t.equal(await seenWith(setting), 'hidden', setting)
    t.equal(await host.sh('grep -c self-test /proc/mounts || true'), '0', 'nothing is left mounted')
  })

  await t.test('with such a setting no volume is mounted, and the reason is said where people look', async (t) => {
    const dropIn = '/etc/systemd/system/convoy.service.d/x.conf'
    await host.guest.write(dropIn, '[Service]\nPrivateTmp=yes\n')
    await host.sh('systemctl daemon-reload && systemctl restart convoy')
    t.match(await host.attempt('docker run --rm -v db:/data --volume-driver convoy busybox true'), {
      code: 125,
      output: /mount namespace of its own.*PrivateTmp/s,
    })
    t.match(await host.sh('systemctl status convoy --no-pager'), /Status: "Docker would not see/)
    t.match(await host.sh('convoy ls'), /db +vfs/, 'what asks only is answered')
    await host.sh(`rm -r /etc/systemd/system/convoy.service.d && systemctl daemon-reload && systemctl restart convoy`)
    t.equal(await host.sh('docker run --rm -v db:/data --volume-driver convoy busybox cat /data/log'), 'started')
  })

  await t.test('after a reboot the containers are back with their data', async (t) => {
    await host.reboot()
    t.match(await host.sh('docker ps --format "{{.Names}} {{.Status}}"'), /^tenant Up/)
    t.equal(await host.sh('cat /var/lib/convoy/volumes/db/log'), 'started\nstarted')
    t.match(await host.sh('convoy ls --format "{{.Name}} {{.State}} {{.Mounts}}"'), 'db attached 1')
    t.notMatch(await host.sh('journalctl -b -u docker --no-pager'), /Unable to connect to plugin/)
  })

  await t.test('after a power cut in the middle of writing, all that was acknowledged is there', async (t) => {
    // What is acknowledged is synced before the next one: the disk of the test must not forget it either.
    const create = 'convoy create v$i && echo v$i >> /root/acknowledged && sync /root/acknowledged'
    await host.sh(`(for i in $(seq 500); do ${create}; done >/dev/null 2>&1 &)`)
    await host.sh('until [ "$(wc -l < /root/acknowledged)" -ge 5 ]; do sleep 1; done')
    await host.cutPower()
    t.equal(await host.sh('convoy ls -q | sort > /root/listed; sort /root/acknowledged | comm -23 - /root/listed'), '')
    t.match(await host.sh('docker ps --format "{{.Names}} {{.Status}}"'), /^tenant Up/)
    t.equal(await host.sh('convoy rebuild --format "{{.Name}}" 2>/dev/null'), '', 'database and storage agree')
  })

  await t.test('the daemon is killed while containers stop, and Docker is restarted', async (t) => {
    await host.sh('docker update --restart=no tenant')
    await host.sh('systemctl kill -s KILL convoy.service & docker stop -t 1 tenant; wait')
    await host.sh('until convoy ls >/dev/null 2>&1; do sleep 1; done')
    t.match(await host.sh('docker start tenant && convoy ls --format "{{.Name}} {{.State}}"'), 'db attached')
    await host.sh('docker update --restart=always tenant && systemctl restart docker')
    t.match(await host.sh('docker ps --format "{{.Names}} {{.Status}}"'), /^tenant Up/)
    t.equal(await host.sh('systemctl is-active convoy-activate.service'), 'active', 'Docker knows the plugin again')
  })

  await t.test('uninstalled, it leaves the volumes, and nothing that keeps Docker waiting', async (t) => {
    await host.sh('docker rm -f tenant')
    const said = await host.sh('cd /root/package && npm run uninstall:host')
    t.match(said, /volumes are still there/)
    t.notMatch(await host.sh('ls /run/docker/plugins /usr/local/lib /usr/local/bin /etc/systemd/system'), /convoy/)
    t.equal(await host.sh('head -n 1 /var/lib/convoy/volumes/db/log'), 'started')
    await host.sh('systemctl restart docker')
    const seconds = Number(await host.sh('s=$(date +%s); docker volume ls -q >/dev/null; echo $(($(date +%s) - s))'))
    t.ok(seconds < 15, `a ghost would cost 15 s: ${seconds} s`)
    t.match(await host.attempt('convoy ls'), { code: 127 })
  })
})
