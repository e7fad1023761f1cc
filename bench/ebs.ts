import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { SystemBlockDevices } from '../src/host/system-block-devices.js'
import type { Benchmark } from './benchmark.js'
import { type BareTimes, measureBareCalls } from './ebs-bare.js'
import { EbsBenchHost, LoopDisks } from './ebs-host.js'
import { attachManyAtOnce, type ManyAtOnce } from './ebs-many.js'
import { EbsRounds, type EbsTimes } from './ebs-round.js'
import { type Findings, formatMs, isAtMost } from './report.js'
import type { Samples } from './statistics.js'

const rounds = 10
/** EC2 calls a volume attached, and its disk is there, so long after it was asked. */
const attachMs = 200

interface Measured {
  readonly rounds: EbsRounds
  readonly bare: BareTimes
  readonly many: ManyAtOnce
}

/** What the driver adds to what EC2 and the disks take. */
export const ebsBenchmark: Benchmark = {
  name: 'ebs',
  title: 'Volumes on EBS',
  async run({ directory }) {
    if (process.getuid?.() !== 0) return { method: 'Not run: needs root, for loop devices.', tables: [], verdicts: [] }
    return describe({ ...(await measureRounds(directory)), many: await attachManyAtOnce() })
  },
}

async function measureRounds(directory: string): Promise<Omit<Measured, 'many'>> {
  const workDirectory = join(directory, 'work')
  mkdirSync(workDirectory)
  const disks = new LoopDisks(join(directory, 'disks'))
  const host = await EbsBenchHost.start({
    disks: () => disks,
    devices: () => new SystemBlockDevices({ workDirectory, sysfs: disks.sysfs.root }),
    delays: { attachMs },
  })
  try {
    const mountpoint = join(directory, 'mounted')
    // Loads the SDK, and asks what is asked once in the life of a daemon.
    await new EbsRounds(host, disks, mountpoint).run('warm-up')
    const measured = new EbsRounds(host, disks, mountpoint)
    for (let index = 0; index < rounds; index++) await measured.run(`volume-${index}`)
    return { rounds: measured, bare: await measureBareCalls(host, rounds) }
  } finally {
    await host.close()
  }
}

function describe({ rounds: { times, calls, callsOfInspect }, bare, many }: Measured): Findings {
  const cycle = [...calls].map(([action, count]) => [action, String(count)])
  const total = [...calls.values()].reduce((sum, count) => sum + count, 0)
  const describes = madeOf(many, 'DescribeVolumes') / many.seconds
  return {
    method:
      'The driver with the client of AWS, an emulator of EC2 in the same process that answers at once, and loop devices behind a made-up ' +
      `sysfs; ${rounds} volumes, one after the other, with rests. A disk is there ${attachMs} ms after EC2 was asked to attach it: what is ` +
      'measured of a mount begins then. Bare: only the requests that EC2 needs of anybody, by the same client. Milliseconds.',
    tables: [
      { columns: ['', 'min', 'p50', 'max', 'bare p50', 'ratio'], rows: timesRows(times, bare) },
      { columns: ['Requests of create + mount + unmount + remove', `${total} in all`], rows: cycle },
      { columns: [`${many.volumes} mounts at once, 2 requests/s`, 'made', 'throttled'], rows: manyRows(many) },
    ],
    verdicts: [
      isAtMost('Create ≤ 20 ms (p50)', times.create.p50, 20, 'ms'),
      isAtMost('Disk there to mounted ≤ 300 ms, without mkfs (p50)', times.mount.p50, 300, 'ms'),
      isAtMost('Unmount + detach call ≤ 200 ms (p50)', times.unmount.p50, 200, 'ms'),
      isAtMost(`${many.volumes} mounts at once: none fails`, many.failures.length, 0, 'failed'),
      isAtMost('DescribeVolumes ≤ 1 per second in all', describes, 1, 'per second'),
      isAtMost('`inspect` asks nothing of AWS', callsOfInspect, 0, 'requests'),
    ],
    notes: [
      `${many.volumes} mounts took ${many.seconds.toFixed(0)} s, the first ${formatMs(many.times.min)} ms and the last ${formatMs(many.times.max)} ms.` +
        many.failures
          .slice(0, 1)
          .map((failure) => ` The first that failed: ${failure}`)
          .join(''),
      'Beside it, as they are known and not run here: Convoy 0.5 slept 5 s before every Describe; a list of REX-Ray took 51 s.',
    ],
  }
}

function timesRows(times: EbsTimes, bare: BareTimes): string[][] {
  const row = (title: string, { min, p50, max }: Samples, lowest?: Samples) => {
    const beside = lowest === undefined ? ['–', '–'] : [formatMs(lowest.p50), `${(p50 / lowest.p50).toFixed(1)} ×`]
    return [title, formatMs(min), formatMs(p50), formatMs(max), ...beside]
  }
  return [
    row('create', times.create, bare.create),
    row('disk there → mounted, the first time, with mkfs', times.firstMount),
    row('disk there → mounted', times.mount),
    row('unmount + detach call', times.unmount, bare.detach),
    row('trash + delete', times.remove),
  ]
}

const madeOf = ({ calls }: ManyAtOnce, action: string) => calls.get(action)?.made ?? 0

const manyRows = ({ calls }: ManyAtOnce) =>
  [...calls].map(([action, { made, throttled }]) => [action, String(made), String(throttled)])
