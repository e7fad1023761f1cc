import type { HostGuest } from '../test/vm/host-guest.js'
import type { Benchmark } from './benchmark.js'
import { onHostGuest, timed } from './on-host-guest.js'
import { type Findings, formatMs, isAtMost } from './report.js'
import { Samples } from './statistics.js'

const volumes = 1000
const rounds = 5

interface Measured {
  readonly firstVolumeMs: number
  readonly node: Samples
  readonly daemon: Samples
  readonly docker: Samples
  readonly dockerWithMany: Samples
}

/** A host with systemd and Docker of its own, which has never seen convoy. */
export const guestBenchmark: Benchmark = {
  name: 'guest',
  title: 'On a host with systemd',
  run: () => onHostGuest(async (host) => describe(await measure(host))),
}

async function measure(host: HostGuest): Promise<Measured> {
  const firstVolumeMs = await timed(
    host,
    'cd /root/package && npm run install:host && docker volume create -d convoy first',
  )
  await host.sh('docker volume rm first')
  const time = async (script: string, before = ':') => {
    const samples = new Samples()
    for (let round = 0; round < rounds; round++) samples.add(await timed(host, script, before))
    return samples
  }
  const node = await time('node -e 0')
  const daemon = await time('systemctl start convoy.service', 'systemctl stop convoy.service')
  const [start, stop] = [
    'systemctl start docker.service',
    'systemctl stop docker.socket docker.service; systemctl reset-failed docker.service',
  ]
  const docker = await time(start, stop)
  await createVolumes(host)
  return { firstVolumeMs, node, daemon, docker, dockerWithMany: await time(start, stop) }
}

async function createVolumes(host: HostGuest): Promise<void> {
  await host.guest.write(
    '/opt/create.mjs',
    `import { request } from 'node:http'
     const create = (Name) => new Promise((resolve, reject) => {
       const headers = { Host: 'docker', 'Content-Type': 'application/json' }
       request({ socketPath: '/run/docker.sock', path: '/volumes/create', method: 'POST', headers }, (answer) => {
         answer.resume().on('end', () => (answer.statusCode === 201 ? resolve() : reject(new Error(answer.statusCode))))
       }).end(JSON.stringify({ Name, Driver: 'convoy' }))
     })
     for (let index = 0; index < ${volumes}; index++) await create('known-' + index)`,
  )
  await host.sh('node /opt/create.mjs')
}

function describe({ firstVolumeMs, node, daemon, docker, dockerWithMany }: Measured): Findings {
  const row = (title: string, { min, p50 }: Samples) => [title, formatMs(min), formatMs(p50)]
  return {
    method:
      'A guest under QEMU with two processors, all of whose instructions are emulated: Debian 12, systemd 252, Docker 20.10; by ' +
      `its own clock, ${rounds} times each. The start of the daemon ends when systemd hears that it is ready. Milliseconds.`,
    tables: [
      {
        columns: ['', 'min', 'p50'],
        rows: [
          row('`node -e 0`', node),
          row('`systemctl start convoy`', daemon),
          row('`systemctl start docker`, no volumes', docker),
          row(`\`systemctl start docker\`, ${volumes} volumes`, dockerWithMany),
        ],
      },
    ],
    verdicts: [
      isAtMost('The daemon starts, after node -e 0, in ≤ 2 × that (min)', (daemon.min - node.min) / node.min, 2, '×'),
      isAtMost(
        'Docker with 1,000 volumes starts in ≤ 1.5 × what it takes with none (min)',
        dockerWithMany.min / docker.min,
        1.5,
        '×',
      ),
      isAtMost('From the tarball (`npm run install:host`) to the first volume ≤ 2 min', firstVolumeMs / 1000, 120, 's'),
    ],
  }
}
