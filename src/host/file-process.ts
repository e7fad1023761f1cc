import { type ChildProcess, fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { ConvoyError } from '../errors.js'
import type { FileOperation, FileResult } from './file-operations.js'

export interface FileRequest {
  readonly id: number
  readonly operations: readonly FileOperation[]
}

export interface FileAnswer {
  readonly id: number
  readonly results?: readonly FileResult[]
  /** The error as the kernel names it (`ENOSPC`) and as Node words it. */
  readonly error?: { readonly code: string; readonly message: string }
}

interface Waiting {
  readonly resolve: (results: readonly FileResult[]) => void
  readonly reject: (error: ConvoyError) => void
}

/** One child and what it owes us. */
interface Child {
  readonly process: ChildProcess
  readonly waiting: Map<number, Waiting>
}

const defaultTimeoutMs = 30_000
const idleMs = 30_000
const mostAbandoned = 4

/**
 * File operations on one storage, in a child process: a storage that hangs takes the child with it and not the daemon
 * (four hung calls stop Node). The child starts at the first need and ends when it has been idle for a while.
 */
export class FileProcess {
  readonly #timeoutMs: number
  #child: Child | undefined
  #idle: NodeJS.Timeout | undefined
  #abandoned = 0
  #lastId = 0

  constructor(options: { readonly timeoutMs?: number } = {}) {
    this.#timeoutMs = options.timeoutMs ?? defaultTimeoutMs
  }

  /**
   * Runs the operations in order and resolves to their results. ConvoyError `unavailable` when the storage does not answer in
   * time or is full or broken, `not-found`, `already-exists`, `in-use` and `unsupported` as the kernel says.
   */
  async run(operations: readonly FileOperation[]): Promise<readonly FileResult[]> {
    const child = this.#openChild()
    const id = ++this.#lastId
    clearTimeout(this.#idle)
    // Not the caller's signal: a step that lands after its caller has gone would surprise whoever comes next.
    const deadline = setTimeout(() => this.#abandon(child, operations), this.#timeoutMs)
    try {
      return await new Promise<readonly FileResult[]>((resolve, reject) => {
        child.waiting.set(id, { resolve, reject })
        child.process.send({ id, operations } satisfies FileRequest)
      })
    } finally {
      clearTimeout(deadline)
      this.#endWhenIdle()
    }
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
    const path = fileURLToPath(new URL('./file-process-main.js', import.meta.url))
    const process = fork(path, [], { execArgv: ['--max-semi-space-size=1'], env: {}, stdio: 'ignore' })
    const child: Child = { process, waiting: new Map() }
    process.on('message', (answer: FileAnswer) => receive(child, answer))
    process.on('error', () => this.#lose(child))
    process.on('exit', () => this.#lose(child))
    this.#child = child
    return child
  }

  /** The child hangs: nobody waits for it any more. */
  #abandon(child: Child, operations: readonly FileOperation[]): void {
    if (this.#child !== child) return
    this.#child = undefined
    this.#abandoned++
    child.process.once('exit', () => this.#abandoned--)
    child.process.kill('SIGKILL')
    rejectAll(child, doesNotAnswer(`it was asked to ${operations.map(({ op }) => op).join(', ')}`))
  }

  #lose(child: Child): void {
    if (this.#child === child) this.#child = undefined
    rejectAll(child, new ConvoyError('unavailable', 'the process that works on the storage has ended'))
  }

  #endWhenIdle(): void {
    if (this.#child === undefined || this.#child.waiting.size > 0) return
    clearTimeout(this.#idle)
    this.#idle = setTimeout(() => this.close(), idleMs).unref()
  }
}

function receive(child: Child, answer: FileAnswer): void {
  const waiting = child.waiting.get(answer.id)
  child.waiting.delete(answer.id)
  if (answer.results !== undefined) waiting?.resolve(answer.results)
  else waiting?.reject(kernelError(answer.error?.code ?? '', answer.error?.message ?? 'no answer'))
}

function rejectAll(child: Child, error: ConvoyError): void {
  for (const waiting of child.waiting.values()) waiting.reject(error)
  child.waiting.clear()
}

const doesNotAnswer = (detail: string) =>
  new ConvoyError('unavailable', `the storage does not answer (${detail})`, {
    hint: 'check the disk or the share; convoy tries again with the next request',
  })

/** Errors of the kernel as a caller tells them apart; the message of Node names the call and the path. */
function kernelError(code: string, message: string): ConvoyError {
  switch (code) {
    case 'ENOENT':
    case 'ENOTDIR':
      return new ConvoyError('not-found', message)
    case 'EEXIST':
    case 'ENOTEMPTY':
      return new ConvoyError('already-exists', message)
    case 'EBUSY':
      return new ConvoyError('in-use', message, { hint: 'something is mounted there: unmount it first' })
    case 'EXDEV':
    case 'EOPNOTSUPP':
      return new ConvoyError('unsupported', message)
    case 'ENOSPC':
    case 'EDQUOT':
      return new ConvoyError('unavailable', message, {
        hint: 'free some space there, or some files when df -i shows no inodes',
      })
    case 'EROFS':
      return new ConvoyError('unavailable', message, { hint: 'remount the file system read-write' })
    default:
      return new ConvoyError('unavailable', message)
  }
}
