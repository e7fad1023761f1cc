import { join } from 'node:path'
import type { Logger } from '../model/call-context.js'
import { listBackups } from './backups.js'
import type { LedgerContents } from './ledger-write.js'
import { openSqliteCopy } from './sqlite-file.js'
import { openTables } from './tables.js'

/** What the newest backup holds that can be read; `undefined` without one. */
export function readNewestCopy(directory: string, log: Logger): LedgerContents | undefined {
  for (const name of listBackups(directory)) {
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
