import { closeSync, openSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { listBackups, writeBackup, writeCopyBefore } from '../../src/store/backups.js'
import { openSqliteCopy, openSqliteFile } from '../../src/store/sqlite-file.js'
import { openTables } from '../../src/store/tables.js'
import { putVolume } from './rows.js'

const at = (minute: number) => new Date(Date.UTC(2026, 10, 20, 7, minute))

function open(directory: string) {
  const sqlite = openSqliteFile(join(directory, 'convoy.db'), () => undefined)
  const tables = openTables(sqlite)
  return { sqlite, tables, backups: join(directory, 'backups') }
}

function volumesIn(path: string): readonly string[] {
  const sqlite = openSqliteCopy(path)
  try {
    return openTables(sqlite)
      .load()
      .volumes.map(({ name }) => name)
  } finally {
    sqlite.close()
  }
}

t.test('DB13: a backup holds what was committed, also what is only in the log so far', async (t) => {
  const { sqlite, tables, backups } = open(t.testdir())
  tables.apply(putVolume('one'))
  const first = writeBackup(sqlite, backups, at(0))
  tables.apply(putVolume('two'))
  const second = writeBackup(sqlite, backups, at(1))
  sqlite.close()
  t.strictSame(volumesIn(first), ['one'])
  t.strictSame(volumesIn(second), ['one', 'two'])
  t.equal(first, join(backups, 'convoy-20261120T070000000Z.db'))
})

t.test('the newest seven backups are kept, and copies from before a schema change for ever', async (t) => {
  const { sqlite, tables, backups } = open(t.testdir())
  writeCopyBefore(sqlite, backups, 1)
  for (let minute = 0; minute < 12; minute++) {
    tables.apply(putVolume(`v${minute}`))
    writeBackup(sqlite, backups, at(minute))
  }
  sqlite.close()
  const kept = listBackups(backups)
  t.equal(kept.length, 7)
  t.equal(kept[0], 'convoy-20261120T071100000Z.db', 'the newest first')
  t.equal(kept.at(-1), 'convoy-20261120T070500000Z.db')
  t.strictSame(readdirSync(backups).sort(), ['before-schema-2.db', ...kept].sort())
  for (const [index, name] of kept.entries()) t.equal(volumesIn(join(backups, name)).length, 12 - index)
})

t.test('a root that was removed under the daemon fails the backup, and does not hang it', async (t) => {
  const directory = t.testdir({ database: {}, removed: {} })
  const { sqlite } = open(join(directory, 'database'))
  const descriptor = openSync(join(directory, 'removed'), 'r')
  t.teardown(() => closeSync(descriptor))
  rmdirSync(join(directory, 'removed'))
  t.throws(() => writeBackup(sqlite, `/proc/self/fd/${descriptor}/backups`, at(0)), { code: 'ENOENT' })
  sqlite.close()
})

t.test('DB13: a backup that was cut short is never used, and the next one clears it away', async (t) => {
  const { sqlite, tables, backups } = open(t.testdir())
  tables.apply(putVolume('db'))
  writeBackup(sqlite, backups, at(0))
  writeFileSync(join(backups, 'convoy-20261120T070500000Z.db.partial'), 'half of a database')
  t.strictSame(listBackups(backups), ['convoy-20261120T070000000Z.db'])
  writeFileSync(join(backups, 'convoy-20261120T070600000Z.db.partial'), 'half of a database')
  writeBackup(sqlite, backups, at(6))
  sqlite.close()
  t.strictSame(readdirSync(backups).sort(), ['convoy-20261120T070000000Z.db', 'convoy-20261120T070600000Z.db'])
})

t.test('a backup that cannot be written leaves the earlier ones', async (t) => {
  const directory = t.testdir()
  const { sqlite, tables, backups } = open(directory)
  tables.apply(putVolume('db'))
  const good = writeBackup(sqlite, backups, at(0))
  sqlite.close()
  t.throws(() => writeBackup(sqlite, backups, at(1)))
  t.strictSame(volumesIn(good), ['db'])
  t.equal(listBackups(backups).length, 1)
})

t.test('only files that we named are taken for backups', async (t) => {
  const directory = t.testdir({
    'convoy-20261120T070000000Z.db': '',
    'convoy-20261120T070000000Z.db.partial': '',
    'convoy-20261120T070000000Z.db-wal': '',
    'before-schema-2.db': '',
    'notes.txt': '',
  })
  t.strictSame(listBackups(directory), ['convoy-20261120T070000000Z.db'])
  t.strictSame(listBackups(join(directory, 'missing')), [])
})

t.test('DB06: a backup can be read where nothing can be written: it needs no log of its own', async (t) => {
  const { sqlite, tables, backups } = open(t.testdir())
  tables.apply(putVolume('db'))
  const path = writeBackup(sqlite, backups, at(0))
  sqlite.close()
  // The header says 1 for a rollback journal and 2 for a write-ahead log, which needs files beside the database.
  t.strictSame([...readFileSync(path).subarray(18, 20)], [1, 1])
})
