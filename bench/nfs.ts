import type { HostGuest } from '../test/vm/host-guest.js'
import type { Benchmark } from './benchmark.js'
import { onHostGuest, timed } from './on-host-guest.js'
import { type Findings, formatMs, isAtMost } from './report.js'
import { Samples } from './statistics.js'

const volumes = 1000
const mountRounds = 200
const rounds = 5

interface Measured {
  readonly mountPlain: Samples
  readonly mountShare: Samples
  readonly runPlain: Samples
  readonly runShare: Samples
  readonly runLocal: Samples
  readonly readyPlain: Samples
  readonly readyDown: Samples
  readonly kernelMounts: number
  readonly helpers: readonly number[]
}

/** Volumes on a share that the same guest exports, beside a directory and Docker's own driver. */
export const nfsBenchmark: Benchmark = {
  name: 'nfs',
  title: 'Volumes on NFS',
  run: () => onHostGuest(async (host) => describe(await measure(host))),
}

async function measure(host: HostGuest): Promise<Measured> {
  await prepare(host)
  const nfs = await startDaemon(host, 'nfs', 'vfs.share=127.0.0.1:/srv/share')
  const [mountPlain, mountShare] = [await mounts(host, 'convoy', 1), await mounts(host, 'nfs', volumes)]
  const kernelMounts = Number(await host.sh('grep -c " nfs4 " /proc/mounts'))
  const pss = await host.sh(
    `for p in $(pgrep -f file-process-main -P ${nfs}); do awk '/^Pss:/{print $2}' /proc/$p/smaps_rollup; done`,
  )
  const [runPlain, runShare, runLocal] = [
    await runs(host, 'convoy', 'volume-0'),
    await runs(host, 'nfs', 'volume-1'),
    await runs(host, 'local', 'local'),
  ]
  await stopDaemon(host, nfs)
  const readyPlain = await starts(host, 'plain', 'vfs.path=/srv/share')
  const readyDown = await starts(host, 'down', 'vfs.share=10.77.0.9:/srv/share')
  const helpers = pss.split('\n').filter(Boolean).map(Number)
  return { mountPlain, mountShare, runPlain, runShare, runLocal, readyPlain, readyDown, kernelMounts, helpers }
}

async function prepare(host: HostGuest): Promise<void> {
  await host.sh('cd /root/package && npm run install:host')
  await host.sh("mkdir -p /srv/share/local && /guest/nfsd-start '/srv/share *(rw,no_subtree_check,no_root_squash)'")
  // Nobody answers there, and nothing says so.
  await host.sh('ip link add dead type dummy && ip addr add 10.77.0.1/24 dev dead && ip link set dead up')
  await host.guest.write('/opt/calls.mjs', callsScript)
  await host.sh('docker import /guest/busybox.tar busybox')
  const device = '--opt device=:/srv/share/local'
  await host.sh(`docker volume create --opt type=nfs --opt o=addr=127.0.0.1,nfsvers=4.2 ${device} local`)
}

function runs(host: HostGuest, driver: string, volume: string): Promise<Samples> {
  const command = `docker run --rm -v ${volume}:/v --volume-driver ${driver} busybox echo`
  return samples(() => timed(host, command))
}

/** Of a daemon of its own, until it says that it is ready. */
function starts(host: HostGuest, name: string, option: string): Promise<Samples> {
  return samples(async () => {
    const pid = await startDaemon(host, name, option)
    await stopDaemon(host, pid)
    return Number(await host.sh(`cat /run/${name}.ms`))
  })
}

async function stopDaemon(host: HostGuest, pid: number): Promise<void> {
  await host.sh(`kill ${pid}; while kill -0 ${pid} 2>/dev/null; do sleep 0.2; done`)
}

