import { ConvoyError } from '../../errors.js'
import type { FilesTask, PackDone, SegmentTask, TaskDone } from './backup-protocol.js'
import { BackupThread } from './backup-thread.js'
import type { ChunkTableInUse } from './chunk-packer.js'
import type { RepositoryKey } from '../format/repository-key.js'

/** What one thread has to do at most, so that it finds something when it is done with the first. */
const tasksPerThread = 2
/** So many tasks may wait for a thread; whoever makes more waits. */
const waitingTasks = 2
/** Room that is left in the chunk table for what the tasks under way may add, 2,048 chunks each, and for what describes files. */
const spareChunks = 32 * 1024

export interface BackupWorkersDeps {
  readonly key: RepositoryKey
  readonly threads: number
  readonly packTargetBytes: number
  /** How many packs one thread may have in memory, the open one included. */
  readonly packsPerThread: number
  readonly compressionLevel: number
  /** Stores a pack and never rejects; its memory is used again when that has resolved. */
  readonly storePack: (pack: PackDone) => Promise<void>
  /** Gets a larger table when it is full. */
  readonly chunks: ChunkTableInUse
}

export type NewTask = Omit<FilesTask, 'id'> | Omit<SegmentTask, 'id'>

interface Queued {
  readonly task: NewTask
  readonly resolve: (done: TaskDone) => void
  readonly reject: (error: unknown) => void
}

/** Where tasks are done, by threads or, in tests, by others. */
export interface TaskRunner {
  /** Whether more tasks may be made now. */
  readonly hasRoom: boolean
  /** Resolves when more tasks may be made. */
  waitForRoom(): Promise<void>
  /** Rejects when the backup has failed or was stopped. */
  run(task: NewTask): Promise<TaskDone>
}

/** The threads of a backup, which start with its first task. What fails in one of them fails all that follows. */
export class BackupWorkers implements TaskRunner {
  readonly #deps: BackupWorkersDeps
  readonly #threads: BackupThread[] = []
  readonly #queue: Queued[] = []
  readonly #waiting: (() => void)[] = []
  #newBytes = 0
  #failure: ConvoyError | undefined

  constructor(deps: BackupWorkersDeps) {
    this.#deps = deps
  }

  /** Of chunks that were new, so far. */
  get newBytes(): number {
    return this.#newBytes
  }

  get failure(): ConvoyError | undefined {
    return this.#failure
  }

  get hasRoom(): boolean {
    return this.#queue.length < waitingTasks || this.#failure !== undefined
  }

  async waitForRoom(): Promise<void> {
    while (!this.hasRoom) await new Promise<void>((resolve) => this.#waiting.push(resolve))
  }

  run(task: NewTask): Promise<TaskDone> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure)
    return new Promise((resolve, reject) => {
      this.#queue.push({ task, resolve, reject })
      this.#dispatch()
    })
  }

  /** Closes the packs that are open, also after `stop`. */
  async flush(): Promise<void> {
    await Promise.all(this.#threads.map((thread) => thread.flush()))
  }

  /** Ends the tasks under way at once, and all that follow: they reject with that. */
  stop(failure: ConvoyError): void {
    this.#failure ??= failure
    for (const { reject } of this.#queue.splice(0)) reject(this.#failure)
    for (const thread of this.#threads) thread.stop()
    this.#wake()
  }

  async close(): Promise<void> {
    await Promise.all(this.#threads.map((thread) => thread.close()))
  }

  #dispatch(): void {
    while (this.#queue.length > 0) {
      const { capacity, size } = this.#deps.chunks.table
      if (capacity - size < spareChunks && !this.#growTable()) return
      const thread = this.#idlestThread()
      const next = thread === undefined ? undefined : this.#queue.shift()
      if (thread === undefined || next === undefined) return
      void this.#perform(thread, next)
    }
  }

  async #perform(thread: BackupThread, { task, resolve, reject }: Queued): Promise<void> {
    try {
      const done = await thread.run(task)
      this.#newBytes += done.newBytes
      resolve(done)
    } catch (thrown) {
      if (thrown instanceof ConvoyError) this.stop(thrown)
      reject(this.#failure ?? thrown)
    }
    this.#dispatch()
    if (this.hasRoom) this.#wake()
  }

  #wake(): void {
    for (const resolve of this.#waiting.splice(0)) resolve()
  }

  /** False while tasks are under way: nobody may claim a chunk meanwhile. */
  #growTable(): boolean {
    if (this.#threads.some(({ tasks }) => tasks > 0)) return false
    const larger = this.#deps.chunks.table.grow()
    this.#deps.chunks.table = larger
    for (const thread of this.#threads) thread.useTable(larger)
    return true
  }

  #idlestThread(): BackupThread | undefined {
    const [idlest] = this.#threads.toSorted((a, b) => a.tasks - b.tasks)
    if (idlest?.tasks === 0 || this.#threads.length === this.#deps.threads)
      return idlest !== undefined && idlest.tasks < tasksPerThread ? idlest : undefined
    const thread = new BackupThread(this.#deps.chunks.table, this.#deps)
    this.#threads.push(thread)
    return thread
  }
}
