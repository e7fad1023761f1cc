import assert from 'node:assert/strict'
import { join } from 'node:path'
import Sqlite from 'better-sqlite3'
import fc from 'fast-check'
import t from 'tap'
import { type ConvoyEvent, eventTypes } from '../../src/model/event.js'
import { writeCopyBefore } from '../../src/store/backups.js'
import type { EventPruning, EventQuery } from '../../src/store/events.js'
import { migrations } from '../../src/store/migrations/index.js'
import { SqliteDatabase } from '../../src/store/sqlite-database.js'
import { migrate, openSqliteFile } from '../../src/store/sqlite-file.js'
import { openTables } from '../../src/store/tables.js'
import { KeptEvents } from '../fakes/kept-events.js'
import { attributes, putVolume, volumeNames, volumeRow } from './rows.js'

const open = (directory: string) => openSqliteFile(join(directory, 'convoy.db'), () => undefined)
const event = (id: number, more: Partial<ConvoyEvent> = {}): ConvoyEvent => ({
  id,
  time: new Date(id * 1000).toISOString(),
  type: 'volume.create',
  ...more,
})

// Few of each, so that queries and prunings meet them. Clocks go back, too.
const times = fc.integer({ min: 0, max: 50 }).map((s) => new Date(s * 1000).toISOString())
const names = fc.constantFrom('a', 'b')
const events = fc
  .array(
    fc.record(
      {
        id: fc.integer({ min: 1, max: 4 }),
        time: times,
        type: fc.constantFrom(...eventTypes),
        volume: names,
        mountId: fc.string(),
        count: fc.nat(),
        error: fc.string(),
      },
      { requiredKeys: ['id', 'time', 'type'], noNullPrototype: true },
    ),
    { maxLength: 40 },
  )
  // Ids grow, with holes where changes have failed.
  .map((rows) => {
    let last = 0
    return rows.map((row) => ({ ...row, id: (last += row.id) }))
  })
const queries: fc.Arbitrary<EventQuery> = fc.record(
  {
    afterId: fc.nat(100),
    fromTime: times,
    filter: fc.record(
      { types: fc.subarray(['volume', 'volume.mount', 'job', 'gap', 'daemon.start']), volume: names },
      { requiredKeys: ['types'] },
    ),
    limit: fc.integer({ min: 1, max: 12 }),
  },
  { requiredKeys: ['afterId', 'filter', 'limit'] },
)
const prunings: fc.Arbitrary<EventPruning> = fc.record({
  beforeTime: times,
  most: fc.nat(50),
  batch: fc.integer({ min: 1, max: 50 }),
})

t.test('the table keeps, finds and prunes events as the simplest words say', async (t) => {
  const sqlite = open(t.testdir())
  const tables = openTables(sqlite)
  fc.assert(
    fc.property(events, fc.array(fc.oneof(queries, prunings), { maxLength: 12 }), (rows, steps) => {
      sqlite.exec('DELETE FROM events')
      const kept = new KeptEvents()
      for (const row of rows) {
        tables.apply({ put: 'event', row })
        kept.put(row)
      }
      for (const step of steps) {
        if ('limit' in step) assert.deepEqual(tables.events.read(step), kept.read(step))
        else assert.equal(tables.events.prune(step), kept.prune(step))
        assert.equal(tables.load().lastEventId, kept.newestId)
      }
    }),
    { numRuns: 500 },
  )
  sqlite.close()
  t.pass('500 tables')
})

t.test('pages follow one another without a hole or a repetition, whatever the filter', async (t) => {
  const sqlite = open(t.testdir())
  const tables = openTables(sqlite)
  for (let id = 1; id <= 100; id++) {
    tables.apply({ put: 'event', row: event(id, { type: id % 3 === 0 ? 'job.finish' : 'volume.mount', volume: 'db' }) })
  }
  for (const types of [[], ['job'], ['volume'], ['daemon']]) {
    const seen: number[] = []
    for (let afterId = 0; afterId < 100;) {
      const page = tables.events.read({ afterId, filter: { types }, limit: 7 })
      seen.push(...page.events.map(({ id }) => id))
      t.ok(page.upToId > afterId, 'every page comes further')
      afterId = page.upToId
    }
    const all = Array.from({ length: 100 }, (_, index) => index + 1)
    const isWanted = (id: number) => types.length === 0 || types.includes(id % 3 === 0 ? 'job' : 'volume')
    t.strictSame(seen, all.filter(isWanted))
  }
  sqlite.close()
})