/** Resolves to its pid when it is ready; how long that took is in /run/NAME.ms. */
async function startDaemon(host: HostGuest, name: string, option: string): Promise<number> {
  await host.sh(
    `cd /; log=/run/${name}.log; rm -f $log; s=$(date +%s%N)
     setsid convoy daemon --name ${name} --root /var/lib/${name} --driver-opts ${option} </dev/null 2>$log >/dev/null & echo $! >/run/${name}.pid
     until grep -q '"ready"' $log; do sleep 0.5; done
     r=$(sed -n 's/.*"time":"\\([^"]*\\)".*"ready".*/\\1/p' $log)
     echo $((($(date -d "$r" +%s%N) - s) / 1000000)) >/run/${name}.ms`,
  )
  return Number(await host.sh(`cat /run/${name}.pid`))
}

/** Makes volumes and mounts the first again and again, as Docker asks for it. */
async function mounts(host: HostGuest, name: string, count: number): Promise<Samples> {
  const times = JSON.parse(await host.sh(`node /opt/calls.mjs ${name} ${count} ${mountRounds}`)) as readonly number[]
  const all = new Samples()
  for (const time of times) all.add(time)
  return all
}

const callsScript = `import { request } from 'node:http'
  const [name, count, rounds] = [process.argv[2], Number(process.argv[3]), Number(process.argv[4])]
  const ask = (call, body) => new Promise((resolve, reject) => {
    const to = { socketPath: '/run/docker/plugins/' + name + '.sock', path: '/VolumeDriver.' + call, method: 'POST' }
    request(to, (answer) => {
      let text = ''
      answer.on('data', (part) => (text += part)).on('end', () => (JSON.parse(text).Err ? reject(new Error(text)) : resolve()))
    }).end(JSON.stringify(body))
  })
  for (let index = 0; index < count; index++) await ask('Create', { Name: 'volume-' + index })
  const times = []
  for (let round = 0; round < rounds; round++) {
    const began = performance.now()
    await ask('Mount', { Name: 'volume-0', ID: String(round) })
    times.push(performance.now() - began)
    await ask('Unmount', { Name: 'volume-0', ID: String(round) })
  }
  console.log(JSON.stringify(times))`

async function samples(once: () => Promise<number>): Promise<Samples> {
  const all = new Samples()
  for (let round = 0; round < rounds; round++) all.add(await once())
  return all
}

function describe(measured: Measured): Findings {
  const { mountPlain, mountShare, readyPlain, readyDown, helpers, kernelMounts } = measured
  const row = (title: string, { min, p50 }: Samples) => [title, formatMs(min), formatMs(p50)]
  return {
    method:
      'A guest under QEMU with two processors, all of whose instructions are emulated: Debian 12 with the kernel’s NFS server, ' +
      `Docker 20.10; the share is mounted from the guest itself with NFS 4.2. ${volumes} volumes on the share. Milliseconds.`,
    tables: [
      {
        columns: ['', 'min', 'p50'],
        rows: [
          row('Mount, a directory', mountPlain),
          row('Mount, a share that is mounted', mountShare),
          row('`docker run`, a directory', measured.runPlain),
          row('`docker run`, a share', measured.runShare),
          row('`docker run`, `local` with `type=nfs`', measured.runLocal),
          row('daemon ready, without shares', readyPlain),
          row('daemon ready, its share is down', readyDown),
        ],
      },
    ],
    verdicts: [
      isAtMost('Mount on a mounted share ≤ 2 × on a directory (p50)', mountShare.p50 / mountPlain.p50, 2, '×'),
      isAtMost(`${volumes} volumes on one share: one kernel mount`, kernelMounts, 1, 'mounts'),
      isAtMost(
        'Ready with the share down ≤ 1.2 × ready without shares (p50)',
        readyDown.p50 / readyPlain.p50,
        1.2,
        '×',
      ),
      isAtMost(`One process for all healthy shares (PSS ${helpers.join(', ')} KiB)`, helpers.length, 1, 'processes'),
    ],
  }
}
