import { MessageChannel, Worker } from 'node:worker_threads'
import { ConvoyError } from '../../errors.js'
import {
  type BackupWorkerData,
  controlBytes,
  controlWords,
  type FilesTask,
  type FlushTask,
  type PackDone,
  type SegmentTask,
  type TaskDone,
  type WorkerAnswer,
  type WorkerTask,
} from './backup-protocol.js'
import type { ChunkTable } from '../chunk-table.js'
import type { RepositoryKey } from '../format/repository-key.js'

export interface BackupThreadDeps {
  readonly key: RepositoryKey
  readonly packTargetBytes: number
  readonly packsPerThread: number
  readonly compressionLevel: number
  /** Never rejects: whoever stores packs knows what to do when one cannot be stored. */
  readonly storePack: (pack: PackDone) => Promise<void>
}

interface Waiting {
  readonly resolve: (done: TaskDone) => void
  readonly reject: (error: ConvoyError) => void
}

type NewTask = Omit<FilesTask, 'id'> | Omit<SegmentTask, 'id'> | Omit<FlushTask, 'id'>

/** One thread of a backup, from this side: tasks go in, answers and packs come out. */
export class BackupThread {
  readonly #storePack: (pack: PackDone) => Promise<void>
  readonly #worker: Worker
  readonly #control = new Int32Array(new SharedArrayBuffer(controlBytes))
  readonly #buffers = new MessageChannel()
  readonly #waiting = new Map<number, Waiting>()
  #lastId = 0
  #onIdle: (() => void) | undefined
  #failure: ConvoyError | undefined

  constructor(table: ChunkTable, deps: BackupThreadDeps) {
    this.#storePack = deps.storePack
    this.#control[controlWords.packs] = deps.packsPerThread
    const data: BackupWorkerData = {
      master: deps.key.master,
      repositoryId: deps.key.repositoryId,
      table: table.shared,
      control: this.#control.buffer,
      buffers: this.#buffers.port2,
      packTargetBytes: deps.packTargetBytes,
      compressionLevel: deps.compressionLevel,
    }
    this.#worker = new Worker(new URL('./backup-worker.js', import.meta.url), {
      workerData: data,
      transferList: [this.#buffers.port2],
      // What this process was started with need not be loaded again.
      execArgv: [],
      resourceLimits: { maxYoungGenerationSizeMb: 4 },
    })
    this.#worker.on('message', (answer: WorkerAnswer) => this.#receive(answer))
    this.#worker.on('error', (cause) => this.#end(cause))
    this.#worker.on('exit', () => this.#end(undefined))
  }

  /** How many are under way. */
  get tasks(): number {
    return this.#waiting.size
  }

  /** Rejects with ConvoyError when anything failed in the thread, or was stopped. */
  run(task: NewTask): Promise<TaskDone> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure)
    const id = ++this.#lastId
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject })
      this.#post({ ...task, id })
    })
  }

  useTable(table: ChunkTable): void {
    this.#post({ kind: 'table', table: table.shared })
  }

  /** Ends the tasks under way as soon as it can be; each rejects. */
  stop(): void {
    Atomics.store(this.#control, controlWords.stop, 1)
    Atomics.notify(this.#control, controlWords.packs)
  }

  /** Closes the open pack, once all tasks have ended. */
  async flush(): Promise<void> {
    while (this.#waiting.size > 0) await new Promise<void>((resolve) => (this.#onIdle = resolve))
    Atomics.store(this.#control, controlWords.stop, 0)
    await this.run({ kind: 'flush' })
  }

  async close(): Promise<void> {
    this.#failure ??= new ConvoyError('internal', 'the thread of the backup was closed')
    this.#buffers.port1.close()
    await this.#worker.terminate()
  }

  #post(task: WorkerTask): void {
    this.#worker.postMessage(task)
  }

  #receive(answer: WorkerAnswer): void {
    if (answer.kind === 'pack') {
      void this.#store(answer)
      return
    }
    const waiting = this.#waiting.get(answer.id)
    this.#waiting.delete(answer.id)
    if (answer.kind === 'done') waiting?.resolve(answer)
    else waiting?.reject(new ConvoyError(answer.code, answer.message))
    if (this.#waiting.size === 0) this.#onIdle?.()
  }

  async #store(pack: PackDone): Promise<void> {
    await this.#storePack(pack)
    // The memory is there before the thread is told that it may take some.
    if (this.#failure === undefined) this.#buffers.port1.postMessage(pack.bytes, [pack.bytes])
    Atomics.add(this.#control, controlWords.packs, 1)
    Atomics.notify(this.#control, controlWords.packs)
  }

  #end(cause: unknown): void {
    this.#failure ??= new ConvoyError('internal', 'a thread of the backup ended', { cause })
    for (const { reject } of this.#waiting.values()) reject(this.#failure)
    this.#waiting.clear()
    this.#onIdle?.()
  }
}
