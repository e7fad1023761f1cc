import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { parseMountId } from '../../src/model/mount.js'
import { parseVolumeName } from '../../src/model/volume-name.js'
import { Ledger } from '../../src/store/ledger.js'
import { keyOf, type LedgerContents, type LedgerWrite } from '../../src/store/ledger-write.js'
import { MemoryDatabase } from './memory-database.js'
import { emptyContents, putVolume, removalOf, volumeRow, writes } from './rows.js'

const db = parseVolumeName('db')
const mount = (id: string, count = 1) =>
  ({
    put: 'mount',
    row: { volume: db, id: parseMountId(id), count, epoch: 0, mountedAt: '2026-11-20T07:00:00.000Z' },
  }) as const

function open(contents: Partial<LedgerContents> = {}) {
  const database = new MemoryDatabase()
  return { database, ledger: new Ledger(database, { ...emptyContents, ...contents }, setImmediate) }
}

t.test('a change is visible once it is durable, and not before', async (t) => {
  const { ledger, database } = open()
  const release = database.hold()
  const committed = ledger.commit('create-intent', putVolume('db'))
  await new Promise(setImmediate)
  t.equal(ledger.volumes.has(db), false)
  release()
  await committed
  t.equal(ledger.volumes.has(db), true)
  t.equal(database.rows.has('volume db'), true)
})

t.test('a change that the disk refuses never becomes visible', async (t) => {
  const { ledger, database } = open({ volumes: [volumeRow('db')] })
  database.refuses = () => true
  const { revision } = ledger
  await t.rejects(ledger.commit('mount', mount('a1')), { code: 'unavailable' })
  await t.rejects(ledger.commit('remove-done', { remove: 'volume', name: db }), { code: 'unavailable' })
  t.equal(ledger.mountsOf(db).size, 0)
  t.equal(ledger.volumes.has(db), true)
  t.equal(ledger.revision, revision)
})

t.test('commitLater shows at once what becomes durable soon', async (t) => {
  const { ledger, database } = open()
  const release = database.hold()
  ledger.commitLater('create-done', putVolume('db'))
  t.equal(ledger.volumes.has(db), true)
  t.equal(database.rows.size, 0)
  release()
  await ledger.settle()
  t.equal(database.rows.has('volume db'), true)
})

t.test('DB15: reads are answered while a commit hangs on a slow disk', async (t) => {
  const { ledger, database } = open({ volumes: [volumeRow('db')], mounts: [mount('a1').row] })
  const release = database.hold()
  const committed = Promise.all(
    Array.from({ length: 20 }, (_, index) => ledger.commit('create-intent', putVolume(`v${index}`))),
  )
  await new Promise(setImmediate)
  t.equal(database.running, 1)
  t.equal(ledger.volumes.get(db)?.name, 'db')
  t.equal(ledger.mountsOf(db).size, 1)
  t.equal(database.running, 1, 'the commit still hangs')
  release()
  await committed
})

t.test('the revision grows with every visible change and stays with everything else', async (t) => {
  const { ledger } = open()
  const revisions = [ledger.revision]
  await ledger.commit('create-intent', putVolume('db'))
  revisions.push(ledger.revision)
  ledger.commitLater('mount', mount('a1'))
  revisions.push(ledger.revision)
  await ledger.commit('remove-done', { remove: 'volume', name: db })
  revisions.push(ledger.revision)
  t.strictSame(new Set(revisions).size, 4)
  t.strictSame(
    revisions,
    [...revisions].sort((a, b) => a - b),
  )
  ledger.mountsOf(db)
  await ledger.settle()
  await ledger.backup(new Date())
  t.equal(ledger.revision, revisions.at(-1))
})

