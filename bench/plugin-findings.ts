import type { BareOperation } from './bare-steps.js'
import { countThreads } from './on-cpu.js'
import { type Operation, operations } from './operations.js'
import { counted, pauseMs, perRound, type PluginTimings, rounds } from './plugin.js'
import { type Findings, formatMs, formatPair, isAtMost, type Table, type Verdict } from './report.js'
import { Samples } from './statistics.js'
import { type SyncCounts, syncTargets } from './traced-syncs.js'

/** What Create, Mount, Unmount and Remove may take besides their syncs. */
const allowanceMs = 0.8

type Syncs = ReadonlyMap<Operation, SyncCounts>

export function describePlugin(timings: PluginTimings, syncs: Syncs): Findings {
  return {
    method:
      `One keep-alive Node client on the unix socket; ${rounds} rounds of ${perRound} operations of each kind, on fresh ` +
      `volumes each. "Alone": with a pause of ${pauseMs} ms before each. "Bare": the same durable steps without a daemon, ` +
      'synchronous calls in one process, in the same directories, in turn with the operations. Milliseconds.',
    tables: [floorTable(timings), operationTable(timings, syncs)],
    verdicts: verdicts(timings, syncs),
    notes: [
      'n: fsync and fdatasync calls of the daemon and its file child per operation, those after the answer too (strace, ' +
        `${counted} operations of each kind, not timed), by target: log + new file + directory. fsync: p50 of bare / its ` +
        'syncs, so what a sync of these kinds costs here. Processor: time on one, daemon and child together. Own time: p50 − n × fsync; "fastest": the same of the minima, ' +
        'which other work on the machine disturbs least.',
      `A removal after a mount needs a look at every thread of the host; one look serves all volumes unmounted since the last; here mostly 30. Threads: ${countThreads()}.`,
      ...mismatches(syncs),
    ],
  }
}

function floorTable({ steps, floor, floorAlone }: PluginTimings): Table {
  const requests = [
    ['Get of a Node plugin that does nothing', floor],
    ['the same, alone', floorAlone],
  ] as const
  const rows = [...steps, ...requests].map(([title, samples]) => [
    title,
    String(samples.count),
    ...[samples.min, samples.p50, samples.p99].map(formatMs),
  ])
  return { columns: ['What nobody can undercut here', 'samples', 'min', 'p50', 'p99'], rows }
}

function operationTable(timings: PluginTimings, syncs: Syncs): Table {
  const rows = [...timings.burst].map(([operation, samples]) => {
    const { title, published, bare } = operation
    return [
      title,
      published,
      String(samples.count),
      formatMs(samples.min),
      formatPair(samples),
      formatMs(timings.alone.get(operation)?.p50 ?? Number.NaN),
      formatMs(timings.cpu.get(operation)?.p50 ?? Number.NaN),
      bare === undefined ? '–' : formatPair(bareOf(bare, timings)),
      describeSyncs(syncs.get(operation)),
      formatMs(fsyncMs(operation, timings)),
      formatMs(ownMs(operation, timings, syncs)),
      formatMs(ownMs(operation, timings, syncs, 'min')),
    ]
  })
  const measures = [
    'samples',
    'min',
    'p50 / p99',
    'alone p50',
    'processor',
    'bare p50 / p99',
    'n',
    'fsync',
    'own time',
    'own time, fastest',
  ]
  return { columns: ['Operation', 'Convoy 0.5, no fsync', ...measures], rows }
}

function total(counts: SyncCounts | undefined): number {
  return counts === undefined ? 0 : syncTargets.reduce((sum, target) => sum + counts[target], 0)
}

function describeSyncs(counts: SyncCounts | undefined): string {
  if (counts === undefined || total(counts) === 0) return '0'
  const shown = (value: number): string => String(Math.round(value * 100) / 100)
  return `${shown(total(counts))} (${syncTargets.map((target) => shown(counts[target])).join(' + ')})`
}

function bareOf(operation: BareOperation, { bare }: PluginTimings): Samples {
  return bare.get(operation) ?? new Samples()
}

/** What one sync of the kinds that this operation makes costs here; NaN when it makes none. */
function fsyncMs({ bare }: Operation, timings: PluginTimings, which: 'p50' | 'min' = 'p50'): number {
  return bare === undefined ? Number.NaN : bareOf(bare, timings)[which] / bare.syncs
}

/** What is left when the syncs are taken away. */
function ownMs(operation: Operation, timings: PluginTimings, syncs: Syncs, which: 'p50' | 'min' = 'p50'): number {
  const whole = timings.burst.get(operation)?.[which] ?? Number.NaN
  return operation.bare === undefined ? whole : whole - total(syncs.get(operation)) * fsyncMs(operation, timings, which)
}

function verdicts(timings: PluginTimings, syncs: Syncs): Verdict[] {
  return [...timings.burst].flatMap(([operation, samples]) => {
    if (operation === operations.get) return [isAtMost('Get ≤ 0.5 ms (p50)', samples.p50, 0.5, 'ms')]
    if (operation.bare === undefined) return []
    const figure = `${operation.title} ≤ ${allowanceMs} ms + n × fsync (p50)`
    const own = ownMs(operation, timings, syncs)
    return [{ figure, measured: `${formatMs(own)} ms + n × fsync`, isMet: own <= allowanceMs }]
  })
}

/** The bare steps are written by hand: they must follow the code. */
function mismatches(syncs: Syncs): string[] {
  return [...syncs].flatMap(([{ title, bare }, counts]) => {
    const differs = bare !== undefined && Math.abs(total(counts) - bare.syncs) > 0.2
    return differs
      ? [`**${title} makes ${total(counts)} syncs, its bare steps make ${bare.syncs}: mend bench/bare-steps.ts.**`]
      : []
  })
}
