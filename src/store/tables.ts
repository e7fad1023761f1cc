import type Sqlite from 'better-sqlite3'
import { eventsTable } from './events.js'
import type { LedgerContents, LedgerWrite } from './ledger-write.js'
import { jobsTable } from './jobs.js'
import { journalsTable } from './journals.js'
import { mountsTable } from './mounts.js'
import { settingsTable } from './settings.js'
import { trashTable } from './trash.js'
import { volumesTable } from './volumes.js'

/** Every table of one open database: reads it whole, applies writes. The caller holds the transaction. */
export interface Tables {
  load(): LedgerContents
  apply(write: LedgerWrite): void
  readonly events: Omit<ReturnType<typeof eventsTable>, 'put'>
}

/** Prepares the statements of all tables; the schema must be current. */
export function openTables(sqlite: Sqlite.Database): Tables {
  const volumes = volumesTable(sqlite)
  const mounts = mountsTable(sqlite)
  const trash = trashTable(sqlite)
  const jobs = jobsTable(sqlite)
  const journals = journalsTable(sqlite)
  const settings = settingsTable(sqlite)
  const events = eventsTable(sqlite)

  function put(write: Extract<LedgerWrite, { put: string }>): void {
    switch (write.put) {
      case 'volume':
        return volumes.put(write.row)
      case 'mount':
        return mounts.put(write.row)
      case 'trash':
        return trash.put(write.row)
      case 'job':
        return jobs.put(write.row)
      case 'journal':
        return journals.put(write.id, write.notes)
      case 'setting':
        return settings.put(write.key, write.value)
      case 'event':
        return events.put(write.row)
    }
  }

  function remove(write: Extract<LedgerWrite, { remove: string }>): void {
    switch (write.remove) {
      case 'volume':
        return volumes.remove(write.name)
      case 'mount':
        return mounts.remove(write.volume, write.id)
      case 'trash':
        return trash.remove(write.id)
      case 'job':
        return jobs.remove(write.id)
      case 'journal':
        return journals.remove(write.id)
    }
  }

  return {
    load: () => ({
      volumes: volumes.load(),
      mounts: mounts.load(),
      trash: trash.load(),
      jobs: jobs.load(),
      journals: journals.load(),
      settings: settings.load(),
      lastEventId: events.newestId(),
    }),
    apply: (write) => ('put' in write ? put(write) : remove(write)),
    events,
  }
}
