import { mkdirSync, statfsSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import Sqlite from 'better-sqlite3'
import { codeOf, ConvoyError } from '../errors.js'
import { migrations, schemaVersion } from './migrations/index.js'

/** SQLite 3.7.0 to 3.51.2 can lose commits when a write-ahead log is reset (release notes of 3.51.3). */
const oldestSqlite = [3, 51, 3] as const

/** File systems on which SQLite's locks or its shared memory are not safe, by statfs magic (linux/magic.h). */
const unsafeFileSystems: ReadonlyMap<number, string> = new Map([
  [0x6969, 'NFS'],
  [0x517b, 'SMB'],
  [0xff534d42, 'CIFS'],
  [0xfe534d42, 'SMB2'],
  [0x65735546, 'FUSE'],
  [0x00c36400, 'Ceph'],
  [0x01021997, '9p'],
  [0x5346414f, 'AFS'],
  [0x794c7630, 'overlay'],
])

/** Opens the database at `path` for writing, makes it if it is missing, checks it and brings its schema up to date. */
export function openSqliteFile(
  path: string,
  backUp: (sqlite: Sqlite.Database, fromVersion: number) => void,
): Sqlite.Database {
  mkdirSync(dirname(path), { recursive: true, mode: 0o711 })
  refuseUnsafeFileSystem(dirname(path))
  const sqlite = translateSqliteErrors(path, () => new Sqlite(path, { timeout: 2000 }))
  try {
    return translateSqliteErrors(path, () => {
      refuseOldSqlite(sqlite)
      sqlite.pragma('journal_mode = WAL')
      sqlite.pragma('synchronous = FULL')
      // The worker checkpoints between commits, so that no commit pays for it.
      sqlite.pragma('wal_autocheckpoint = 0')
      checkContents(sqlite, path)
      migrate(sqlite, backUp)
      return sqlite
    })
  } catch (thrown) {
    sqlite.close()
    throw thrown
  }
}

/**
 * Opens a copy for reading; refuses what {@link openSqliteFile} would refuse. One of an older schema is brought up to date in
 * memory: the newest copy may be older than the program.
 */
export function openSqliteCopy(path: string): Sqlite.Database {
  return translateSqliteErrors(path, () => {
    const sqlite = new Sqlite(path, { readonly: true })
    checkContents(sqlite, path)
    if (sqlite.pragma('user_version', { simple: true }) === schemaVersion) return sqlite
    const upgraded = new Sqlite(withoutLog(sqlite.serialize()))
    sqlite.close()
    migrate(upgraded, () => undefined)
    upgraded.pragma('query_only = on')
    return upgraded
  })
}

/** A database in memory has no write-ahead log: its header must not speak of one (bytes 18 and 19 of the file format). */
function withoutLog(database: Buffer): Buffer {
  return database.fill(1, 18, 20)
}

/**
 * Holds the only write access to `root` as long as the process lives. ConvoyError `in-use` when another one does, `unavailable`
 * when nothing can be written there.
 */
export function lockRoot(root: string): Sqlite.Database {
  const path = `${root}/convoy.lock`
  return translateSqliteErrors(path, () => {
    mkdirSync(root, { recursive: true, mode: 0o711 })
    refuseUnsafeFileSystem(root)
    const lock = new Sqlite(path, { timeout: 200 })
    try {
      // An exclusive transaction holds a kernel lock on the file, which the kernel drops with the process.
      lock.pragma('journal_mode = MEMORY')
      lock.exec('BEGIN EXCLUSIVE')
      writeFileSync(`${root}/convoy.pid`, `${process.pid}\n`)
      return lock
    } catch (thrown) {
      lock.close()
      throw codeOf(thrown).startsWith('SQLITE_BUSY') ? inUse(root, thrown) : thrown
    }
  })
}

function inUse(root: string, cause: unknown): ConvoyError {
  return new ConvoyError('in-use', `another convoy daemon uses ${root}`, {
    hint: `its pid is in ${root}/convoy.pid; stop it, or give this one its own --root`,
    cause,
  })
}

/** Turns what SQLite throws into ConvoyError `unavailable` with the next step. */
export function translateSqliteErrors<T>(path: string, act: () => T): T {
  try {
    return act()
  } catch (thrown) {
    if (thrown instanceof ConvoyError) throw thrown
    throw sqliteError(path, thrown)
  }
}

export function sqliteError(path: string, thrown: unknown): ConvoyError {
  const code = codeOf(thrown)
  const message = thrown instanceof Error ? thrown.message : String(thrown)
  const isFull = code.startsWith('SQLITE_FULL') || code === 'ENOSPC'
  const hint = isFull
    ? `free some space on the file system of ${dirname(path)}`
    : code.startsWith('SQLITE_CORRUPT') || code.startsWith('SQLITE_NOTADB')
      ? rebuildHint
      : `look at the file system of ${dirname(path)}: is it mounted read-only, or failing?`
  return new ConvoyError('unavailable', `the database ${path} cannot be used: ${message}`, { hint, cause: thrown })
}

/** ConvoyError `unavailable` for a database that holds what it should not; the hint says how to mend it. */
export function damaged(path: string, what: string, cause?: unknown): ConvoyError {
  return new ConvoyError('unavailable', `${path} is damaged: ${what}`, { hint: rebuildHint, cause })
}

const rebuildHint = 'run: convoy rebuild; it sets the database aside and finds the volumes by the files beside them'

/** The file system of that statfs magic, if a database is not safe on it. */
export function nameUnsafeFileSystem(magic: number): string | undefined {
  return unsafeFileSystems.get(magic)
}

function refuseUnsafeFileSystem(directory: string): void {
  const name = nameUnsafeFileSystem(statfsSync(directory).type)
  if (name === undefined) return
  throw new ConvoyError('unavailable', `${directory} is on ${name}, where a database is not safe`, {
    hint: 'give --root a directory on a local disk; volumes may stay where they are',
  })
}

function refuseOldSqlite(sqlite: Sqlite.Database): void {
  const version = String(sqlite.prepare('SELECT sqlite_version()').pluck().get())
  if (isSafeSqlite(version)) return
  throw new ConvoyError('unavailable', `SQLite ${version} can lose commits`, {
    hint: `reinstall better-sqlite3: it must bundle SQLite ${oldestSqlite.join('.')} or later`,
  })
}

/** Whether that SQLite version is free of the defect that {@link oldestSqlite} mends. */
export function isSafeSqlite(version: string): boolean {
  const parts = version.split('.').map(Number)
  const differing = oldestSqlite.findIndex((least, index) => parts[index] !== least)
  return differing === -1 || (parts[differing] ?? 0) > (oldestSqlite[differing] ?? 0)
}

function checkContents(sqlite: Sqlite.Database, path: string): void {
  const version = Number(sqlite.pragma('user_version', { simple: true }))
  if (version > schemaVersion) {
    throw new ConvoyError('unavailable', `${path} has schema ${version}, this program knows ${schemaVersion}`, {
      hint:
        'install the newer convoy again, or go on with this one: convoy rebuild; it restores the copy from before the upgrade, ' +
        'with what the storage says has changed since, and sets the newer database aside',
    })
  }
  const verdict = sqlite.pragma('quick_check(1)', { simple: true })
  if (verdict !== 'ok') throw damaged(path, String(verdict))
}

/** Brings the schema to the last of `steps`: each step is one transaction, so one that was cut short is made again. */
export function migrate(
  sqlite: Sqlite.Database,
  backUp: (sqlite: Sqlite.Database, fromVersion: number) => void,
  steps: readonly string[] = migrations,
): void {
  const from = Number(sqlite.pragma('user_version', { simple: true }))
  steps.slice(from).forEach((migration, index) => {
    const version = from + index
    if (from > 0) backUp(sqlite, version)
    sqlite.transaction(() => {
      sqlite.exec(migration)
      sqlite.pragma(`user_version = ${version + 1}`)
    })()
  })
}
