import { ConvoyError } from '../errors.js'
import type { DatabaseDescription } from '../model/database-description.js'
import type { EventPage, EventPruning, EventQuery } from './events.js'
import type { Database, Degradation, LedgerChange, LedgerContents } from './ledger-write.js'

/** Stands in for a database that cannot be used: says why to whoever wants a change, until another one takes its place. */
export class DegradedDatabase implements Database {
  readonly #reason: ConvoyError
  readonly #replace: (contents: LedgerContents) => Promise<Database>
  #successor: Database | undefined

  constructor(reason: ConvoyError, replace: (contents: LedgerContents) => Promise<Database>) {
    this.#reason = reason
    this.#replace = replace
  }

  get degradation(): Degradation | undefined {
    if (this.#successor !== undefined) return undefined
    return {
      reason: this.#reason,
      replace: async (contents) => {
        this.#successor = await this.#replace(contents)
      },
    }
  }

  async commit(changes: readonly LedgerChange[]): Promise<readonly (ConvoyError | undefined)[]> {
    return this.#successor?.commit(changes) ?? changes.map(() => this.#refusal)
  }

  async readEvents(query: EventQuery): Promise<EventPage> {
    return this.#usable.readEvents(query)
  }

  async pruneEvents(pruning: EventPruning): Promise<boolean> {
    return this.#usable.pruneEvents(pruning)
  }

  async backup(now: Date): Promise<string> {
    return this.#usable.backup(now)
  }

  async describe(): Promise<DatabaseDescription> {
    return this.#usable.describe()
  }

  async close(): Promise<void> {
    await this.#successor?.close()
  }

  get #usable(): Database {
    if (this.#successor === undefined) throw this.#refusal
    return this.#successor
  }

  get #refusal(): ConvoyError {
    return new ConvoyError('unavailable', `nothing can be changed now: ${this.#reason.message}`, {
      ...(this.#reason.hint === undefined ? {} : { hint: this.#reason.hint }),
      cause: this.#reason,
    })
  }
}
