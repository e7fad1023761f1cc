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
  const unheard = () => undefined
  const log = { debug: unheard, info: unheard, warn: console.error, error: console.error }
  const call = { signal: AbortSignal.timeout(60000), log }
  const directory = process.argv[2]
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

const pluginSocket = '/run/docker/plugins/convoy.sock'
const spec = '/etc/docker/plugins/convoy.spec'
/** What npm would start: npm alone takes five seconds here. */
const installWith = (flags: string) => `(cd /root/package && exec node build/program/install.js install ${flags})`
const install = installWith('')

t.test('a host of a user, with systemd and Docker', options, async (t) => {
  const host = new HostGuest(Lab.open(t))
  await host.boot()
  await host.sh('docker import /guest/busybox.tar busybox:latest')
  const runs = 'docker run --detach --restart=always --volume-driver convoy'

  await t.test('where it cannot be installed, it says why, and leaves everything as it was', async (t) => {
    await host.unpack()
    const readOnly = (path: string) => `mount --bind ${path} ${path} && mount -o remount,bind,ro ${path}`
    const listen = `perl -MSocket -e 'socket S, PF_UNIX, SOCK_STREAM, 0; bind S, pack_sockaddr_un("${pluginSocket}"); listen S, 1; sleep 999'`
    const old = `printf '#!/bin/sh\necho systemd 219' > /opt/systemctl && chmod 755 /opt/systemctl`
    await host.sh(`mkdir -p /etc/docker/plugins /run/docker/plugins; ${old}; ls -R /usr/local /etc > /root/before`)
    // What is in the way, how it goes again, and what is said of it.
    const cases = [
      ['mount -t tmpfs none /run/systemd', 'umount /run/systemd', /systemd does not run here.*--no-systemd/],
      ['PATH=/opt:$PATH', ':', /systemd 219 is older.*--no-systemd/],
      [readOnly('/usr'), 'umount -l /usr', /read-only file system.*\/usr\/local\/.*remount it/],
      [readOnly('/etc'), 'umount -l /etc', /read-only file system.*\/etc\/.*remount it/],
      ['echo mine > /usr/local/bin/convoy', 'rm /usr/local/bin/convoy', /in the way: \/usr\/local\/bin\/convoy/],
      [`echo tcp://[::1]:1 > ${spec}`, `rm ${spec}`, /in the way: \/etc\/docker\/plugins\/convoy.spec/],
      [
        `${listen} & sleep 2`,
        `kill %1; rm ${pluginSocket}`,
        /did not start listens on .*convoy.sock.*stop that program/,
      ],
    ] as const
    for (const [prepare, restore, says] of cases) {
      const { code, output } = await host.attempt(`${prepare}\n${install}\nstatus=$?; ${restore}; exit $status`)
      t.match({ code, output }, { code: 1, output: says }, prepare)
    }
    t.equal(await host.sh('rm -r /opt/systemctl; ls -R /usr/local /etc | diff /root/before - || true'), '')
  })

  await t.test('killed while it copies, or while another one runs, it is completed by the next', async (t) => {
    const until = (condition: string) => `until ${condition}; do sleep 0.2; done`
    const copying = until('ls -d /usr/local/lib/convoy/*.partial/* >/dev/null 2>&1')
    const second = await host.attempt(`${install} & ${copying}; ${install}; status=$?; kill -9 %1; exit $status`)
    t.match(second, { code: 1, output: /another process installs or uninstalls.*wait for its end/ })
    t.match(await host.sh('ls /usr/local/lib/convoy /usr/local/bin'), /partial/)
    t.match(await host.sh(`cd /root/package && npm run uninstall:host`), /volumes are still there/)
    t.notMatch(await host.sh('ls /usr/local/lib /usr/local/bin /etc/systemd/system'), 'convoy')
    await host.sh(`${install} & ${copying}; kill -9 %1`)
  })

  await t.test('it is installed from the tarball alone, and serves volumes', async (t) => {
    t.match(await host.sh(installWith('--dry-run')), 'Nothing was changed.')
    t.notMatch(await host.sh('ls /usr/local/bin /etc/systemd/system'), 'convoy')
    t.match(await host.sh('cd /root/package && npm run install:host'), 'Convoy runs, and will after each boot')
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
    const verdictOn = async (setting: string) => {
      const property = setting === '' ? '' : `-p ${setting}`
      const directory = `/var/lib/convoy/mounts/.self-test-$$`
      const node = '/usr/local/bin/node /opt/probe.cjs'
      return `${setting}: ${await host.sh(`systemd-run --quiet --wait --pipe ${property} ${node} ${directory}`)}`
    }
    const harmless = ['', 'MountFlags=shared']
    const settings = [...harmless, ...forbidden]
    // Two at a time: the guest has as many processors.
    const [odd, even] = [0, 1].map(async (rest) => {
      const verdicts: string[] = []
      for (const setting of settings.filter((_, index) => index % 2 === rest)) verdicts.push(await verdictOn(setting))
      return verdicts
    })
    const verdicts = [...((await odd) ?? []), ...((await even) ?? [])]
    const expected = [...harmless.map((it) => `${it}: seen`), ...forbidden.map((it) => `${it}: hidden`)]
    t.strictSame(verdicts.sort(), expected.sort())
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
    // What restarts it besides changes nothing.
    t.match(await host.sh(`rm -r /etc/systemd/system/convoy.service.d && ${install}`), 'installed already')
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
    const activation = 'systemctl is-active convoy-activate.service'
    const activated = `while [ "$(${activation})" = activating ]; do sleep 1; done; ${activation}`
    t.equal(await host.sh(activated), 'active', 'Docker knows the plugin again')
  })

  await t.test('uninstalled, it leaves the volumes, and nothing that keeps Docker waiting', async (t) => {
    await host.sh('docker rm -f tenant')
    const said = await host.sh('cd /root/package && npm run uninstall:host')
    t.match(said, /volumes are still there/)
    t.notMatch(await host.sh('ls /run/docker/plugins /usr/local/lib /usr/local/bin /etc/systemd/system'), /convoy/)
    t.equal(await host.sh('head -n 1 /var/lib/convoy/volumes/db/log'), 'started')
    await host.sh('systemctl restart docker')
    const ms = Number(
      await host.sh('s=$(date +%s%N); docker volume ls -q >&2; echo $((($(date +%s%N) - s) / 1000000))'),
    )
    t.comment(`docker volume ls after uninstall: ${ms} ms`)
    t.ok(ms < 15_000, `a ghost would cost 15 s: ${ms} ms`)
    t.match(await host.attempt('convoy ls'), { code: 127 })
  })
})
