import { spawnSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import Sqlite from 'better-sqlite3'
import t from 'tap'
import { writeCopyBefore } from '../../src/store/backups.js'
import { migrations, schemaVersion } from '../../src/store/migrations/index.js'
import { migrate } from '../../src/store/sqlite-file.js'

/** Three releases of a schema; `die()` is where a test wants the program to be killed. */
const releases: readonly string[] = [
  "CREATE TABLE one (value TEXT); INSERT INTO one VALUES ('kept')",
  'CREATE TABLE two (value TEXT); SELECT die(); INSERT INTO two SELECT value FROM one; DROP TABLE one',
  'CREATE TABLE three (value TEXT); INSERT INTO three SELECT value FROM two',
]

function open(path: string, die: () => number = () => 0): Sqlite.Database {
  const sqlite = new Sqlite(path)
  sqlite.pragma('journal_mode = WAL')
  sqlite.pragma('synchronous = FULL')
  sqlite.function('die', die)
  return sqlite
}

const version = (sqlite: Sqlite.Database) => sqlite.pragma('user_version', { simple: true })
const tables = (sqlite: Sqlite.Database) =>
  sqlite.prepare("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name").pluck().all()

t.test('the schema version is the number of migrations, each of which does something', async (t) => {
  t.equal(schemaVersion, migrations.length)
  for (const migration of migrations) t.match(migration, /CREATE|ALTER|UPDATE/)
})

t.test('a fresh database gets every migration and no backup', async (t) => {
  const sqlite = open(join(t.testdir(), 'convoy.db'))
  migrate(sqlite, () => t.fail('there is nothing to back up'), releases)
  t.equal(version(sqlite), 3)
  t.strictSame(tables(sqlite), ['three', 'two'])
  migrate(sqlite, () => t.fail('nothing is left to do'), releases)
  sqlite.close()
})

t.test('DB11: a backup is written before each migration of an existing database', async (t) => {
  const directory = t.testdir()
  const sqlite = open(join(directory, 'convoy.db'))
  const backups = join(directory, 'backups')
  migrate(sqlite, () => undefined, releases.slice(0, 1))
  migrate(sqlite, (opened, from) => writeCopyBefore(opened, backups, from), releases)
  t.strictSame(readdirSync(backups).sort(), ['before-schema-2.db', 'before-schema-3.db'])
  const before = new Sqlite(join(backups, 'before-schema-2.db'), { readonly: true })
  t.equal(version(before), 1)
  t.equal(before.prepare('SELECT value FROM one').pluck().get(), 'kept')
  before.close()
  sqlite.close()
})

t.test('DB11: without a backup there is no migration', async (t) => {
  const sqlite = open(join(t.testdir(), 'convoy.db'))
  migrate(sqlite, () => undefined, releases.slice(0, 1))
  const refuse = () => {
    throw new Error('no space for a backup')
  }
  t.throws(() => migrate(sqlite, refuse, releases), /no space/)
  t.equal(version(sqlite), 1)
  t.strictSame(tables(sqlite), ['one'])
  sqlite.close()
})

t.test('DB11: a migration that fails midway leaves the version before it', async (t) => {
  const fail = () => {
    throw new Error('power cut')
  }
  const sqlite = open(join(t.testdir(), 'convoy.db'), fail)
  t.throws(() => migrate(sqlite, () => undefined, releases), /power cut/)
  t.equal(version(sqlite), 1)
  t.strictSame(tables(sqlite), ['one'])
  sqlite.close()
})

t.test('DB11: a migration that is killed midway is made again at the next start', async (t) => {
  const directory = t.testdir()
  const path = join(directory, 'convoy.db')
  const first = open(path)
  migrate(first, () => undefined, releases.slice(0, 1))
  first.close()
  const { signal } = spawnSync(process.execPath, ['--input-type=module', '-e', killedMidway(directory)])
  t.equal(signal, 'SIGKILL')
  const sqlite = open(path)
  t.equal(version(sqlite), 1)
  t.strictSame(tables(sqlite), ['one'])
  migrate(sqlite, (opened, from) => writeCopyBefore(opened, join(directory, 'backups'), from), releases)
  t.equal(version(sqlite), 3)
  t.equal(sqlite.prepare('SELECT value FROM three').pluck().get(), 'kept')
  t.equal(sqlite.pragma('quick_check', { simple: true }), 'ok')
  sqlite.close()
  t.strictSame(readdirSync(join(directory, 'backups')).sort(), ['before-schema-2.db', 'before-schema-3.db'])
})

/** A program that migrates as the daemon does and is killed between two statements. */
function killedMidway(directory: string): string {
  const source = (name: string) => JSON.stringify(new URL(`../../src/store/${name}.js`, import.meta.url).href)
  return `
    const { default: Sqlite } = await import(${JSON.stringify(import.meta.resolve('better-sqlite3'))})
    const { migrate } = await import(${source('sqlite-file')})
    const { writeCopyBefore } = await import(${source('backups')})
    const sqlite = new Sqlite(${JSON.stringify(join(directory, 'convoy.db'))})
    sqlite.function('die', () => process.kill(process.pid, 'SIGKILL') ? 1 : 0)
    const backUp = (opened, from) => writeCopyBefore(opened, ${JSON.stringify(join(directory, 'backups'))}, from)
    migrate(sqlite, backUp, ${JSON.stringify(releases)})`
}
