import { execFileSync } from 'node:child_process'
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { setTimeout as sleep } from 'node:timers/promises'
import type { PluginClient } from '../test/engine/plugin-client.js'
import { createAndMount } from './background-load.js'
import { BenchDaemon } from './bench-daemon.js'
import type { Benchmark } from './benchmark.js'
import { populate, populatedName } from './population.js'
import { type Findings, formatMs, isAtMost } from './report.js'
import { Samples } from './statistics.js'

const volumes = 2000
const writers = 4
const rounds = 3
const roundMs = 4000
/** As often as a busy Docker asks. */
const getEveryMs = 2
const source = fileURLToPath(new URL('../../bench/slow-fsync.c', import.meta.url))

interface Condition {
  readonly title: string
  readonly isSlow: boolean
  readonly isLoaded: boolean
  readonly gets: Samples
  readonly lists: Samples
  /** Creates and mounts beside them. */
  readonly changes: Samples
}

const condition = (title: string, isSlow: boolean, isLoaded: boolean): Condition => {
  return { title, isSlow, isLoaded, gets: new Samples(), lists: new Samples(), changes: new Samples() }
}

/** Whether readers feel a disk that takes half a second for every fsync of the daemon. */
export const slowFsyncBenchmark: Benchmark = {
  name: 'slow-fsync',
  title: 'Get while every fsync takes 500 ms',
  async run({ directory }) {
    const [library, isSlow] = [join(directory, 'slow-fsync.so'), join(directory, 'slow')]
    execFileSync('cc', ['-shared', '-fPIC', '-O2', '-o', library, source])
    await populate(directory, volumes)
    const daemon = await BenchDaemon.start(directory, { env: { LD_PRELOAD: library, SLOW_FSYNC: isSlow } })
    const conditions = [
      condition('nothing else going on', false, false),
      condition(`${writers} clients create and mount`, false, true),
      condition(`${writers} clients create and mount, every fsync takes 500 ms`, true, true),
    ]
    try {
      await observe(daemon, condition('warm-up', false, true), () => undefined)
      for (let round = 0; round < rounds; round++)
        for (const one of conditions) await observe(daemon, one, (slow) => setSlow(isSlow, slow))
      return describe(conditions)
    } finally {
      setSlow(isSlow, false)
      await daemon.stop()
    }
  },
}

function setSlow(path: string, isSlow: boolean): void {
  if (isSlow) writeFileSync(path, '')
  else rmSync(path, { force: true })
}

async function observe(daemon: BenchDaemon, one: Condition, slow: (isSlow: boolean) => void): Promise<void> {
  const { socketPath } = daemon.plugin
  slow(one.isSlow)
  const prefix = `written-${++loads}`
  const load = { socketPath, clients: writers, durationMs: roundMs, prefix }
  await Promise.all([
    one.isLoaded ? createAndMount(load, one.changes) : undefined,
    read(daemon.plugin, one, performance.now() + roundMs),
  ])
  slow(false)
}

let loads = 0

async function read(plugin: PluginClient, { gets, lists }: Condition, end: number): Promise<void> {
  for (let index = 0; performance.now() < end; index++) {
    const { Volume } = await gets.time(() => plugin.get(populatedName((index * 61) % volumes)))
    if (Volume === undefined) throw new Error('Get found no volume')
    if (index % 100 === 0) await lists.time(() => plugin.send('VolumeDriver.List', '{}'))
    await sleep(getEveryMs)
  }
}

function describe(conditions: readonly Condition[]): Findings {
  const rows = conditions.map(({ title, gets, lists, changes }) => [
    title,
    String(gets.count),
    ...[gets.p50, gets.p99, gets.max].map(formatMs),
    `${formatMs(lists.p50)} / ${formatMs(lists.max)}`,
    changes.count === 0 ? '–' : `${changes.count}: ${formatMs(changes.p50)} / ${formatMs(changes.max)}`,
  ])
  const [, loaded, slow] = conditions
  const columns = ['Meanwhile', 'Gets', 'p50', 'p99', 'max', 'List p50 / max', 'changes: p50 / max']
  return {
    method: `${volumes} volumes; a preloaded library delays fsync and fdatasync in the daemon's process. ${rounds} rounds of ${roundMs / 1000} s of each kind in turn, one Get every ${getEveryMs} ms on a connection of its own. Milliseconds.`,
    tables: [{ columns, rows }],
    verdicts: [
      isAtMost('Get p99 ≤ 2 ms while fsync takes 500 ms', slow?.gets.p99 ?? Number.NaN, 2, 'ms'),
      isAtMost(
        '… and at most 1 ms above the same load with a fast disk',
        (slow?.gets.p99 ?? Number.NaN) - (loaded?.gets.p99 ?? 0),
        1,
        'ms',
      ),
    ],
  }
}
