import { Agent } from 'node:http'
import { join } from 'node:path'
import { PluginClient } from '../test/engine/plugin-client.js'
import { BenchDaemon } from './bench-daemon.js'
import type { Benchmark } from './benchmark.js'
import { populate, populatedName } from './population.js'
import { type Findings, formatMs, formatPair, isAtMost, type Verdict } from './report.js'
import { Samples } from './statistics.js'

const sizes = [10, 1000, 2000, 10_000] as const
const samples = 60
const parallel = 50
const parallelRounds = 8
const mountId = 'c'.repeat(64)

interface Measured {
  readonly volumes: number
  readonly bytes: number
  readonly unchanged: Samples
  /** Right after a change, when the answer must be made anew. */
  readonly changed: Samples
  /** Fifty at once, together. */
  readonly parallel: Samples
  readonly parallelChanged: Samples
}

export const listBenchmark: Benchmark = {
  name: 'list',
  title: 'List',
  async run({ directory }) {
    const measured: Measured[] = []
    for (const volumes of sizes) measured.push(await measure(join(directory, String(volumes)), volumes))
    return describe(measured)
  },
}

async function measure(directory: string, volumes: number): Promise<Measured> {
  await populate(directory, volumes)
  const daemon = await BenchDaemon.start(directory)
  const many = new Agent({ keepAlive: true, maxSockets: parallel })
  try {
    const client = new PluginClient(daemon.plugin.socketPath, many)
    const lists = async (): Promise<unknown> => Promise.all(Array.from({ length: parallel }, () => list(client)))
    const bytes = Buffer.byteLength(await list(daemon.plugin))
    const [unchanged, changed, together, togetherChanged] = Array.from({ length: 4 }, () => new Samples())
    await warmUp(daemon, lists)
    for (let index = 0; index < samples; index++) {
      await unchanged!.time(() => list(daemon.plugin))
      await change(daemon, index)
      await changed!.time(() => list(daemon.plugin))
    }
    for (let index = 0; index < parallelRounds; index++) {
      await together!.time(lists)
      await change(daemon, index)
      await togetherChanged!.time(lists)
    }
    return {
      volumes,
      bytes,
      unchanged: unchanged!,
      changed: changed!,
      parallel: together!,
      parallelChanged: togetherChanged!,
    }
  } finally {
    many.destroy()
    await daemon.stop()
  }
}

async function warmUp(daemon: BenchDaemon, lists: () => Promise<unknown>): Promise<void> {
  await lists()
  for (let index = 0; index < 10; index++) {
    await change(daemon, index)
    await list(daemon.plugin)
  }
}

/** Its text, not parsed: that would be the client's time. */
async function list(client: PluginClient): Promise<string> {
  const { status, text } = await client.send('VolumeDriver.List', '{}')
  if (status !== 200 || !text.includes('"Volumes"')) throw new Error(`List answered ${status}: ${text.slice(0, 200)}`)
  return text
}

/** A mount shows in List: the volume gets its mountpoint. */
async function change({ plugin }: BenchDaemon, index: number): Promise<void> {
  const name = populatedName(index % 2)
  const { Err } = index % 4 < 2 ? await plugin.mount(name, mountId) : await plugin.unmount(name, mountId)
  if (Err !== undefined && Err !== '') throw new Error(Err)
}

function describe(measured: readonly Measured[]): Findings {
  const rows = measured.map(({ volumes, bytes, unchanged, changed, parallel: together, parallelChanged }) => [
    String(volumes),
    `${Math.round(bytes / 1024)} KiB`,
    formatPair(unchanged),
    microseconds(unchanged, volumes),
    formatPair(changed),
    microseconds(changed, volumes),
    `${formatMs(together.p50)} / ${formatMs(together.max)}`,
    `${formatMs(parallelChanged.p50)} / ${formatMs(parallelChanged.max)}`,
  ])
  const single = ['unchanged p50 / p99', 'µs per volume', 'after a change p50 / p99', 'µs per volume']
  const columns = ['Volumes', 'answer', ...single, '50 at once p50 / max', '50 at once, after a change']
  return {
    method: `${samples} Lists of each kind in turn, the text received whole; ${parallelRounds} times ${parallel} at once on as many connections. Milliseconds. Convoy 0.5 with 2,000 volumes: 94 / 117 ms, 50 at once 7.3 s.`,
    tables: [{ columns, rows }],
    verdicts: verdicts(measured),
  }
}

const microseconds = ({ p50 }: Samples, volumes: number): string => ((p50 * 1000) / volumes).toFixed(2)

function verdicts(measured: readonly Measured[]): Verdict[] {
  return measured.flatMap(({ volumes, unchanged, changed, parallel: together, parallelChanged }) => {
    if (volumes === 2000) {
      const worst = Math.max(together.p50, parallelChanged.p50)
      return [isAtMost('50 parallel Lists of 2,000 volumes ≤ 500 ms in all (p50)', worst, 500, 'ms')]
    }
    if (volumes !== 10_000) return []
    return [
      isAtMost('List of 10,000 volumes ≤ 50 ms (p99)', unchanged.p99, 50, 'ms'),
      isAtMost('List of 10,000 volumes after a change ≤ 50 ms (p99)', changed.p99, 50, 'ms'),
      flat(measured),
    ]
  })
}

/** Ten times the volumes may take ten times as long, and a little. */
function flat(measured: readonly Measured[]): Verdict {
  const [small, large] = [1000, 10_000].map((size) => measured.find(({ volumes }) => volumes === size))
  const ratio = (large?.changed.p50 ?? Number.NaN) / 10 / (small?.changed.p50 ?? Number.NaN)
  return {
    figure: 'flat per volume: at 10,000 at most 1.5 × what it is at 1,000 (after a change)',
    measured: `${ratio.toFixed(2)} ×`,
    isMet: ratio <= 1.5,
  }
}
