import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { CommitQueue } from '../../src/store/commit-queue.js'
import { keyOf, type LedgerChange, type LedgerWrite } from '../../src/store/ledger-write.js'
import { MemoryDatabase } from './memory-database.js'
import { putVolume } from './rows.js'

const change = (...writes: readonly LedgerWrite[]): LedgerChange => ({ step: 'journal', writes })
const note = (id: string, value: string) => ({ put: 'journal', id, notes: { value } }) as const

t.test('what arrives while a batch is written shares the next one', async (t) => {
  const database = new MemoryDatabase()
  const queue = new CommitQueue(database, setImmediate)
  const open = database.hold()
  const first = queue.commit(change(putVolume('first')))
  await Promise.resolve()
  const later = Array.from({ length: 100 }, (_, index) => queue.commit(change(putVolume(`v${index}`))))
  open()
  await Promise.all([first, ...later])
  t.strictSame(
    database.batches.map((batch) => batch.length),
    [1, 100],
  )
})

t.test('changes of one turn of the event loop share a batch', async (t) => {
  const database = new MemoryDatabase()
  const queue = new CommitQueue(database, setImmediate)
  await Promise.all(Array.from({ length: 50 }, (_, index) => queue.commit(change(putVolume(`v${index}`)))))
  t.equal(database.batches.length, 1)
})

t.test('a change that nobody waits for shares the batch of the next one, or gets its own soon', async (t) => {
  const database = new MemoryDatabase()
  const moments: (() => void)[] = []
  const queue = new CommitQueue(database, (act) => moments.push(act))
  queue.commitLater(change(putVolume('late')))
  queue.commitLater(change(putVolume('later')))
  await new Promise(setImmediate)
  t.equal(database.batches.length, 0)
  t.equal(moments.length, 1, 'one moment serves both')
  await queue.commit(change(putVolume('next')))
  t.strictSame(
    database.batches.map((batch) => batch.flatMap(({ writes }) => writes.map(keyOf))),
    [['volume late', 'volume later', 'volume next']],
  )
  moments.pop()?.()
  await queue.settle()
  t.equal(database.batches.length, 1, 'nothing is left to save')
  queue.commitLater(change(putVolume('last')))
  moments.pop()?.()
  await new Promise(setImmediate)
  t.equal(database.batches.length, 2)
  queue.commitLater(change(putVolume('end')))
  await queue.settle()
  t.equal(database.batches.length, 3, 'settling waits for no moment')
})

t.test('there is never more than one batch under way, and changes keep their order', async (t) => {
  const database = new MemoryDatabase()
  const queue = new CommitQueue(database, setImmediate)
  const written: Promise<void>[] = []
  for (let index = 0; index < 200; index++) {
    written.push(queue.commit(change(note('one', String(index)))))
    if (index % 3 === 0) await Promise.resolve()
    if (index % 7 === 0) await new Promise(setImmediate)
  }
  await Promise.all(written)
  t.equal(database.mostRunning, 1)
  const order = database.batches
    .flat()
    .map(({ writes: [write] }) => (write && 'notes' in write ? write.notes['value'] : ''))
  t.strictSame(
    order,
    Array.from({ length: 200 }, (_, index) => String(index)),
  )
})

t.test('a change that is refused rejects for its caller alone', async (t) => {
  const database = new MemoryDatabase()
  const queue = new CommitQueue(database, setImmediate)
  database.refuses = ({ writes: [write] }) => write !== undefined && keyOf(write) === 'volume bad'
  const outcomes = await Promise.allSettled(
    ['good', 'bad', 'fine'].map((name) => queue.commit(change(putVolume(name)))),
  )
  t.strictSame(
    outcomes.map(({ status }) => status),
    ['fulfilled', 'rejected', 'fulfilled'],
  )
  t.match(outcomes[1], { reason: { code: 'unavailable', message: 'the disk is full' } })
  t.strictSame([...database.rows.keys()], ['volume good', 'volume fine'])
})

t.test('DB05: a change that nobody waits for is kept until the disk takes it', async (t) => {
  const database = new MemoryDatabase()
  const queue = new CommitQueue(database, setImmediate)
  database.refuses = () => true
  queue.commitLater(change(note('one', 'kept')))
  await queue.settle()
  await queue.settle()
  t.equal(database.rows.size, 0)
  database.refuses = () => false
  await queue.commit(change(putVolume('next')))
  t.strictSame([...database.rows.keys()], ['journal one', 'volume next'])
})