t.test('a volume is mounted as long as one of its ids is', async (t) => {
  const { ledger } = open({ volumes: [volumeRow('db')] })
  t.equal(ledger.mountsOf(db).size, 0)
  await ledger.commit('mount', mount('a1'), mount('b2'))
  await ledger.commit('mount', mount('a1', 2))
  t.strictSame(
    [...ledger.mountsOf(db).values()].map(({ id, count }) => [id, count] as const),
    [
      ['a1', 2],
      ['b2', 1],
    ] as never,
  )
  t.strictSame([...ledger.mountedNames], [db])
  await ledger.commit('unmount', { remove: 'mount', volume: db, id: parseMountId('a1') })
  t.strictSame([...ledger.mountedNames], [db])
  await ledger.commit('unmount', { remove: 'mount', volume: db, id: parseMountId('b2') })
  t.strictSame([...ledger.mountedNames], [])
  await ledger.commit('unmount', { remove: 'mount', volume: db, id: parseMountId('b2') })
})

t.test('the epoch counts from nothing', async (t) => {
  const { ledger } = open()
  t.equal(ledger.epoch, 0)
  await ledger.commit('activate', { put: 'setting', key: 'epoch', value: '41' })
  t.equal(ledger.epoch, 41)
  t.equal(ledger.setting('host-id'), undefined)
})

t.test('a journal that was never written is empty', async (t) => {
  const { ledger } = open()
  t.strictSame(ledger.journalOf('nobody'), {})
  await ledger.commit('journal', { put: 'journal', id: 'one', notes: { device: 'sdf' } })
  t.strictSame(ledger.journalOf('one'), { device: 'sdf' })
  await ledger.commit('journal', { remove: 'journal', id: 'one' })
  t.strictSame(ledger.journalOf('one'), {})
})

t.test('closing saves what nobody waited for, then closes the database', async (t) => {
  const { ledger, database } = open()
  const release = database.hold()
  ledger.commitLater('create-done', putVolume('db'))
  const closed = ledger.close()
  await new Promise(setImmediate)
  t.equal(database.isClosed, false)
  release()
  await closed
  t.equal(database.rows.has('volume db'), true)
  t.equal(database.isClosed, true)
})

/** What the ledger shows, as the rows that would show the same. */
function visible(ledger: Ledger): readonly LedgerWrite[] {
  const journals: LedgerWrite[] = [...known].flatMap((id) => {
    const notes = ledger.journalOf(id)
    return Object.keys(notes).length === 0 ? [] : [{ put: 'journal', id, notes } as const]
  })
  return [
    ...[...ledger.volumes.values()].map((row) => ({ put: 'volume', row }) as const),
    ...[...ledger.mountedNames].flatMap((name) =>
      [...ledger.mountsOf(name).values()].map((row) => ({ put: 'mount', row }) as const),
    ),
    ...[...ledger.trash.values()].map((row) => ({ put: 'trash', row }) as const),
    ...[...ledger.jobs.values()].map((row) => ({ put: 'job', row }) as const),
    ...journals,
  ]
}

const known = new Set<string>()

t.test('what is visible is what is on disk, after any changes of any kind', async () => {
  const changes = fc.array(fc.tuple(writes, fc.boolean(), fc.boolean()), { maxLength: 30 })
  await fc.assert(
    fc.asyncProperty(changes, async (sequence) => {
      const { ledger, database } = open()
      known.clear()
      for (const [write, isRemoved, isLater] of sequence) {
        if ('notes' in write) known.add(write.id)
        const removal = removalOf(write)
        for (const each of isRemoved && removal !== undefined ? [write, removal] : [write]) {
          if (isLater) ledger.commitLater('discover', each)
          else await ledger.commit('discover', each)
        }
      }
      await ledger.settle()
      const isShown = (write: LedgerWrite) =>
        'put' in write && write.put !== 'setting' && !('notes' in write && Object.keys(write.notes).length === 0)
      const rows = [...database.rows.values()].filter(isShown)
      assert.deepEqual(byKey(visible(ledger)), byKey(rows))
    }),
    { numRuns: 100 },
  )
})

const byKey = (rows: readonly LedgerWrite[]) => new Map(rows.map((row) => [keyOf(row), row] as const))
