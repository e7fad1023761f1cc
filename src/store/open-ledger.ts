import { join } from 'node:path'
import { isConvoyError, toConvoyError } from '../errors.js'
import type { Logger } from '../model/call-context.js'
import type { Soon } from './commit-queue.js'
import { DegradedDatabase } from './degraded-database.js'
import { Ledger } from './ledger.js'
import type { Database, LedgerContents } from './ledger-write.js'
import { SqliteDatabase } from './sqlite-database.js'

export interface LedgerSurroundings {
  readonly log: Logger
  readonly soon: Soon
  /** Decorates the database, for tests that fail it. */
  readonly wrap?: (database: Database) => Database
}

const nothing: LedgerContents = {
  volumes: [],
  mounts: [],
  trash: [],
  jobs: [],
  journals: [],
  settings: [],
  lastEventId: 0,
}

/**
 * Opens the ledger of `root`. Without a usable database it is degraded: it holds what the newest good copy holds and refuses
 * changes, because a daemon that exits behind a listening socket hangs Docker. ConvoyError `in-use`: another daemon has the root.
 */
export async function openLedger(root: string, { log, soon, wrap = (it) => it }: LedgerSurroundings): Promise<Ledger> {
  try {
    const { database, contents } = await SqliteDatabase.open(root)
    return new Ledger(wrap(database), contents, soon)
  } catch (thrown) {
    if (isConvoyError(thrown, 'in-use')) throw thrown
    const reason = toConvoyError(thrown)
    log.error({ err: reason, hint: reason.hint }, 'the database cannot be used: starting degraded')
    // Loaded only here: this thread needs SQLite for nothing else.
    const { readNewestCopy } = await import('./newest-copy.js')
    const copy = readNewestCopy(join(root, 'backups'), log) ?? nothing
    // A volume may have been made after the copy: a name that is missing from it is not known to be absent.
    const settings = copy.settings.filter(([key]) => key !== 'discovered')
    const replace = async (contents: LedgerContents) => {
      const { replaceDatabase } = await import('./replace-database.js')
      return replaceDatabase(root, contents, wrap)
    }
    return new Ledger(new DegradedDatabase(reason, replace), { ...copy, settings }, soon)
  }
}
