import assert from 'node:assert/strict'
import { join } from 'node:path'
import type Sqlite from 'better-sqlite3'
import fc from 'fast-check'
import t from 'tap'
import { parseMountId } from '../../src/model/mount.js'
import { keyOf, type LedgerContents, type LedgerWrite } from '../../src/store/ledger-write.js'
import { openSqliteFile } from '../../src/store/sqlite-file.js'
import { openTables } from '../../src/store/tables.js'
import { emptyContents, putVolume, removalOf, volumeRow, writes } from './rows.js'

const noBackup = () => {
  throw new Error('a fresh database needs no backup')
}
const open = (directory: string): Sqlite.Database => openSqliteFile(join(directory, 'convoy.db'), noBackup)

const volumeIdOf = (write: LedgerWrite) => ('put' in write && write.put === 'volume' ? write.row.id : undefined)

/** The rows as the puts that make them. */
function contentsOf({ volumes, mounts, trash, jobs, journals, settings }: LedgerContents): readonly LedgerWrite[] {
  return [
    ...volumes.map((row) => ({ put: 'volume', row }) as const),
    ...mounts.map((row) => ({ put: 'mount', row }) as const),
    ...trash.map((row) => ({ put: 'trash', row }) as const),
    ...jobs.map((row) => ({ put: 'job', row }) as const),
    ...journals.map(([id, notes]) => ({ put: 'journal', id, notes }) as const),
    ...settings.map(([key, value]) => ({ put: 'setting', key, value }) as const),
  ]
}

t.test('a fresh database holds nothing', async (t) => {
  const sqlite = open(t.testdir())
  t.strictSame(openTables(sqlite).load(), emptyContents)
  sqlite.close()
})

t.test('every kind of row comes back as it was put, and is gone once removed', async (t) => {
  const sqlite = open(t.testdir())
  const tables = openTables(sqlite)
  // An id belongs to one volume, whatever its name.
  const isSameRow = (one: LedgerWrite, other: LedgerWrite) =>
    keyOf(one) === keyOf(other) || (volumeIdOf(one) ?? '') === volumeIdOf(other)
  const uniqueWrites = fc.uniqueArray(writes, { comparator: isSameRow, maxLength: 30 })
  fc.assert(
    fc.property(uniqueWrites, (rows) => {
      sqlite.exec('BEGIN')
      try {
        for (const row of rows) tables.apply(row)
        assert.deepEqual(byKey(contentsOf(tables.load())), byKey(rows))
        // A put replaces, a removal may be repeated.
        for (const row of rows) tables.apply(row)
        assert.deepEqual(byKey(contentsOf(tables.load())), byKey(rows))
        const removals = rows.map(removalOf).filter((write) => write !== undefined)
        for (const removal of [...removals, ...removals]) tables.apply(removal)
        assert.deepEqual(
          contentsOf(tables.load()).filter((write) => 'put' in write && write.put !== 'setting'),
          [],
        )
      } finally {
        sqlite.exec('ROLLBACK')
      }
    }),
    { numRuns: 200 },
  )
  sqlite.close()
  t.pass('200 sets of rows')
})

const byKey = (rows: readonly LedgerWrite[]) => new Map(rows.map((row) => [keyOf(row), row] as const).sort())

t.test('optional columns that are absent stay absent rather than null or empty', async (t) => {
  const sqlite = open(t.testdir())
  const tables = openTables(sqlite)
  tables.apply(putVolume('plain'))
  tables.apply(putVolume('whole', { onRemove: 'trash', mountpoint: '/m', sizeBytes: 0, state: 'attached' }))
  t.strictSame(tables.load().volumes, [
    volumeRow('plain'),
    volumeRow('whole', { onRemove: 'trash', mountpoint: '/m', sizeBytes: 0, state: 'attached' }),
  ])
  sqlite.close()
})

t.test('compat: names that differ in case, or that begin alike, are different volumes', async (t) => {
  const sqlite = open(t.testdir())
  const tables = openTables(sqlite)
  for (const name of ['vol1', 'vol10', 'Vol1', 'config', 'db', 'db.tmp']) tables.apply(putVolume(name))
  tables.apply({ remove: 'volume', name: volumeRow('vol1').name })
  t.strictSame(
    tables.load().volumes.map(({ name }) => String(name)),
    ['Vol1', 'config', 'db', 'db.tmp', 'vol10'],
  )
  sqlite.close()
})

t.test('compat: an id that gives up one volume keeps its others, and the volume its other ids', async (t) => {
  const sqlite = open(t.testdir())
  const tables = openTables(sqlite)
  const held = [
    ['db', 'a1'],
    ['db', 'b2'],
    ['other', 'a1'],
  ] as const
  for (const [name, id] of held) {
    const volume = volumeRow(name).name
    tables.apply({ put: 'mount', row: { volume, id: parseMountId(id), count: 1, epoch: 0, mountedAt: 'now' } })
  }
  tables.apply({ remove: 'mount', volume: volumeRow('db').name, id: parseMountId('a1') })
  t.strictSame(
    tables.load().mounts.map(({ volume, id }) => `${volume} ${id}`),
    ['db b2', 'other a1'],
  )
  sqlite.close()
})

t.test('a value of a wrong type is refused by the schema', async (t) => {
  const sqlite = open(t.testdir())
  const tables = openTables(sqlite)
  const wrong = [
    { put: 'mount', row: { volume: 'db', id: 'a1', count: 0, epoch: 0, mountedAt: 'now' } },
    { put: 'volume', row: { ...volumeRow('db'), sizeBytes: 1.5 } },
    { put: 'volume', row: { ...volumeRow('db'), driver: null } },
  ] as unknown as readonly LedgerWrite[]
  for (const write of wrong) t.throws(() => tables.apply(write))
  t.strictSame(tables.load(), emptyContents)
  sqlite.close()
})
