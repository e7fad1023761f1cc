import { toConvoyError } from '../errors.js'
import type { DatabaseDescription } from '../model/database-description.js'
import { optional } from '../model/optional.js'
import type { CoreDeps } from './core-deps.js'

export interface DiagnosedDaemon {
  /** Why nothing can be changed; absent when all is well. */
  readonly degraded?: string
  readonly database?: DatabaseDescription
  /** Why the database could not be described. */
  readonly databaseError?: string
  /** ISO 8601: when the last thing happened that this host remembers. */
  readonly newestRecordAt?: string
}

/** What the daemon knows about its own health, for `convoy doctor`. */
export class Diagnosis {
  readonly #deps: CoreDeps

  constructor(deps: CoreDeps) {
    this.#deps = deps
  }

  async describe(): Promise<DiagnosedDaemon> {
    const { ledger } = this.#deps
    const database = await ledger.describe().catch((thrown: unknown) => toConvoyError(thrown).sentence)
    const described = typeof database === 'string' ? { databaseError: database } : { database }
    return {
      ...described,
      ...optional('degraded', ledger.degraded?.sentence),
      ...optional('newestRecordAt', this.#newestRecord(described.database?.newestEventAt)),
    }
  }

  #newestRecord(newestEvent: string | undefined): string | undefined {
    const { volumes, trash } = this.#deps.ledger
    const times = [newestEvent ?? '', ...[...volumes.values()].map(({ createdAt }) => createdAt)]
    for (const { trashedAt } of trash.values()) times.push(trashedAt)
    const newest = times.reduce((latest, time) => (time > latest ? time : latest), '')
    return newest === '' ? undefined : newest
  }
}
