import t from 'tap'
import { databaseSet } from '../../bench/backup-data-database.js'
import { smallFilesSet } from '../../bench/backup-data-small-files.js'
import { describeRounds } from '../../bench/backup-findings.js'
import type { Phase, RoundsResult, Step } from '../../bench/backup-rounds.js'

const phases = ['first', 'unchanged', 'changed', 'scattered', 'restore'] as const

/** Of each tool: seconds in each round, the same for each phase, and what the repository holds from phase to phase. */
interface Told {
  readonly seconds: readonly number[]
  readonly stored: readonly number[]
}

function stepsOf(tool: string, { seconds, stored }: Told): Step[] {
  return seconds.flatMap((second, index) =>
    phases.map((phase: Phase, position) => ({
      round: index + 1,
      phase,
      tool,
      storedBytes: stored[position] ?? 0,
      commandMs: second * 1000,
      durableMs: second * 1000,
      cpuMs: second * 2000,
      peakBytes: second * 100e6,
    })),
  )
}

function resultOf(set: RoundsResult['set'], convoy: Told, restic: Told): RoundsResult {
  return {
    set,
    steps: [...stepsOf('convoy', convoy), ...stepsOf('restic', restic)],
    sourceBytes: [2000, 2000, 2000],
    changedBytes: new Map([
      ['changed', [20, 20, 20]],
      ['scattered', [20, 20, 20]],
    ]),
    failures: new Map([['borg', 'it is tired']]),
  }
}

const restic: Told = { seconds: [4, 5, 6], stored: [1000, 1000, 1010, 1050, 0] }

function verdictsOf(result: RoundsResult): Map<string, string> {
  const { verdicts } = describeRounds([result])
  return new Map(verdicts.map(({ figure, measured, isMet }) => [figure, `${measured} ${isMet ? 'met' : 'missed'}`]))
}

t.test('a ratio is that of the medians, with the spread of the rounds', async (t) => {
  const verdicts = verdictsOf(resultOf(databaseSet, { seconds: [2, 3, 1.2], stored: [1000, 1000, 1010, 1050] }, restic))
  t.equal(verdicts.get('MySQL-like 1 GiB, first: wall time ≤ 0.65 × restic’s'), '0.400 (0.20–0.60) met')
  t.equal(verdicts.get('MySQL-like 1 GiB, unchanged: wall time ≤ 0.27 × restic’s'), '0.400 (0.20–0.60) missed')
})

t.test(
  'what a change adds is compared with the change itself, compressed as the set was, or with what restic adds',
  async (t) => {
    const verdicts = verdictsOf(resultOf(databaseSet, { seconds: [1, 2, 3], stored: [1000, 1000, 1014, 1055] }, restic))
    const contiguous = 'MySQL-like 1 GiB, changed: the change stores ≤ 1.5 × what it would take by itself'
    t.equal(verdicts.get(contiguous), '1.40 (1.40–1.40) met')
    t.equal(verdicts.get('MySQL-like 1 GiB, scattered: the change stores ≤ restic’s'), '1.025 (1.02–1.02) missed')
    t.equal(verdicts.get('MySQL-like 1 GiB, scattered: stored in all ≤ 1.01 × restic’s'), '1.005 (1.00–1.00) met')
    t.equal(verdicts.get('MySQL-like 1 GiB: peak memory ≤ 350 MB'), '300 MB met')
  },
)

t.test('of small files the time of the processors has limits too', async (t) => {
  const verdicts = verdictsOf(resultOf(smallFilesSet, { seconds: [4, 4, 4], stored: [1020] }, restic))
  t.equal(verdicts.get('200,000 small files, restore: CPU time ≤ 0.35 × restic’s'), '0.800 (0.67–1.00) missed')
  t.equal(
    verdicts.get('200,000 small files: stored after the first backup ≤ 1.01 × restic’s'),
    '1.020 (1.02–1.02) missed',
  )
  t.equal(verdicts.get('200,000 small files: peak memory ≤ 350 MB'), '400 MB missed')
})

t.test('a tool that failed is named, and without a peer there is no ratio', async (t) => {
  const result = resultOf(databaseSet, { seconds: [1], stored: [1] }, { seconds: [], stored: [] })
  const { verdicts, notes, tables } = describeRounds([result])
  t.strictSame(notes, ['**MySQL-like 1 GiB, borg failed:** it is tired'])
  t.notOk(verdicts.some(({ figure }) => figure.includes('restic')))
  t.equal(tables[0]?.rows.length, phases.length)
})