t.test('pruning by age and by number ends, and leaves the newest event, whose id the next one follows', async (t) => {
  const sqlite = open(t.testdir())
  const tables = openTables(sqlite)
  for (let id = 1; id <= 50; id++) tables.apply({ put: 'event', row: event(id) })
  const ids = () => sqlite.prepare('SELECT id FROM events ORDER BY id').pluck().all()
  const prune = (pruning: EventPruning) => {
    let batches = 1
    while (tables.events.prune(pruning)) batches++
    return batches
  }
  const longAgo = new Date(0).toISOString()
  t.equal(prune({ beforeTime: longAgo, most: 40, batch: 3 }), 4, 'a few at a time')
  t.strictSame(ids().length, 40)
  t.equal(prune({ beforeTime: new Date(45_000).toISOString(), most: 40, batch: 500 }), 1)
  t.strictSame(ids(), [45, 46, 47, 48, 49, 50])
  prune({ beforeTime: '9', most: 1, batch: 2 })
  t.strictSame(ids(), [50])
  t.equal(tables.load().lastEventId, 50)
  sqlite.close()
})

t.test('an event that nobody can read is left out, and does not end the reading', async (t) => {
  const sqlite = open(t.testdir())
  const tables = openTables(sqlite)
  for (let id = 1; id <= 3; id++) tables.apply({ put: 'event', row: event(id) })
  sqlite.exec("UPDATE events SET details = '[' WHERE id = 1; UPDATE events SET type = 'volume.explode' WHERE id = 2")
  t.match(tables.events.read({ afterId: 0, filter: { types: [] }, limit: 9 }), { events: [{ id: 3 }], upToId: 3 })
  sqlite.close()
})

t.test('details come back as they were put, whatever the names and texts', async (t) => {
  const sqlite = open(t.testdir())
  const tables = openTables(sqlite)
  fc.assert(
    fc.property(volumeNames, attributes, (volume, texts) => {
      sqlite.exec('DELETE FROM events')
      const row = event(1, { volume, error: JSON.stringify(texts), ...(texts as object), id: 1 })
      const { time, type } = event(1)
      tables.apply({ put: 'event', row: { ...row, time, type, volume } })
      const [found] = tables.events.read({ afterId: 0, filter: { types: [], volume }, limit: 1 }).events
      assert.deepEqual(found, { ...row, time, type, volume })
    }),
  )
  sqlite.close()
  t.pass()
})

t.test('DB11: a database of the schema before events keeps its rows, and has a copy from before', async (t) => {
  const directory = t.testdir()
  const path = join(directory, 'convoy.db')
  const old = new Sqlite(path)
  migrate(old, () => undefined, migrations.slice(0, 1))
  old.exec(`INSERT INTO volumes VALUES ('db', 'id-1', 'vfs', 'ready', '2026-11-20T07:00:00.000Z', '{}', '{}', 'created',
    NULL, NULL, NULL)`)
  old.close()
  const backups = join(directory, 'backups')
  const sqlite = openSqliteFile(path, (opened, version) => writeCopyBefore(opened, backups, version))
  const tables = openTables(sqlite)
  t.match(tables.load(), { volumes: [{ name: 'db', id: 'id-1', state: 'ready' }], lastEventId: 0 })
  tables.apply({ put: 'event', row: event(1) })
  t.equal(tables.load().lastEventId, 1)
  sqlite.close()
  const before = new Sqlite(join(backups, 'before-schema-2.db'), { readonly: true })
  t.equal(before.prepare('SELECT name FROM volumes').pluck().get(), 'db')
  before.close()
})

t.test('through the database thread: events are in the transaction of their change, or nowhere', async (t) => {
  const root = t.testdir()
  const { database } = await SqliteDatabase.open(root)
  const impossible = { ...volumeRow('b'), driver: null } as unknown as ReturnType<typeof volumeRow>
  const outcomes = await database.commit([
    { step: 'create-done', writes: [putVolume('a'), { put: 'event', row: event(1, { volume: 'a' }) }] },
    {
      step: 'create-done',
      writes: [
        { put: 'event', row: event(2) },
        { put: 'volume', row: impossible },
      ],
    },
    { step: 'create-done', writes: [putVolume('c'), { put: 'event', row: event(3, { volume: 'c' }) }] },
  ])
  t.strictSame(
    outcomes.map((outcome) => outcome?.code),
    [undefined, 'unavailable', undefined],
  )
  const everything = { afterId: 0, filter: { types: [] }, limit: 9 }
  t.match((await database.readEvents(everything)).events, [{ id: 1 }, { id: 3 }])
  t.equal(await database.pruneEvents({ beforeTime: '9', most: 9, batch: 1 }), false)
  t.match(await database.readEvents(everything), { events: [{ id: 3 }], oldestId: 3, newestId: 3 })
  await database.close()
  await t.rejects(database.readEvents(everything), { code: 'unavailable' })
  const again = await SqliteDatabase.open(root)
  t.equal(again.contents.lastEventId, 3)
  await again.database.close()
})
