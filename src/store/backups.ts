import { closeSync, existsSync, fsyncSync, mkdirSync, openSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type Sqlite from 'better-sqlite3'
import { isErrno } from '../errors.js'

const kept = 7
const pattern = /^convoy-\d{8}T\d{9}Z\.db$/

/** Names of the backups in `directory`, newest first. */
export function listBackups(directory: string): readonly string[] {
  if (!existsSync(directory)) return []
  return readdirSync(directory)
    .filter((name) => pattern.test(name))
    .sort()
    .reverse()
}

/** Writes a consistent copy of the open database into `directory`, keeps the newest seven, and returns the copy's path. */
export function writeBackup(sqlite: Sqlite.Database, directory: string, now: Date): string {
  const name = `convoy-${now.toISOString().replace(/[-:.]/g, '')}.db`
  const path = writeCopy(sqlite, directory, name)
  for (const old of listBackups(directory).slice(kept)) rmSync(join(directory, old), { force: true })
  return path
}

/** Writes a copy that is never pruned, for the way back from a schema change. */
export function writeCopyBefore(sqlite: Sqlite.Database, directory: string, version: number): void {
  writeCopy(sqlite, directory, nameOfCopyBefore(version))
}

/** The last that a program which knows this version of the schema has written, before a newer one changed it. */
export function nameOfCopyBefore(version: number): string {
  return `before-schema-${version + 1}.db`
}

function writeCopy(sqlite: Sqlite.Database, directory: string, name: string): string {
  makeDirectory(directory)
  const path = join(directory, name)
  const partial = `${path}.partial`
  // Copies that were cut short, by whatever name.
  const cutShort = readdirSync(directory).filter((entry) => entry.endsWith('.partial'))
  for (const entry of cutShort) rmSync(join(directory, entry), { force: true })
  sqlite.prepare('VACUUM INTO ?').run(partial)
  fsync(partial)
  renameSync(partial, path)
  fsync(directory)
  return path
}

/** Not recursively: that never ends below a directory that was removed while it was in use. */
function makeDirectory(path: string): void {
  try {
    mkdirSync(path, { mode: 0o700 })
  } catch (thrown) {
    if (!isErrno(thrown, 'EEXIST')) throw thrown
  }
}

function fsync(path: string): void {
  const fd = openSync(path, 'r')
  try {
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
}