t.test('settle saves what could not be saved before, without a new change', async (t) => {
  const database = new MemoryDatabase()
  const queue = new CommitQueue(database, setImmediate)
  database.refuses = () => true
  queue.commitLater(change(note('one', 'kept')))
  await queue.settle()
  database.refuses = () => false
  await queue.settle()
  t.strictSame([...database.rows.keys()], ['journal one'])
})

t.test('what was given up is not saved, also when the disk takes it again', async (t) => {
  const database = new MemoryDatabase()
  const queue = new CommitQueue(database, setImmediate)
  database.refuses = () => true
  queue.commitLater(change(note('one', 'of another database')))
  await queue.settle()
  queue.dropUnsaved()
  database.refuses = () => false
  await queue.commit(change(note('two', 'kept')))
  t.strictSame([...database.rows.keys()], ['journal two'])
})

t.test('settle waits for all that was handed in before it and ends when nothing is left', async (t) => {
  const database = new MemoryDatabase()
  const queue = new CommitQueue(database, setImmediate)
  for (let index = 0; index < 10; index++) {
    queue.commitLater(change(note(String(index), 'x')))
    await Promise.resolve()
  }
  await queue.settle()
  t.equal(database.rows.size, 10)
  await queue.settle()
  await new CommitQueue(database, setImmediate).settle()
})

t.test('a row that was refused never overwrites a newer one, and the rest of its change is still saved', async (t) => {
  const database = new MemoryDatabase()
  const queue = new CommitQueue(database, setImmediate)
  database.refuses = ({ writes }) => writes.length === 2
  queue.commitLater(change(note('one', 'old'), note('two', 'old')))
  await queue.commit(change(note('one', 'new')))
  database.refuses = () => false
  await queue.settle()
  t.match(database.rows.get('journal one'), { notes: { value: 'new' } })
  t.match(database.rows.get('journal two'), { notes: { value: 'old' } })
})

interface Step {
  readonly isLater: boolean
  /** Which rows it sets; several of them make one change. */
  readonly rows: readonly number[]
  /** The disk refuses it the first `failures` times it sees it. */
  readonly failures: number
  readonly pause: 'none' | 'microtask' | 'turn'
}

const steps = fc.array(
  fc.record<Step>({
    isLater: fc.boolean(),
    rows: fc.uniqueArray(fc.integer({ min: 0, max: 3 }), { minLength: 1, maxLength: 3 }),
    failures: fc.constantFrom(0, 0, 0, 1, 2, 5),
    pause: fc.constantFrom('none', 'microtask', 'turn'),
  }),
  { maxLength: 25 },
)

async function pauseFor(pause: Step['pause']): Promise<void> {
  if (pause === 'microtask') await Promise.resolve()
  if (pause === 'turn') await new Promise(setImmediate)
}

t.test(
  'DB05: whatever the disk refuses, each row ends as the newest change left it that was not rejected',
  async () => {
    const property = fc.asyncProperty(steps, async (sequence) => {
      const database = new MemoryDatabase()
      const queue = new CommitQueue(database, setImmediate)
      const seen = new Map<string, number>()
      database.refuses = ({ writes }) => {
        const serial = writes.map((write) => ('notes' in write ? write.notes['value'] : '')).find(Boolean) ?? ''
        const times = seen.get(serial) ?? 0
        seen.set(serial, times + 1)
        return times < (sequence[Number(serial)]?.failures ?? 0)
      }
      const rejected = new Set<number>()
      const order: number[] = []
      const waiting = sequence.map(async ({ isLater, rows, pause }, serial) => {
        for (let turns = 0; turns < serial; turns++) await pauseFor(pause)
        const made = change(...rows.map((row) => note(String(row), String(serial))))
        order.push(serial)
        if (isLater) queue.commitLater(made)
        else await queue.commit(made).catch(() => rejected.add(serial))
      })
      await Promise.all(waiting)
      for (let tries = 0; tries < 6; tries++) await queue.settle()
      const expected = new Map<string, string>()
      for (const serial of order) {
        if (rejected.has(serial)) continue
        for (const row of sequence[serial]?.rows ?? []) expected.set(`journal ${row}`, String(serial))
      }
      const kept = new Map(
        [...database.rows].map(([key, write]) => [key, 'notes' in write ? (write.notes['value'] ?? '') : ''] as const),
      )
      assert.ok(database.mostRunning <= 1)
      assert.deepEqual([...kept].sort(), [...expected].sort())
    })
    await fc.assert(property, { numRuns: 500 })
  },
)
