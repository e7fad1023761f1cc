import { chmodSync, copyFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { BenchDaemon } from './bench-daemon.js'
import type { Benchmark } from './benchmark.js'
import { populate, populatedName } from './population.js'
import { type Findings, formatMiB, isAtMost } from './report.js'

/** Volumes → the most that daemon and permanent children may hold, in MiB. */
const limits = new Map([
  [0, 90],
  [10_000, 120],
])
/** Until the file child, idle for 30 s, has gone, and what the start left has been collected. */
const settleMs = 45_000

interface Use {
  readonly pss: number
  readonly pssAnonymous: number
  readonly pssFile: number
  readonly rss: number
}

interface Measured {
  readonly volumes: number
  readonly when: string
  readonly isIdle: boolean
  readonly daemon: Use
  readonly children: readonly Use[]
}

/** What the daemon and its permanent children hold. */
export const memoryBenchmark: Benchmark = {
  name: 'memory',
  title: 'Memory',
  async run({ directory }) {
    const measured = await Promise.all([...limits.keys()].map((volumes) => observe(directory, volumes)))
    return describe(measured.flat())
  },
}

async function observe(directory: string, volumes: number): Promise<Measured[]> {
  const place = join(directory, String(volumes))
  await populate(place, volumes)
  const node = join(place, 'node')
  copyFileSync(process.execPath, node)
  chmodSync(node, 0o755)
  const daemon = await BenchDaemon.start(place, { node })
  try {
    await use(daemon, volumes)
    const early = await look(daemon, { volumes, when: 'in use, file child alive', isIdle: false })
    await sleep(settleMs)
    return [early, await look(daemon, { volumes, when: `idle for ${settleMs / 1000} s`, isIdle: true })]
  } finally {
    await daemon.stop()
  }
}

/** Some of everything: what an idle daemon holds includes what its last work left. */
async function use({ plugin }: BenchDaemon, volumes: number): Promise<void> {
  const own = volumes === 0 ? [] : Array.from({ length: 1000 }, (_, index) => populatedName(index))
  for (const name of own) await plugin.get(name)
  for (let index = 0; index < 5; index++) {
    await plugin.send('VolumeDriver.List', '{}')
    await plugin.create(`used-${index}`)
    await plugin.mount(`used-${index}`, 'e'.repeat(64))
    await plugin.unmount(`used-${index}`, 'e'.repeat(64))
    await plugin.remove(`used-${index}`)
  }
}

async function look(daemon: BenchDaemon, what: Pick<Measured, 'volumes' | 'when' | 'isIdle'>): Promise<Measured> {
  const children = await daemon.children()
  return { ...what, daemon: await useOf(daemon.pid), children: await Promise.all(children.map(useOf)) }
}

/** What a process holds. */
export async function useOf(pid: number): Promise<Use> {
  const text = await readFile(`/proc/${pid}/smaps_rollup`, 'utf8')
  const bytes = (field: string): number => Number(new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(text)?.[1]) * 1024
  return { pss: bytes('Pss'), pssAnonymous: bytes('Pss_Anon'), pssFile: bytes('Pss_File'), rss: bytes('Rss') }
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0)

const totalPss = ({ daemon, children }: Measured): number => sum([daemon, ...children].map(({ pss }) => pss))

function describe(measured: readonly Measured[]): Findings {
  const rows = measured.map((one) => {
    const { volumes, when, daemon, children } = one
    const parts = [totalPss(one), daemon.pss, daemon.pssAnonymous, daemon.pssFile, daemon.rss]
    const ofChildren = children.length === 0 ? 'none' : children.map(({ pss }) => formatMiB(pss)).join(' + ')
    return [String(volumes), when, ...parts.map(formatMiB), ofChildren]
  })
  const columns = [
    'Volumes',
    'when',
    'PSS of all',
    'PSS of the daemon',
    'its memory',
    'its files',
    'its RSS',
    'PSS of its children',
  ]
  return {
    method:
      'MiB. The daemon runs from a copy of the node program, because the program itself counts as shared, and so as a part ' +
      'only, when other processes run it. Convoy 0.5: 13–17 MB.',
    tables: [{ columns, rows }],
    verdicts: measured
      .filter(({ isIdle }) => isIdle)
      .flatMap((one) => {
        const limit = limits.get(one.volumes) ?? 0
        const figure = `PSS of daemon and permanent children with ${one.volumes} volumes ≤ ${limit} MiB, ${one.when}`
        return isAtMost(figure, totalPss(one) / 1024 ** 2, limit, 'MiB')
      }),
  }
}
