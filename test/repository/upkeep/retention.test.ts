import fc from 'fast-check'
import t from 'tap'
import {
  applyRetention,
  type DatedBackup,
  isEmptyPolicy,
  type RetentionPolicy,
} from '../../../src/repository/upkeep/retention.js'

const hourMs = 3_600_000
const dayMs = 24 * hourMs
const nowMs = Date.parse('2026-11-29T12:00:00Z')

const backup = (name: string, ageMs: number, more: Partial<DatedBackup> = {}): DatedBackup => ({
  volume: 'db1',
  name,
  createdAtMs: nowMs - ageMs,
  storedAtMs: nowMs - ageMs,
  tags: [],
  isComplete: true,
  ...more,
})

const keptBy = (backups: readonly DatedBackup[], policy: RetentionPolicy) =>
  applyRetention(backups, { timeZone: 'UTC', ...policy }, nowMs)
    .filter(({ reasons }) => reasons.length > 0)
    .map(({ backup }) => backup.name)

/** One each day at noon, `d0` today. */
const days = (count: number) => Array.from({ length: count }, (_, age) => backup(`d${age}`, age * dayMs))

t.test('a policy that says nothing removes nothing', async (t) => {
  for (const policy of [{}, { last: 0 }, { daily: 0, tags: [] }, { timeZone: 'UTC' }]) {
    t.ok(isEmptyPolicy(policy))
    t.equal(keptBy(days(5), policy).length, 5)
  }
  t.notOk(isEmptyPolicy({ tags: ['a'] }))
})

t.test('the newest are kept, each volume by itself', async (t) => {
  const other = days(3).map((one) => ({ ...one, volume: 'db2', name: `other-${one.name}` }))
  t.strictSame(keptBy([...days(4), ...other], { last: 2 }), ['d0', 'd1', 'other-d0', 'other-d1'])
})

t.test('of each hour the newest is kept', async (t) => {
  const backups = [0, 10, 70, 80, 130].map((minutes) => backup(`m${minutes}`, minutes * 60_000 + 1))
  t.strictSame(keptBy(backups, { hourly: 2 }), ['m0', 'm70'])
})

t.test('days, weeks, months and years are those of the calendar', async (t) => {
  t.strictSame(keptBy(days(60), { daily: 3 }), ['d0', 'd1', 'd2'])
  // 29 November 2026 is a Sunday.
  t.strictSame(keptBy(days(60), { weekly: 3 }), ['d0', 'd7', 'd14'])
  t.strictSame(keptBy(days(60), { monthly: 2 }), ['d0', 'd29'])
})

t.test('the oldest is kept while there are fewer periods than wanted', async (t) => {
  t.strictSame(keptBy(days(60), { yearly: 2 }), ['d0', 'd59'])
  t.strictSame(keptBy(days(400), { yearly: 2 }), ['d0', 'd333'])
})

t.test('what is kept by one rule needs no other', async (t) => {
  const [first] = applyRetention(days(3), { last: 1, daily: 1, timeZone: 'UTC' }, nowMs)
  t.strictSame(first?.reasons, ['last 1', 'daily 2026-11-29', 'the last complete backup'])
})

t.test('the time to keep all counts from the newest backup', async (t) => {
  const old = days(10).map((one) => ({ ...one, createdAtMs: one.createdAtMs - 365 * dayMs }))
  t.strictSame(keptBy(old, { withinMs: 2 * dayMs }), ['d0', 'd1', 'd2'])
})

t.test('a tag keeps a backup', async (t) => {
  const backups = [...days(2), backup('release', 9 * dayMs, { tags: ['x', 'release'] })]
  t.strictSame(keptBy(backups, { last: 1, tags: ['release'] }), ['d0', 'release'])
})

t.test('the last complete backup is kept whatever the policy says', async (t) => {
  const backups = days(5).map((one, age) => ({ ...one, isComplete: age === 3 }))
  t.strictSame(keptBy(backups, { last: 1 }), ['d0', 'd3'])
})

t.test('a host whose clock is wrong does not lose its newest backup', async (t) => {
  const newest = backup('newest', 20_000 * dayMs, { storedAtMs: nowMs + 1 })
  t.strictSame(keptBy([...days(3), newest], { last: 1 }), ['d0', 'newest'])
})

t.test('the last complete backup is the last by either clock', async (t) => {
  const copied = backup('copied', 5 * dayMs, { storedAtMs: nowMs })
  const newest = backup('newest', dayMs, { storedAtMs: nowMs - 9 * dayMs })
  t.strictSame(keptBy([copied, newest], { tags: ['none'] }), ['newest', 'copied'])
})

t.test('of backups of the same moment the first by name counts, in whatever order they come', async (t) => {
  const twins = [backup('a', dayMs), backup('b', dayMs)].map((one) => ({ ...one, isComplete: false }))
  t.strictSame(keptBy(twins, { last: 1 }), ['a'])
  t.strictSame(keptBy(twins.toReversed(), { last: 1 }), ['a'])
})

t.test('what is dated in the future is kept and takes no place', async (t) => {
  t.strictSame(keptBy([backup('future', -dayMs), ...days(3)], { last: 1, daily: 1 }), ['future', 'd0'])
})

t.test('a wider policy keeps more, and every volume keeps its last complete backup', async (t) => {
  const backups = fc.array(
    fc.record({
      volume: fc.constantFrom('a', 'b'),
      name: fc.uuid(),
      createdAtMs: fc.integer({ min: nowMs - 900 * dayMs, max: nowMs + dayMs }),
      storedAtMs: fc.integer({ min: nowMs - 900 * dayMs, max: nowMs }),
      tags: fc.subarray(['x', 'y']),
      isComplete: fc.boolean(),
    }),
    { maxLength: 40 },
  )
  const count = fc.nat({ max: 5 })
  const policies = fc.record({ last: count, hourly: count, daily: count, weekly: count, monthly: count, yearly: count })
  const property = fc.property(
    backups,
    policies,
    fc.constantFrom('last', 'daily', 'weekly', 'yearly'),
    (all, policy, key) => {
      fc.pre(!isEmptyPolicy(policy))
      const kept = new Set(keptBy(all, policy))
      const wider = new Set(keptBy(all, { ...policy, [key]: policy[key] + 1 }))
      if ([...kept].some((name) => !wider.has(name))) return false
      return ['a', 'b'].every((volume) => {
        const complete = all.filter((one) => one.volume === volume && one.isComplete)
        return complete.length === 0 || complete.some(({ name }) => kept.has(name))
      })
    },
  )
  t.doesNotThrow(() => fc.assert(property, { numRuns: 300 }))
})
