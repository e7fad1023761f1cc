import type { Phase, RoundsResult, Step } from './backup-rounds.js'
import { reference, subject } from './backup-tools.js'
import { type Findings, formatMs, type Table, type Verdict } from './report.js'
import { Samples } from './statistics.js'

/** Set → the most of restic's wall time that each phase may take. */
const wallLimits: Readonly<Record<string, Partial<Record<Phase, number>>>> = {
  mysql: { first: 0.65, unchanged: 0.27, changed: 1, restore: 0.65 },
  incompressible: { first: 0.55, unchanged: 0.25, changed: 0.6, restore: 0.5 },
  small: { first: 0.5, unchanged: 0.22, changed: 0.25, restore: 0.35 },
}
/** Where processors are busy with every file, and not with what is in it, their time has the same limits. */
const setsWithCpuLimits = ['small']
/** Stored bytes, ours ÷ restic's. */
const storedLimit = 1.01
/** Stored bytes ÷ what the change would take by itself. */
const contiguousLimit = 1.5
const peakLimitBytes = 350e6

const wall = ({ durableMs }: Step): number => durableMs
const returned = ({ commandMs }: Step): number => commandMs
const cpu = ({ cpuMs }: Step): number => cpuMs

/** Set by set what each phase took with each tool, and the figures of the issue beside it. */
export function describeRounds(results: readonly RoundsResult[]): Pick<Findings, 'tables' | 'verdicts' | 'notes'> {
  return {
    tables: results.map(tableOf),
    verdicts: results.flatMap((result) => [...ratios(result), ...storedVerdicts(result), ...peakVerdict(result)]),
    notes: results.flatMap(({ set, failures }) =>
      [...failures].map(([tool, reason]) => `**${set.title}, ${tool} failed:** ${reason}`),
    ),
  }
}

function tableOf({ set, steps }: RoundsResult): Table {
  const phases = [...new Set(steps.map(({ phase }) => phase))]
  const tools = [...new Set(steps.map(({ tool }) => tool))].sort()
  const rows = phases.flatMap((phase) =>
    tools.map((tool) => [phase, tool, ...cells(steps.filter((step) => step.phase === phase && step.tool === tool))]),
  )
  return {
    columns: [set.title, 'tool', 'wall s, until durable', 'until it returned', 'CPU s', 'peak MB', 'stored MB'],
    rows,
  }
}

function cells(steps: readonly Step[]): string[] {
  const seconds = (pick: (step: Step) => number): string => spread(samplesOf(steps, (step) => pick(step) / 1000))
  const megabytes = (pick: (step: Step) => number): string => formatMs(samplesOf(steps, pick).p50 / 1e6)
  const peak = formatMs(samplesOf(steps, ({ peakBytes }) => peakBytes).max / 1e6)
  const stored = steps[0]?.phase === 'restore' ? '' : megabytes(({ storedBytes }) => storedBytes)
  return [seconds(wall), seconds(returned), seconds(cpu), peak, stored]
}

/** `4.39 (4.10–5.02)`: the median, the least and the most. */
function spread({ p50, min, max }: Samples): string {
  return `${formatMs(p50)} (${formatMs(min)}–${formatMs(max)})`
}

function samplesOf(steps: readonly Step[], pick: (step: Step) => number): Samples {
  const samples = new Samples()
  for (const step of steps) samples.add(pick(step))
  return samples
}

function ratios(result: RoundsResult): Verdict[] {
  const { name, title } = result.set
  return Object.entries(wallLimits[name] ?? {}).flatMap(([phase, limit]) => {
    const figure = (what: string): string => `${title}, ${phase}: ${what} ≤ ${limit} × ${reference}’s`
    const found = [ratio(result, phase as Phase, { figure: figure('wall time'), limit, pick: wall })]
    if (setsWithCpuLimits.includes(name))
      found.push(ratio(result, phase as Phase, { figure: figure('CPU time'), limit, pick: cpu }))
    return found.flat()
  })
}

interface RatioFigure {
  readonly figure: string
  readonly limit: number
  readonly pick: (step: Step) => number
}

/** Of the medians, and the spread of what the rounds say each by itself: both tools had the same machine in a round. */
function ratio({ steps }: RoundsResult, phase: Phase, { figure, limit, pick }: RatioFigure): Verdict[] {
  const of = (tool: string) => steps.filter((step) => step.phase === phase && step.tool === tool)
  const [ours, theirs] = [of(subject), of(reference)]
  const each = new Samples()
  for (const one of ours) {
    const other = theirs.find(({ round }) => round === one.round)
    if (other !== undefined) each.add(pick(one) / pick(other))
  }
  if (each.count === 0) return []
  const value = samplesOf(ours, pick).p50 / samplesOf(theirs, pick).p50
  const measured = `${value.toFixed(3)} (${each.min.toFixed(2)}–${each.max.toFixed(2)})`
  return [{ figure, measured, isMet: value <= limit }]
}

/** What a repository holds, and what each change of the data added to it. */
function storedVerdicts(result: RoundsResult): Verdict[] {
  const { title } = result.set
  const stored = ({ storedBytes }: Step): number => storedBytes
  const inAll = {
    figure: `${title}: stored after the first backup ≤ ${storedLimit} × ${reference}’s`,
    limit: storedLimit,
  }
  const verdicts = ratio(result, 'first', { ...inAll, pick: stored })
  for (const change of result.set.changes) {
    const figure = `${title}, ${change.name}: stored in all ≤ ${storedLimit} × ${reference}’s`
    verdicts.push(
      ...ratio(result, change.name, { figure, limit: storedLimit, pick: stored }),
      ...addedBy(result, change.name),
    )
  }
  return verdicts
}

function addedBy(result: RoundsResult, phase: Phase): Verdict[] {
  const { title, name } = result.set
  if (phase === 'scattered') {
    const figure = `${title}, scattered: the change stores ≤ ${reference}’s`
    return ratio(result, phase, { figure, limit: 1, pick: (step) => added(result, step) })
  }
  const ours = result.steps.filter((step) => step.phase === phase && step.tool === subject)
  if (name === 'small' || ours.length === 0) return []
  const relative = samplesOf(ours, (step) => added(result, step) / expectedOf(result, step))
  const figure = `${title}, ${phase}: the change stores ≤ ${contiguousLimit} × what it would take by itself`
  return [{ figure, measured: spread(relative), isMet: relative.p50 <= contiguousLimit }]
}

/** By how much the repository has grown since the step before. */
function added({ steps }: RoundsResult, step: Step): number {
  const own = steps.filter(({ round, tool }) => round === step.round && tool === step.tool)
  return step.storedBytes - (own[own.indexOf(step) - 1]?.storedBytes ?? 0)
}

/** The bytes of a change, compressed as well as all data of the set were. */
function expectedOf({ steps, sourceBytes, changedBytes }: RoundsResult, { round, tool, phase }: Step): number {
  const first = steps.find((step) => step.phase === 'first' && step.round === round && step.tool === tool)
  const compression = (first?.storedBytes ?? 0) / (sourceBytes[round - 1] ?? 0)
  return (changedBytes.get(phase)?.[round - 1] ?? 0) * compression
}

function peakVerdict({ set, steps }: RoundsResult): Verdict[] {
  const ours = steps.filter(({ tool }) => tool === subject)
  if (ours.length === 0) return []
  const { max } = samplesOf(ours, ({ peakBytes }) => peakBytes)
  const figure = `${set.title}: peak memory ≤ ${peakLimitBytes / 1e6} MB`
  return [{ figure, measured: `${formatMs(max / 1e6)} MB`, isMet: max <= peakLimitBytes }]
}
