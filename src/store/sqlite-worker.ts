import { type MessagePort, parentPort, workerData } from 'node:worker_threads'
import Sqlite from 'better-sqlite3'
import { ConvoyError, isConvoyError, toConvoyError } from '../errors.js'
import { Ballast } from './ballast.js'
import { writeBackup, writeCopyBefore } from './backups.js'
import { describeDatabase } from './describe-database.js'
import type { LedgerChange, LedgerContents } from './ledger-write.js'
import { damaged, lockRoot, openSqliteFile, sqliteError } from './sqlite-file.js'
import { openTables, type Tables } from './tables.js'
import type { WorkerAnswer, WorkerRequest, WorkerResult, WrittenError } from './worker-protocol.js'

const commitsPerCheckpoint = 256

interface Opened {
  readonly lock: Sqlite.Database
  readonly sqlite: Sqlite.Database
}

/** Owns the only connection to the database, in its own thread: a slow disk stalls nothing else. */
class DatabaseWorker {
  readonly #path: string
  readonly #backups: string
  readonly #lock: Sqlite.Database
  readonly #sqlite: Sqlite.Database
  readonly #tables: Tables
  readonly #ballast: Ballast
  #commits = 0

  constructor(root: string) {
    this.#path = `${root}/convoy.db`
    this.#backups = `${root}/backups`
    this.#ballast = new Ballast(`${root}/ballast`)
    const { lock, sqlite } = this.#openWithRoom(root)
    this.#lock = lock
    this.#sqlite = sqlite
    this.#tables = openTables(sqlite)
  }

  /** Opening takes some space, which a full disk has once the ballast is gone. */
  #openWithRoom(root: string): Opened {
    try {
      return this.#open(root)
    } catch (thrown) {
      if (isConvoyError(thrown, 'in-use') || !this.#ballast.release()) throw thrown
      return this.#open(root)
    }
  }

  #open(root: string): Opened {
    const lock = lockRoot(root)
    try {
      const backUp = (opened: Sqlite.Database, version: number) => writeCopyBefore(opened, this.#backups, version)
      return { lock, sqlite: openSqliteFile(this.#path, backUp) }
    } catch (thrown) {
      lock.close()
      throw thrown
    }
  }

  load(): LedgerContents {
    try {
      return this.#tables.load()
    } catch (thrown) {
      throw thrown instanceof ConvoyError ? damaged(this.#path, thrown.message, thrown) : thrown
    }
  }

  answer(request: WorkerRequest): WorkerResult {
    switch (request.kind) {
      case 'commit':
        return { errors: this.#commit(request.changes) }
      case 'read-events':
        return { page: this.#tables.events.read(request.query) }
      case 'prune-events':
        return { isMoreLeft: this.#tables.events.prune(request.pruning) }
      case 'backup':
        this.#ballast.restore()
        return { path: writeBackup(this.#sqlite, this.#backups, request.now) }
      case 'describe':
        return { description: describeDatabase(this.#sqlite, this.#backups) }
      case 'close':
        this.#sqlite.close()
        this.#lock.close()
        return {}
    }
  }

  /** Moves the log into the database once it is long, outside any commit. */
  checkpoint(): void {
    if (this.#commits < commitsPerCheckpoint) return
    this.#commits = 0
    try {
      this.#sqlite.pragma('wal_checkpoint(PASSIVE)')
    } catch {
      // A full or failing disk: the log keeps everything, and the next checkpoint tries again.
    }
  }

  #commit(changes: readonly LedgerChange[]): (WrittenError | undefined)[] {
    this.#commits++
    const error = this.#tryCommit(changes)
    if (error === undefined) return changes.map(() => undefined)
    if (changes.length === 1) return [error]
    return changes.map((change) => this.#tryCommit([change]))
  }

  #tryCommit(changes: readonly LedgerChange[]): WrittenError | undefined {
    try {
      this.#write(changes)
      return undefined
    } catch (thrown) {
      const isFull = thrown instanceof Sqlite.SqliteError && thrown.code.startsWith('SQLITE_FULL')
      if (isFull && this.#ballast.release()) return this.#tryCommit(changes)
      return written(sqliteError(this.#path, thrown))
    }
  }

  #write(changes: readonly LedgerChange[]): void {
    this.#sqlite.exec('BEGIN IMMEDIATE')
    try {
      for (const change of changes) for (const write of change.writes) this.#tables.apply(write)
      this.#sqlite.exec('COMMIT')
    } catch (thrown) {
      if (this.#sqlite.inTransaction) this.#sqlite.exec('ROLLBACK')
      throw thrown
    }
  }
}

function written(error: ConvoyError): WrittenError {
  return { code: error.code, message: error.message, hint: error.hint }
}

function serve(port: MessagePort, root: string): void {
  let worker: DatabaseWorker
  try {
    worker = new DatabaseWorker(root)
    port.postMessage({ id: 0, result: { contents: worker.load() } } satisfies WorkerAnswer)
  } catch (thrown) {
    const error =
      thrown instanceof Sqlite.SqliteError ? sqliteError(`${root}/convoy.db`, thrown) : toConvoyError(thrown)
    port.postMessage({ id: 0, error: written(error) } satisfies WorkerAnswer)
    port.close()
    return
  }
  port.on('message', ({ id, request }: { readonly id: number; readonly request: WorkerRequest }) => {
    let answer: WorkerAnswer
    try {
      answer = { id, result: worker.answer(request) }
    } catch (thrown) {
      answer = { id, error: written(sqliteError(`${root}/convoy.db`, thrown)) }
    }
    port.postMessage(answer)
    if (request.kind === 'close') port.close()
    else setImmediate(() => worker.checkpoint())
  })
}

if (parentPort !== null) {
  // The only starter is SqliteDatabase, which passes the root.
  const { root } = workerData as { readonly root: string }
  serve(parentPort, root)
}
