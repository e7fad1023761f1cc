import { type ChildProcess, fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { ConvoyError, type ErrorCode } from '../errors.js'
import { optional } from '../model/optional.js'
import type { FileOperation, FileResult } from './file-operations.js'
import { untilWeEnd } from './parent-death.js'

export interface FileRequest {
  readonly id: number
  /** Which storage: see {@link FileProcess.run}. */
  readonly lane: string | undefined
  readonly operations: readonly FileOperation[]
}

export interface FileAnswer {
  readonly id: number
  readonly results?: readonly FileResult[]
  /** The error as the kernel names it (`ENOSPC`) and as Node words it. */
  readonly error?: { readonly code: string; readonly message: string }
}

interface Waiting {
  readonly lane: string | undefined
  readonly resolve: (results: readonly FileResult[]) => void
  readonly reject: (error: ConvoyError) => void
}

/** One child and what it owes us. */
interface Child {
  readonly process: ChildProcess
  readonly waiting: Map<number, Waiting>
  /** It gets no more requests, and ends with the last answer. */
  isAbandoned: boolean
}

/** Whoever carries out file operations on one storage. */
export interface FileRunner {
  /** As {@link FileProcess.run}. */
  run(operations: readonly FileOperation[]): Promise<readonly FileResult[]>
  close(): void
}

export interface FileProcessOptions {
  readonly timeoutMs?: number
  /** Called when a storage has not answered in time. */
  readonly onStuck?: (lane: string | undefined) => void
}

const defaultTimeoutMs = 30_000
const idleMs = 30_000
const mostAbandoned = 4

/**
 * File operations in a child process: a storage that hangs takes the child with it and not the daemon (four hung calls stop
 * Node). The child starts at the first need and ends when it has been idle for a while.
 */
export class FileProcess implements FileRunner {
  readonly #timeoutMs: number
  readonly #onStuck: (lane: string | undefined) => void
  #child: Child | undefined
  #idle: NodeJS.Timeout | undefined
  #abandoned = 0
  #lastId = 0

  constructor({ timeoutMs = defaultTimeoutMs, onStuck = () => undefined }: FileProcessOptions = {}) {
    this.#timeoutMs = timeoutMs
    this.#onStuck = onStuck
  }

  /**
   * Runs the operations in order and resolves to their results. ConvoyError `unavailable` when the storage does not answer in
   * time or is full or broken, `not-found`, `already-exists`, `in-use` and `unsupported` as the kernel says; what the kernel said
   * is its cause. Each `lane` has a thread of its own in the child: where one storage hangs, the others go on.
   */
  async run(operations: readonly FileOperation[], lane?: string): Promise<readonly FileResult[]> {
    const child = this.#openChild()
    const id = ++this.#lastId
    clearTimeout(this.#idle)
    // Not the caller's signal: a step that lands after its caller has gone would surprise whoever comes next.
    const deadline = setTimeout(() => this.#abandon(child, lane, operations), this.#timeoutMs)
    try {
      return await new Promise<readonly FileResult[]>((resolve, reject) => {
        child.waiting.set(id, { lane, resolve, reject })
        child.process.send({ id, lane, operations } satisfies FileRequest)
      })
    } finally {
      clearTimeout(deadline)
      if (child.isAbandoned) endWhenDone(child)
      this.#endWhenIdle()
    }
  }

  /** Ends the child once it has answered all that it was asked. */
  end(): void {
    const child = this.#child
    this.#child = undefined
    if (child === undefined) return
    child.isAbandoned = true
    endWhenDone(child)
  }

  /** Ends the child. Operations under way fail. */
  close(): void {
    clearTimeout(this.#idle)
    this.#child?.process.kill('SIGKILL')
    this.#child = undefined
  }

  #openChild(): Child {
    if (this.#child !== undefined) return this.#child
    if (this.#abandoned >= mostAbandoned) throw doesNotAnswer('it holds earlier operations already')
    const process = start()
    const child: Child = { process, waiting: new Map(), isAbandoned: false }
    process.on('message', (answer: FileAnswer) => receive(child, answer))
    process.on('error', () => this.#lose(child))
    process.on('exit', () => this.#lose(child))
    this.#child = child
    return child
  }

  /** A storage hangs: nobody waits for it any more, and the child is left to what others wait for. */
  #abandon(child: Child, lane: string | undefined, operations: readonly FileOperation[]): void {
    this.#onStuck(lane)
    if (this.#child === child) this.#child = undefined
    if (!child.isAbandoned) this.#countAbandoned(child)
    rejectLane(child, lane, doesNotAnswer(`it was asked to ${operations.map(({ op }) => op).join(', ')}`))
    endWhenDone(child)
  }

  #countAbandoned(child: Child): void {
    child.isAbandoned = true
    this.#abandoned++
    child.process.once('exit', () => this.#abandoned--)
  }

  #lose(child: Child): void {
    if (this.#child === child) this.#child = undefined
    const error = new ConvoyError('unavailable', 'the process that works on the storage has ended')
    for (const waiting of child.waiting.values()) waiting.reject(error)
    child.waiting.clear()
  }

  #endWhenIdle(): void {
    if (this.#child === undefined || this.#child.waiting.size > 0) return
    clearTimeout(this.#idle)
    this.#idle = setTimeout(() => this.close(), idleMs).unref()
  }
}

function start(): ChildProcess {
  const path = fileURLToPath(new URL('./file-process-main.js', import.meta.url))
  // One that hangs in a call does not hear that we are gone.
  const [execPath, ...args] = [...untilWeEnd(), process.execPath, '--max-semi-space-size=1']
  return fork(path, [], { execPath, execArgv: args, env: {}, stdio: 'ignore' })
}

function receive(child: Child, answer: FileAnswer): void {
  const waiting = child.waiting.get(answer.id)
  child.waiting.delete(answer.id)
  if (answer.results !== undefined) waiting?.resolve(answer.results)
  else waiting?.reject(kernelError(answer.error ?? { code: '', message: 'no answer' }))
}

function rejectLane({ waiting }: Child, lane: string | undefined, error: ConvoyError): void {
  for (const [id, one] of waiting) {
    if (one.lane !== lane) continue
    waiting.delete(id)
    one.reject(error)
  }
}

function endWhenDone({ process, waiting }: Child): void {
  if (waiting.size === 0) process.kill('SIGKILL')
}

const doesNotAnswer = (detail: string) =>
  new ConvoyError('unavailable', `the storage does not answer (${detail})`, {
    hint: 'check the disk or the share; convoy tries again with the next request',
  })

/** Errors of the kernel as a caller tells them apart; the message of Node names the call and the path. */
function kernelError({ code, message }: { readonly code: string; readonly message: string }): ConvoyError {
  const [known, hint] = kernelErrors[code] ?? ['unavailable']
  return new ConvoyError(known, message, {
    ...optional('hint', hint),
    cause: Object.assign(new Error(message), { code }),
  })
}

const noSpace = 'free some space there, or some files when df -i shows no inodes'

const kernelErrors: Readonly<Record<string, readonly [code: ErrorCode, hint?: string]>> = {
  ENOENT: ['not-found'],
  ENOTDIR: ['not-found'],
  EEXIST: ['already-exists'],
  ENOTEMPTY: ['already-exists'],
  EBUSY: ['in-use', 'something is mounted there: unmount it first'],
  EXDEV: ['unsupported'],
  EOPNOTSUPP: ['unsupported'],
  ENOSPC: ['unavailable', noSpace],
  EDQUOT: ['unavailable', noSpace],
  EROFS: ['unavailable', 'remount the file system read-write'],
}
