import { existsSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { Logger } from '../model/call-context.js'
import { listBackups, nameOfCopyBefore } from './backups.js'
import type { LedgerContents } from './ledger-write.js'
import { schemaVersion } from './migrations/index.js'
import { openSqliteCopy } from './sqlite-file.js'
import { openTables } from './tables.js'

/** What the newest backup holds that can be read; `undefined` without one. */
export function readNewestCopy(directory: string, log: Logger): LedgerContents | undefined {
  for (const name of copiesOf(directory)) {
    try {
      const sqlite = openSqliteCopy(join(directory, name))
      try {
        const contents = openTables(sqlite).load()
        log.warn({ backup: name, volumes: contents.volumes.length }, 'answering from a backup of the database')
        return contents
      } finally {
        sqlite.close()
      }
    } catch (thrown) {
      log.warn({ backup: name, err: thrown }, 'a backup of the database cannot be used')
    }
  }
  return undefined
}

/** Newest first. After a downgrade the newest that can be read is the one from before the upgrade. */
function copiesOf(directory: string): readonly string[] {
  const before = nameOfCopyBefore(schemaVersion)
  const names = [...listBackups(directory), ...(existsSync(join(directory, before)) ? [before] : [])]
  const age = new Map(names.map((name) => [name, statSync(join(directory, name)).mtimeMs]))
  return names.sort((a, b) => (age.get(b) ?? 0) - (age.get(a) ?? 0))
}
