import { type ChildProcess, fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { ConvoyError, type ErrorCode } from '../errors.js'
import type { Notice, Webhook } from '../model/notify-target.js'
import type { WebhookLimits } from './webhook.js'

export type WebhookRequest =
  | { readonly id: number; readonly webhook: Webhook; readonly notice: Notice; readonly timeoutMs: number }
  /** Nobody waits for that request any more. */
  | { readonly abort: number }

export interface WebhookAnswer {
  readonly id: number
  readonly error?: { readonly code: ErrorCode; readonly message: string; readonly hint?: string }
}

interface Waiting {
  readonly resolve: () => void
  readonly reject: (error: ConvoyError) => void
}

const idleMs = 60_000
/** The child says by itself that the time is up, unless it hangs. */
const graceMs = 2000

/**
 * Posts to webhooks from a child process, which holds the secrets and what it takes to speak HTTPS. A resolver that hangs holds a
 * thread: here it would be one of the four that the daemon's files need. The child starts at the first need and ends when idle.
 */
export class WebhookProcess {
  readonly #waiting = new Map<number, Waiting>()
  #child: ChildProcess | undefined
  #idle: NodeJS.Timeout | undefined
  #lastId = 0

  /** ConvoyError `unavailable` or `deadline-exceeded` unless the webhook has taken it. */
  async post(webhook: Webhook, notice: Notice, { timeoutMs, signal }: WebhookLimits): Promise<void> {
    clearTimeout(this.#idle)
    const child = this.#openChild()
    const id = ++this.#lastId
    const end = new AbortController()
    try {
      await new Promise<void>((resolve, reject) => {
        this.#waiting.set(id, { resolve, reject })
        const giveUp = () => reject(new ConvoyError('deadline-exceeded', 'the webhook was given up'))
        const timer = setTimeout(() => this.#abandon(child), timeoutMs + graceMs)
        end.signal.addEventListener('abort', () => clearTimeout(timer))
        signal.addEventListener('abort', giveUp, { signal: end.signal })
        if (signal.aborted) giveUp()
        else child.send({ id, webhook, notice, timeoutMs } satisfies WebhookRequest)
      })
    } finally {
      end.abort()
      // Of a request that has been answered this says nothing.
      if (this.#waiting.delete(id) && child.connected) child.send({ abort: id } satisfies WebhookRequest)
      this.#endWhenIdle()
    }
  }

  /** Ends the child. */
  close(): void {
    clearTimeout(this.#idle)
    this.#child?.kill('SIGKILL')
    this.#child = undefined
  }

  #openChild(): ChildProcess {
    if (this.#child !== undefined) return this.#child
    const path = fileURLToPath(new URL('./webhook-process-main.js', import.meta.url))
    const child = fork(path, [], { execArgv: ['--max-semi-space-size=1'], env: childEnvironment(), stdio: 'ignore' })
    child.on('message', (answer: WebhookAnswer) => this.#receive(answer))
    child.on('error', () => this.#lose(child))
    child.on('exit', () => this.#lose(child))
    this.#child = child
    return child
  }

  #receive({ id, error }: WebhookAnswer): void {
    const waiting = this.#waiting.get(id)
    this.#waiting.delete(id)
    if (error === undefined) waiting?.resolve()
    else
      waiting?.reject(new ConvoyError(error.code, error.message, error.hint === undefined ? {} : { hint: error.hint }))
  }

  /** It has not even said that the time is up. */
  #abandon(child: ChildProcess): void {
    child.kill('SIGKILL')
    this.#lose(child)
  }

  #lose(child: ChildProcess): void {
    if (this.#child !== child) return
    this.#child = undefined
    for (const { reject } of this.#waiting.values()) {
      reject(new ConvoyError('unavailable', 'the process that posts to webhooks has ended'))
    }
    this.#waiting.clear()
  }

  #endWhenIdle(): void {
    if (this.#waiting.size > 0) return
    clearTimeout(this.#idle)
    this.#idle = setTimeout(() => this.close(), idleMs).unref()
  }
}

/** Whom to trust is the administrator's; nothing else of ours. Each resolver that hangs takes a thread. */
function childEnvironment(): Readonly<Record<string, string>> {
  const trust = ['NODE_EXTRA_CA_CERTS', 'SSL_CERT_FILE', 'SSL_CERT_DIR'].flatMap((name) => {
    const value = process.env[name]
    return value === undefined ? [] : [[name, value] as const]
  })
  return { ...Object.fromEntries(trust), UV_THREADPOOL_SIZE: '32' }
}
