import { ConvoyError } from '../../src/errors.js'
import type { DatabaseDescription } from '../../src/model/database-description.js'
import { isEvent } from '../../src/store/event-log.js'
import type { EventPage, EventPruning, EventQuery } from '../../src/store/events.js'
import { type Database, keyOf, type LedgerChange, type LedgerWrite } from '../../src/store/ledger-write.js'

import { KeptEvents } from '../fakes/kept-events.js'

/** Keeps rows as a database does: a change is kept as a whole or refused, in the order given. */
export class MemoryDatabase implements Database {
  /** Row key → the put that made it. */
  readonly rows = new Map<string, LedgerWrite>()
  readonly events = new KeptEvents()
  /** What each call of commit was handed. */
  readonly batches: (readonly LedgerChange[])[] = []
  /** Which changes the disk refuses. */
  refuses: (change: LedgerChange) => boolean = () => false
  /** How many commits are under way at this moment, and the most there ever were. */
  running = 0
  mostRunning = 0
  backups = 0
  isClosed = false
  #gate: Promise<void> | undefined

  /** Commits that come from now on end only after the returned function was called. */
  hold(): () => void {
    let open: () => void = () => undefined
    this.#gate = new Promise((resolve) => (open = resolve))
    return () => {
      this.#gate = undefined
      open()
    }
  }

  async commit(changes: readonly LedgerChange[]): Promise<readonly (ConvoyError | undefined)[]> {
    this.batches.push(changes)
    this.mostRunning = Math.max(this.mostRunning, ++this.running)
    await this.#gate
    const outcomes = changes.map((change) => this.#keep(change))
    this.running--
    return outcomes
  }

  readEvents(query: EventQuery): Promise<EventPage> {
    return Promise.resolve(this.events.read(query))
  }

  pruneEvents(pruning: EventPruning): Promise<boolean> {
    return Promise.resolve(this.events.prune(pruning))
  }

  backup(): Promise<string> {
    this.backups++
    return Promise.resolve('/backup')
  }

  describe(): Promise<DatabaseDescription> {
    return Promise.resolve({ schemaVersion: 1, schema: [], rows: { all: this.rows.size } })
  }

  close(): Promise<void> {
    this.isClosed = true
    return Promise.resolve()
  }

  #keep(change: LedgerChange): ConvoyError | undefined {
    if (this.refuses(change)) return new ConvoyError('unavailable', 'the disk is full', { hint: 'free some space' })
    for (const write of change.writes) {
      if (isEvent(write)) this.events.put(write.row)
      else if ('put' in write) this.rows.set(keyOf(write), write)
      else this.rows.delete(keyOf(write))
    }
    return undefined
  }
}
