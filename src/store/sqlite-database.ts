import { Worker } from 'node:worker_threads'
import { ConvoyError } from '../errors.js'
import type { DatabaseDescription } from '../model/database-description.js'
import type { EventPage, EventPruning, EventQuery } from './events.js'
import type { Database, LedgerChange, LedgerContents } from './ledger-write.js'
import type { WorkerAnswer, WorkerRequest, WorkerResult, WrittenError } from './worker-protocol.js'

interface Waiting {
  readonly resolve: (result: WorkerResult) => void
  readonly reject: (error: ConvoyError) => void
}

/** The database of `root`, in a thread of its own. */
export class SqliteDatabase implements Database {
  readonly #worker: Worker
  readonly #waiting = new Map<number, Waiting>()
  #lastId = 0
  #ended: ConvoyError | undefined

  private constructor(root: string) {
    this.#worker = new Worker(new URL('./sqlite-worker.js', import.meta.url), {
      workerData: { root },
      // It holds no rows after the start.
      resourceLimits: { maxYoungGenerationSizeMb: 4 },
    })
    this.#worker.on('message', (answer: WorkerAnswer) => this.#receive(answer))
    this.#worker.on('error', (cause) => this.#end(cause))
    this.#worker.on('exit', () => this.#end(undefined))
  }

  /**
   * Opens, checks and migrates the database and reads it whole. ConvoyError `in-use` when another daemon has it, `unavailable`
   * when it cannot be used.
   */
  static async open(root: string): Promise<{ database: SqliteDatabase; contents: LedgerContents }> {
    const database = new SqliteDatabase(root)
    const { contents } = await new Promise<WorkerResult>((resolve, reject) => {
      database.#waiting.set(0, { resolve, reject })
    })
    if (contents !== undefined) return { database, contents }
    throw new ConvoyError('internal', 'the database thread opened without contents')
  }

  async commit(changes: readonly LedgerChange[]): Promise<readonly (ConvoyError | undefined)[]> {
    try {
      const { errors } = await this.#ask({ kind: 'commit', changes })
      return changes.map((_, index) => read(errors?.[index]))
    } catch (thrown) {
      if (!(thrown instanceof ConvoyError)) throw thrown
      return changes.map(() => thrown)
    }
  }

  async readEvents(query: EventQuery): Promise<EventPage> {
    const { page } = await this.#ask({ kind: 'read-events', query })
    if (page !== undefined) return page
    throw new ConvoyError('internal', 'the database thread answered without events')
  }

  async pruneEvents(pruning: EventPruning): Promise<boolean> {
    const { isMoreLeft = false } = await this.#ask({ kind: 'prune-events', pruning })
    return isMoreLeft
  }

  async backup(now: Date): Promise<string> {
    const { path } = await this.#ask({ kind: 'backup', now })
    return path ?? ''
  }

  async describe(): Promise<DatabaseDescription> {
    const { description } = await this.#ask({ kind: 'describe' })
    if (description !== undefined) return description
    throw new ConvoyError('internal', 'the database thread answered without a description')
  }

  async close(): Promise<void> {
    if (this.#ended !== undefined) return
    await this.#ask({ kind: 'close' })
    await this.#worker.terminate()
  }

  #ask(request: WorkerRequest): Promise<WorkerResult> {
    if (this.#ended !== undefined) return Promise.reject(this.#ended)
    const id = ++this.#lastId
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject })
      this.#worker.postMessage({ id, request })
    })
  }

  #receive(answer: WorkerAnswer): void {
    const waiting = this.#waiting.get(answer.id)
    this.#waiting.delete(answer.id)
    const error = read(answer.error)
    if (error === undefined) waiting?.resolve(answer.result ?? {})
    else waiting?.reject(error)
  }

  #end(cause: unknown): void {
    this.#ended ??= new ConvoyError('unavailable', 'the database thread has ended', {
      hint: 'restart convoy; its log says why',
      cause,
    })
    for (const waiting of this.#waiting.values()) waiting.reject(this.#ended)
    this.#waiting.clear()
  }
}

function read(error: WrittenError | undefined): ConvoyError | undefined {
  if (error === undefined) return undefined
  return new ConvoyError(error.code, error.message, error.hint === undefined ? {} : { hint: error.hint })
}
