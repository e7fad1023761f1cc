import type { ConvoyError } from '../errors.js'
import { EventLog, isEvent } from './event-log.js'
import { type Database, keyOf, type LedgerChange } from './ledger-write.js'

interface QueuedChange {
  readonly change: LedgerChange
  /** Absent for a change that nobody waits for. */
  readonly done?: (error: ConvoyError | undefined) => void
}

/** Calls `act` a moment later. */
export type Soon = (act: () => void) => void

/**
 * Hands changes to the database in their order, one batch at a time: what arrives during a batch shares the next one's fsync.
 * What nobody waits for starts no batch of its own at once: another change often follows within a few ms.
 */
export class CommitQueue {
  readonly #database: Database
  readonly #soon: Soon
  readonly #events: EventLog
  /** Changes nobody waits for that could not be saved; older than everything in `#waiting`. */
  #unsaved: QueuedChange[] = []
  #waiting: QueuedChange[] = []
  #running: Promise<void> | undefined
  #isDue = false

  constructor(database: Database, soon: Soon, events = new EventLog(database, 0)) {
    this.#database = database
    this.#soon = soon
    this.#events = events
  }

  /** Rejects with ConvoyError `unavailable` when nothing of the change was kept. */
  commit(change: LedgerChange): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ change, done: (error) => (error === undefined ? resolve() : reject(error)) })
      this.#running ??= this.#run()
    })
  }

  /** Saves the change with the next batch, or with one of its own soon, and again with each later one until it is saved. */
  commitLater(change: LedgerChange): void {
    this.#waiting.push({ change })
    if (this.#isDue) return
    this.#isDue = true
    this.#soon(() => {
      this.#isDue = false
      if (this.#waiting.length > 0) this.#running ??= this.#run()
    })
  }

  /** Gives up what could not be saved: the database is another one now. */
  dropUnsaved(): void {
    this.#unsaved = []
  }

  /** Resolves when everything has been saved, or tried. */
  async settle(): Promise<void> {
    if (this.#unsaved.length > 0 || this.#waiting.length > 0) this.#running ??= this.#run()
    while (this.#running !== undefined) await this.#running
  }

  async #run(): Promise<void> {
    // Changes made in this turn of the event loop go together.
    await Promise.resolve()
    const batch = [...this.#unsaved, ...this.#waiting].map((queued) => this.#numbered(queued))
    this.#unsaved = []
    this.#waiting = []
    const outcomes = await this.#database.commit(batch.map((queued) => queued.change))
    this.#unsaved = unsavedOf(batch, outcomes)
    batch.forEach((queued, index) => queued.done?.(outcomes[index]))
    this.#events.announce(batch.flatMap(({ change }, index) => (outcomes[index] === undefined ? change : [])))
    this.#running = this.#waiting.length > 0 ? this.#run() : undefined
  }

  #numbered(queued: QueuedChange): QueuedChange {
    return { ...queued, change: this.#events.number(queued.change) }
  }
}

/**
 * What must be tried again, without the rows that a later change of the same batch has replaced on disk. The event of a change of
 * which no row is left goes with it: it would tell of what is no longer so.
 */
function unsavedOf(batch: readonly QueuedChange[], outcomes: readonly (ConvoyError | undefined)[]): QueuedChange[] {
  const replaced = new Set<string>()
  const unsaved: QueuedChange[] = []
  for (let index = batch.length - 1; index >= 0; index--) {
    const queued = batch[index]
    if (queued === undefined) continue
    if (outcomes[index] === undefined) {
      for (const write of queued.change.writes) replaced.add(keyOf(write))
    } else if (queued.done === undefined) {
      const writes = queued.change.writes.filter((write) => !replaced.has(keyOf(write)))
      const isEmpty = writes.length < queued.change.writes.length && writes.every(isEvent)
      if (!isEmpty) unsaved.unshift({ change: { step: queued.change.step, writes } })
    }
  }
  return unsaved
}
