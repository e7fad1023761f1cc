import { parentPort, Worker } from 'node:worker_threads'
import { ConvoyError, toConvoyError, type ErrorCode } from '../errors.js'

/** A question on its way to a thread, and the answer on its way back. */
interface Question<Job> {
  readonly id: number
  readonly job: Job
}

interface Answer<Result> {
  readonly id: number
  readonly result?: Result
  readonly error?: { readonly code: ErrorCode; readonly message: string }
}

interface Waiting<Result> {
  readonly resolve: (result: Result) => void
  readonly reject: (error: ConvoyError) => void
}

interface Thread<Result> {
  readonly worker: Worker
  readonly waiting: Map<number, Waiting<Result>>
}

/** A few threads that all do the same kind of job; each job goes to the one that has least to do. They start when they are needed. */
export class ReadingThreads<Job, Result> {
  readonly #entry: URL
  readonly #most: number
  readonly #data: unknown
  readonly #threads: Thread<Result>[] = []
  #lastId = 0
  #failure: ConvoyError | undefined

  /** `entry` is the module that calls {@link answerJobs}; `data` is its workerData. */
  constructor(entry: URL, most: number, data: unknown) {
    this.#entry = entry
    this.#most = most
    this.#data = data
  }

  /** What of the job is in `transfer` is gone here afterwards. Throws what the job threw, or `internal` when its thread has ended. */
  run(job: Job, transfer: readonly ArrayBuffer[]): Promise<Result> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure)
    const thread = this.#idlest()
    const id = ++this.#lastId
    return new Promise((resolve, reject) => {
      thread.waiting.set(id, { resolve, reject })
      thread.worker.postMessage({ id, job } satisfies Question<Job>, transfer)
    })
  }

  async close(): Promise<void> {
    this.#failure ??= new ConvoyError('internal', 'the threads are closed')
    await Promise.all(this.#threads.map(({ worker }) => worker.terminate()))
  }

  #idlest(): Thread<Result> {
    const [first = this.#open(), ...others] = this.#threads
    const idlest = others.reduce((least, one) => (one.waiting.size < least.waiting.size ? one : least), first)
    return idlest.waiting.size > 0 && this.#threads.length < this.#most ? this.#open() : idlest
  }

  #open(): Thread<Result> {
    const worker = new Worker(this.#entry, {
      workerData: this.#data,
      // What this process was started with need not be loaded again.
      execArgv: [],
      // What a job leaves is many megabytes outside of the heap, and goes when the heap is looked through.
      resourceLimits: { maxYoungGenerationSizeMb: 8 },
    })
    const thread: Thread<Result> = { worker, waiting: new Map() }
    this.#threads.push(thread)
    worker.on('message', (answer: Answer<Result>) => receive(thread, answer))
    worker.on('error', (cause) => this.#lose(thread, cause))
    worker.on('exit', () => this.#lose(thread, undefined))
    return thread
  }

  #lose({ waiting }: Thread<Result>, cause: unknown): void {
    this.#failure ??= new ConvoyError('internal', 'a thread that reads the repository has ended', { cause })
    for (const one of waiting.values()) one.reject(this.#failure)
    waiting.clear()
  }
}

function receive<Result>({ waiting }: Thread<Result>, { id, result, error }: Answer<Result>): void {
  const one = waiting.get(id)
  waiting.delete(id)
  if (error === undefined) one?.resolve(result as Result)
  else one?.reject(new ConvoyError(error.code, error.message))
}

/** In a thread: does each job that comes, one after the other. What a job is, those who ask and who answer agree on. */
export function answerJobs(act: (job: never) => unknown): void {
  parentPort?.on('message', ({ id, job }: Question<never>) => parentPort?.postMessage(answer(id, () => act(job))))
}

function answer(id: number, act: () => unknown): Answer<unknown> {
  try {
    return { id, result: act() }
  } catch (thrown) {
    const { code, message } = toConvoyError(thrown)
    return { id, error: { code, message } }
  }
}

/** The bytes in memory that can be handed to a thread: theirs, or a copy when that is larger than they are. */
export function ownMemory(bytes: Buffer): Buffer {
  if (bytes.buffer instanceof ArrayBuffer && bytes.byteLength === bytes.buffer.byteLength) return bytes
  const own = Buffer.from(new ArrayBuffer(bytes.length))
  bytes.copy(own)
  return own
}
