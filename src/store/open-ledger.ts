import { join } from 'node:path'
import { ConvoyError, isConvoyError, toConvoyError } from '../errors.js'
import type { Logger } from '../model/call-context.js'
import type { Soon } from './commit-queue.js'
import { Ledger } from './ledger.js'
import type { Database, LedgerContents } from './ledger-write.js'
import { SqliteDatabase } from './sqlite-database.js'

export interface OpenedLedger {
  readonly ledger: Ledger
  /** Why nothing can be changed and what mends it; absent when all is well. */
  readonly degraded?: ConvoyError
}

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
 * Opens the ledger of `root`. Without a usable database it holds what the newest good copy holds and refuses changes, because
 * a daemon that exits behind a listening socket hangs Docker. ConvoyError `in-use`: another daemon has the root.
 */
export async function openLedger(root: string, { log, soon, wrap }: LedgerSurroundings): Promise<OpenedLedger> {
  try {
    const { database, contents } = await SqliteDatabase.open(root)
    return { ledger: new Ledger(wrap?.(database) ?? database, contents, soon) }
  } catch (thrown) {
    if (isConvoyError(thrown, 'in-use')) throw thrown
    const reason = toConvoyError(thrown)
    log.error({ err: reason, hint: reason.hint }, 'the database cannot be used: starting degraded')
    // Loaded only here: this thread needs SQLite for nothing else.
    const { readNewestCopy } = await import('./newest-copy.js')
    const copy = readNewestCopy(join(root, 'backups'), log) ?? nothing
    // A volume may have been made after the copy: a name that is missing from it is not known to be absent.
    const settings = copy.settings.filter(([key]) => key !== 'discovered')
    return { ledger: new Ledger(new RefusingDatabase(reason), { ...copy, settings }, soon), degraded: reason }
  }
}

/** Stands in for a database that cannot be used: says why to whoever wants a change. */
class RefusingDatabase implements Database {
  readonly #refusal: ConvoyError

  constructor(reason: ConvoyError) {
    this.#refusal = new ConvoyError('unavailable', `nothing can be changed now: ${reason.message}`, {
      ...(reason.hint === undefined ? {} : { hint: reason.hint }),
      cause: reason,
    })
  }

  commit(changes: readonly unknown[]): Promise<readonly ConvoyError[]> {
    return Promise.resolve(changes.map(() => this.#refusal))
  }

  readEvents(): Promise<never> {
    return Promise.reject(this.#refusal)
  }

  pruneEvents(): Promise<never> {
    return Promise.reject(this.#refusal)
  }

  backup(): Promise<string> {
    return Promise.reject(this.#refusal)
  }

  close(): Promise<void> {
    return Promise.resolve()
  }
}
