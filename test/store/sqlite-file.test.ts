import { existsSync, mkdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import Sqlite from 'better-sqlite3'
import fc from 'fast-check'
import t from 'tap'
import { ConvoyError } from '../../src/errors.js'
import { migrations, schemaVersion } from '../../src/store/migrations/index.js'
import {
  isSafeSqlite,
  migrate,
  nameUnsafeFileSystem,
  openSqliteCopy,
  openSqliteFile,
  sqliteError,
} from '../../src/store/sqlite-file.js'
import { openTables } from '../../src/store/tables.js'
import { putVolume } from './rows.js'

const noBackup = () => undefined

/** A database with one volume in it, closed. */
function populated(directory: string): string {
  const path = join(directory, 'convoy.db')
  const sqlite = openSqliteFile(path, noBackup)
  openTables(sqlite).apply(putVolume('db'))
  sqlite.close()
  return path
}

function refusal(act: () => unknown): ConvoyError {
  try {
    act()
  } catch (thrown) {
    if (thrown instanceof ConvoyError) return thrown
    throw thrown
  }
  throw new Error('it was not refused')
}

t.test('DB10: SQLite before 3.51.3 is refused, later ones are not', async (t) => {
  for (const version of ['3.51.3', '3.51.4', '3.52.0', '3.53.2', '3.100.0', '4.0.0'])
    t.ok(isSafeSqlite(version), version)
  for (const version of ['3.51.2', '3.51', '3.50.9', '3.7.0', '2.99.99', '', 'x', '3.51.x']) {
    t.notOk(isSafeSqlite(version), version)
  }
})

t.test('DB10: versions are compared by their numbers and not as text', async (t) => {
  const number = fc.integer({ min: 0, max: 200 })
  fc.assert(
    fc.property(number, number, number, (major, minor, patch) => {
      const rank = major * 1e6 + minor * 1e3 + patch
      return isSafeSqlite(`${major}.${minor}.${patch}`) === rank >= 3_051_003
    }),
    { numRuns: 5000 },
  )
  t.pass('5,000 versions')
})

t.test('DB10: the bundled SQLite is safe', async (t) => {
  const sqlite = new Sqlite(':memory:')
  t.ok(isSafeSqlite(String(sqlite.prepare('SELECT sqlite_version()').pluck().get())))
  sqlite.close()
})

t.test('DB02: the database is opened so that a commit survives a power cut', async (t) => {
  const sqlite = openSqliteFile(join(t.testdir(), 'convoy.db'), noBackup)
  t.equal(sqlite.pragma('journal_mode', { simple: true }), 'wal')
  t.equal(sqlite.pragma('synchronous', { simple: true }), 2, 'FULL')
  t.equal(sqlite.pragma('user_version', { simple: true }), schemaVersion)
  sqlite.close()
})

t.test('a root that does not exist is made', async (t) => {
  const path = join(t.testdir(), 'var', 'lib', 'convoy', 'convoy.db')
  openSqliteFile(path, noBackup).close()
  t.ok(existsSync(path))
})

t.test('DB12: a database of a newer program is refused with the way back, and left as it is', async (t) => {
  const path = populated(t.testdir())
  const sqlite = new Sqlite(path)
  sqlite.pragma(`user_version = ${schemaVersion + 1}`)
  sqlite.close()
  const before = readFileSync(path)
  const error = refusal(() => openSqliteFile(path, noBackup))
  t.match(error, {
    code: 'unavailable',
    message: `${path} has schema ${schemaVersion + 1}, this program knows ${schemaVersion}`,
  })
  t.match(error.hint, 'install the newer convoy again')
  t.match(error.hint, 'convoy rebuild')
  t.match(refusal(() => openSqliteCopy(path)).message, 'has schema')
  t.strictSame(readFileSync(path), before)
})

t.test('DB08: file systems without safe locks are refused by name', async (t) => {
  const known = { NFS: 0x6969, FUSE: 0x65735546, overlay: 0x794c7630, CIFS: 0xff534d42, '9p': 0x01021997 }
  for (const [name, magic] of Object.entries(known)) t.equal(nameUnsafeFileSystem(magic), name)
  const local = { ext: 0xef53, xfs: 0x58465342, btrfs: 0x9123683e, tmpfs: 0x01021994, zfs: 0x2fc12fc1 }
  for (const [name, magic] of Object.entries(local)) t.equal(nameUnsafeFileSystem(magic), undefined, name)
})

t.test('DB07: a page of garbage is found when the database is opened, and the way to mend it is named', async (t) => {
  const path = populated(t.testdir())
  const bytes = readFileSync(path)
  writeFileSync(path, bytes.fill(0xa5, 4096, 8192))
  const error = refusal(() => openSqliteFile(path, noBackup))
  t.match(error, { code: 'unavailable' })
  t.match(error.hint, 'convoy rebuild')
})

t.test('DB07: a file that is no database is refused with the same way to mend it', async (t) => {
  const directory = t.testdir({
    'convoy.db': 'this is a text, and long enough to have a header of its own\n'.repeat(100),
  })
  const path = join(directory, 'convoy.db')
  const error = refusal(() => openSqliteFile(path, noBackup))
  t.match(error, { code: 'unavailable', message: /file is not a database/ })
  t.match(error.hint, 'convoy rebuild')
})

t.test('DB07: a database that was cut short is refused', async (t) => {
  const path = populated(t.testdir())
  truncateSync(path, 4096 + 100)
  t.match(
    refusal(() => openSqliteFile(path, noBackup)),
    { code: 'unavailable' },
  )
})

t.test('DB07: a database that has lost its version is refused and not started afresh', async (t) => {
  const path = populated(t.testdir())
  const sqlite = new Sqlite(path)
  sqlite.pragma('user_version = 0')
  sqlite.close()
  t.match(
    refusal(() => openSqliteFile(path, noBackup)),
    { code: 'unavailable', message: /already exists/ },
  )
  const copy = new Sqlite(path)
  t.equal(copy.prepare('SELECT count(*) FROM volumes').pluck().get(), 1)
  copy.close()
})

t.test('a path that cannot hold a database is refused with the file system to look at', async (t) => {
  const directory = t.testdir()
  mkdirSync(join(directory, 'convoy.db'))
  const error = refusal(() => openSqliteFile(join(directory, 'convoy.db'), noBackup))
  t.match(error, { code: 'unavailable', hint: /look at the file system/ })
})

t.test('DB05: a full disk is told apart from a broken one', async (t) => {
  const full = sqliteError('/root/convoy.db', new Sqlite.SqliteError('database or disk is full', 'SQLITE_FULL'))
  t.match(full, { code: 'unavailable', hint: 'free some space on the file system of /root' })
  const broken = sqliteError('/root/convoy.db', new Sqlite.SqliteError('disk I/O error', 'SQLITE_IOERR_FSYNC'))
  t.match(broken, { code: 'unavailable', hint: /read-only, or failing/ })
  const corrupt = sqliteError('/root/convoy.db', new Sqlite.SqliteError('malformed', 'SQLITE_CORRUPT_INDEX'))
  t.match(corrupt, { code: 'unavailable', hint: /convoy rebuild/ })
  t.match(sqliteError('/root/convoy.db', 'text'), { code: 'unavailable', message: /text/ })
})

t.test('a copy is opened for reading only; one of an older schema is brought up to date in memory', async (t) => {
  const directory = t.testdir()
  const path = populated(directory)
  const old = join(directory, 'old.db')
  const older = new Sqlite(old)
  older.pragma('journal_mode = WAL')
  migrate(older, noBackup, migrations.slice(0, 1))
  older.exec(`INSERT INTO volumes (name, id, driver, state, created_at, attributes, options, origin)
    VALUES ('db', '11111111-0000', 'vfs', 'ready', '2026-01-01T00:00:00.000Z', '{}', '{}', 'created')`)
  older.close()
  const before = readFileSync(old)
  for (const copy of [path, old]) {
    const sqlite = openSqliteCopy(copy)
    t.equal(openTables(sqlite).load().volumes.length, 1, copy)
    t.throws(() => sqlite.exec('DELETE FROM volumes'), /readonly/)
    sqlite.close()
  }
  t.strictSame(readFileSync(old), before)
  t.match(
    refusal(() => openSqliteCopy(join(directory, 'missing.db'))),
    { code: 'unavailable' },
  )
})
