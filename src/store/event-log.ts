import type { ConvoyEvent } from '../model/event.js'
import type { EventPage, EventPruning, EventQuery } from './events.js'
import type { Database, LedgerChange } from './ledger-write.js'

type Listener = (events: readonly ConvoyEvent[]) => void

/** A copy is made every hour. */
const mostEventsSinceCopy = 1_000_000

/** What has happened: older events are read from the database, those to come are announced once they are durable. */
export class EventLog {
  readonly #database: Database
  readonly #listeners = new Set<Listener>()
  #lastNumber: number
  #lastId: number

  constructor(database: Database, lastId: number) {
    this.#database = database
    this.#lastNumber = lastId
    this.#lastId = lastId
  }

  /** The id of the newest event that listeners have been told. */
  get lastId(): number {
    return this.#lastId
  }

  /** Calls `listener` with what has become durable, in the order of ids; the result ends that. */
  listen(listener: Listener): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** ConvoyError `unavailable` when the database cannot be read. */
  read(query: EventQuery): Promise<EventPage> {
    return this.#database.readEvents(query)
  }

  /** Removes old events, a batch at a time, so that changes get their turn. */
  async prune(pruning: EventPruning): Promise<void> {
    while (await this.#database.pruneEvents(pruning));
  }

  /**
   * The change with ids for its events; to be called once, in the order in which changes reach the database. A number whose
   * change fails is not given again.
   */
  number(change: LedgerChange): LedgerChange {
    if (!change.writes.some(isEvent)) return change
    const writes = change.writes.map((write) =>
      isEvent(write) ? { ...write, row: { ...write.row, id: ++this.#lastNumber } } : write,
    )
    return { ...change, writes }
  }

  /** The database is another one: ids that the one before may have given since its copy was made are not given again. */
  leap(): void {
    this.#lastNumber += mostEventsSinceCopy
  }

  /** These changes are durable. */
  announce(changes: readonly LedgerChange[]): void {
    const events = changes.flatMap(({ writes }) => writes.filter(isEvent).map(({ row }) => row))
    const last = events.at(-1)
    if (last === undefined) return
    this.#lastId = last.id
    for (const listener of this.#listeners) listener(events)
  }
}

type Write = LedgerChange['writes'][number]

export function isEvent(write: Write): write is Extract<Write, { put: 'event' }> {
  return 'put' in write && write.put === 'event'
}
