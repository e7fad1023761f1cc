import type { ErrorCode } from '../errors.js'
import type { DatabaseDescription } from '../model/database-description.js'
import type { EventPage, EventPruning, EventQuery } from './events.js'
import type { LedgerChange, LedgerContents } from './ledger-write.js'

/** What the database's thread is asked. */
export type WorkerRequest =
  | { readonly kind: 'commit'; readonly changes: readonly LedgerChange[] }
  | { readonly kind: 'read-events'; readonly query: EventQuery }
  | { readonly kind: 'prune-events'; readonly pruning: EventPruning }
  | { readonly kind: 'backup'; readonly now: Date }
  | { readonly kind: 'describe' }
  | { readonly kind: 'close' }

/** A ConvoyError as it crosses threads. */
export interface WrittenError {
  readonly code: ErrorCode
  readonly message: string
  readonly hint: string | undefined
}

export interface WorkerResult {
  /** Of the opening: every row. */
  readonly contents?: LedgerContents
  /** Of a commit: one outcome a change. */
  readonly errors?: readonly (WrittenError | undefined)[]
  readonly page?: EventPage
  /** Of pruning. */
  readonly isMoreLeft?: boolean
  /** Of a backup. */
  readonly path?: string
  readonly description?: DatabaseDescription
}

/** The answer to the request with this id; id 0 is the opening itself. */
export interface WorkerAnswer {
  readonly id: number
  readonly result?: WorkerResult
  readonly error?: WrittenError
}
