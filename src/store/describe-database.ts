import { join } from 'node:path'
import type Sqlite from 'better-sqlite3'
import type { DatabaseDescription } from '../model/database-description.js'
import { optional } from '../model/optional.js'
import { listBackups } from './backups.js'
import { openSqliteCopy } from './sqlite-file.js'

/** Counts and schema of an open database; `backups` is where its backups are. */
export function describeDatabase(sqlite: Sqlite.Database, backups: string): DatabaseDescription {
  const tables = sqlite.prepare("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name").pluck().all()
  const schema = sqlite.prepare('SELECT sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY name').pluck().all()
  const names = tables.map(String)
  const newestEvent = sqlite.prepare('SELECT time FROM events ORDER BY id DESC LIMIT 1').pluck().get()
  return {
    schemaVersion: Number(sqlite.pragma('user_version', { simple: true })),
    schema: schema.map(String),
    rows: Object.fromEntries(names.map((name) => [name, countRows(sqlite, name)])),
    ...optional('newestEventAt', typeof newestEvent === 'string' ? newestEvent : undefined),
    ...optional('newestBackupAt', timeOfBackup(listBackups(backups)[0])),
  }
}

/** The same of the database of a daemon that does not run. ConvoyError `unavailable` when it cannot be read. */
export function describeDatabaseOf(root: string): DatabaseDescription {
  const sqlite = openSqliteCopy(join(root, 'convoy.db'))
  try {
    return describeDatabase(sqlite, join(root, 'backups'))
  } finally {
    sqlite.close()
  }
}

function countRows(sqlite: Sqlite.Database, table: string): number {
  return Number(
    sqlite
      .prepare(`SELECT count(*) FROM "${table.replaceAll('"', '""')}"`)
      .pluck()
      .get(),
  )
}

/** ISO 8601 out of `convoy-20261120T120000000Z.db`. */
function timeOfBackup(name: string | undefined): string | undefined {
  const [, year, month, day, hour, minute, second, ms] =
    /^convoy-(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)(\d{3})Z/.exec(name ?? '') ?? []
  if (ms === undefined) return undefined
  return `${year ?? ''}-${month ?? ''}-${day ?? ''}T${hour ?? ''}:${minute ?? ''}:${second ?? ''}.${ms}Z`
}
