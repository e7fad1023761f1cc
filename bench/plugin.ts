import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { bareOperations, type BareOperation, BareSteps } from './bare-steps.js'
import { BenchDaemon } from './bench-daemon.js'
import type { Benchmark } from './benchmark.js'
import { InstantPlugin } from './instant-plugin.js'
import { readCpuTime } from './on-cpu.js'
import { allOperations, type Operation } from './operations.js'
import { describePlugin } from './plugin-findings.js'
import { populate, populatedName } from './population.js'
import { entry, Samples } from './statistics.js'
import { countSyncs, type SyncCounts, syncTargets } from './traced-syncs.js'

export const volumes = 2000
export const rounds = 12
export const perRound = 30
export const counted = 100
/** Long enough for what the daemon does after its answer. */
export const pauseMs = 4

/** What the rounds took, in ms. */
export interface PluginTimings {
  /** One operation right after the other. */
  readonly burst: Map<Operation, Samples>
  /** With a pause before each. */
  readonly alone: Map<Operation, Samples>
  /** On a processor, in the daemon and its children, per operation. */
  readonly cpu: Map<Operation, Samples>
  readonly bare: Map<BareOperation, Samples>
  /** Single steps of the bare operations. */
  readonly steps: ReadonlyMap<string, Samples>
  /** Get of a plugin that does nothing. */
  readonly floor: Samples
  readonly floorAlone: Samples
}

/** The plugin protocol, operation by operation, over the daemon's own socket. */
export const pluginBenchmark: Benchmark = {
  name: 'plugin',
  title: 'The plugin protocol with 2,000 volumes',
  async run({ directory }) {
    await populate(directory, volumes)
    const daemon = await BenchDaemon.start(directory)
    const floor = await InstantPlugin.start(join(directory, 'floor.sock'))
    try {
      await runRound(daemon, 'warm-up', { samples: new Map() })
      const timings = await measure(daemon, floor)
      return describePlugin(timings, await countAll(daemon))
    } finally {
      floor.stop()
      await daemon.stop()
    }
  },
}

async function measure(daemon: BenchDaemon, floor: InstantPlugin): Promise<PluginTimings> {
  const steps = new BareSteps(daemon.directory)
  const [burst, alone, cpu] = [timesOf<Operation>(), timesOf<Operation>(), timesOf<Operation>()]
  const bare = timesOf<BareOperation>()
  const timings = { burst, alone, cpu, bare, steps: steps.samples, floor: new Samples(), floorAlone: new Samples() }
  for (let round = 0; round < rounds; round++) {
    await runRound(daemon, `burst-${round}`, { samples: burst, cpu })
    await runBareRound(steps, `bare-${round}`, bare)
    if (round % 4 === 0) await runRound(daemon, `alone-${round}`, { samples: alone, pauseBeforeMs: pauseMs })
    for (let index = 0; index < perRound; index++) await timings.floor.time(() => floor.get())
    for (let index = 0; index < perRound; index++) {
      await sleep(pauseMs)
      await timings.floorAlone.time(() => floor.get())
    }
  }
  steps.close()
  return timings
}

const timesOf = <Key>(): Map<Key, Samples> => new Map()

interface Round {
  readonly samples: Map<Operation, Samples>
  readonly cpu?: Map<Operation, Samples>
  readonly pauseBeforeMs?: number
}

/** Every operation on the round's own volumes. */
async function runRound(daemon: BenchDaemon, prefix: string, { samples, cpu, pauseBeforeMs }: Round): Promise<void> {
  for (const [kind, operation] of allOperations) {
    const own = entry(samples, operation, () => new Samples())
    const before = await cpuMs(daemon)
    for (let index = 0; index < perRound; index++) {
      if (pauseBeforeMs !== undefined) await sleep(pauseBeforeMs)
      await own.time(() => operation.act(daemon.plugin, volumeOf(kind, prefix, index)))
    }
    // What comes after the last answer is not part of the next kind.
    await sleep(10)
    if (cpu !== undefined) entry(cpu, operation, () => new Samples()).add(((await cpuMs(daemon)) - before) / perRound)
  }
}

async function cpuMs(daemon: BenchDaemon): Promise<number> {
  const processes = [daemon.pid, ...(await daemon.children())]
  return processes.reduce((sum, pid) => sum + readCpuTime(pid).runningMs, 0)
}

async function runBareRound(steps: BareSteps, prefix: string, samples: Map<BareOperation, Samples>): Promise<void> {
  for (const [kind, operation] of Object.entries(bareOperations)) {
    const own = entry(samples, operation, () => new Samples())
    for (let index = 0; index < perRound; index++) {
      await own.time(async () => operation.act(steps, `${prefix}-${index}`))
    }
    await sleep(kind === 'trash' ? 10 : 1)
  }
}

function volumeOf(kind: string, prefix: string, index: number): string {
  if (kind === 'get') return populatedName((index * 61) % volumes)
  return `${kind === 'trash' || kind === 'createForTrash' ? 'trashed' : 'kept'}-${prefix}-${index}`
}

/** Syncs per operation, those after its answer too. */
async function countAll(daemon: BenchDaemon): Promise<Map<Operation, SyncCounts>> {
  const counts = new Map<Operation, SyncCounts>()
  for (const [kind, operation] of allOperations) {
    const pids = [daemon.pid, ...(await daemon.children())]
    const total = await countSyncs(pids, daemon.directory, async () => {
      for (let index = 0; index < counted; index++) {
        await operation.act(daemon.plugin, volumeOf(kind, 'counted', index))
        // So that a commit after the answer does not share its sync with the next operation.
        await sleep(pauseMs)
      }
      await sleep(50)
    })
    const perOperation = Object.fromEntries(syncTargets.map((target) => [target, total[target] / counted]))
    // It has every target.
    counts.set(operation, perOperation as SyncCounts)
  }
  return counts
}
