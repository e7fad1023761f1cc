import { setMaxListeners } from 'node:events'
import { ConvoyError } from '../../errors.js'
import type { CallContext } from '../../model/call-context.js'
import { s3Error } from './s3-errors.js'
import { failureKind, failureOf } from './s3-failures.js'

export interface AttemptDeps {
  /** Of the destination, for messages. */
  readonly url: string
  /** Resolves after that time, or soon after the signal aborts. */
  readonly pause: (ms: number, signal: AbortSignal) => Promise<void>
  /** From 0 to less than 1. */
  readonly random: () => number
}

/** About a minute, when nothing helps. */
const mostFailures = 10
const firstPauseMs = { throttled: 1000, transient: 200 } as const
const mostPauseMs = 20_000

/** The attempts at one thing: `for (;;) try { return await … } catch (thrown) { await attempts.failed(thrown) }`. */
export class Attempts {
  readonly #what: string
  readonly #deps: AttemptDeps
  readonly #call: CallContext
  #failures = 0

  /** `what`: `read meta/ab/…`. Throws ConvoyError `deadline-exceeded` when the call is over already. */
  constructor(what: string, deps: AttemptDeps, call: CallContext) {
    this.#what = what
    this.#deps = deps
    this.#call = call
    // Each request under way listens to it, and there are many.
    setMaxListeners(0, call.signal)
    this.#refuseAborted()
  }

  /** An earlier attempt may have been carried out, and its answer lost. */
  get isRepeated(): boolean {
    return this.#failures > 0
  }

  /** Something was achieved: patience begins anew. */
  progressed(): void {
    this.#failures = 0
  }

  /** Waits until it is time for the next attempt; throws the failure as ConvoyError when another cannot help. */
  async failed(thrown: unknown): Promise<void> {
    this.#refuseAborted()
    const kind = failureKind(thrown)
    this.#failures++
    if (kind === 'final' || this.#failures >= mostFailures) throw s3Error(this.#what, this.#deps.url, thrown)
    const longestMs = Math.min(mostPauseMs, firstPauseMs[kind] * 2 ** (this.#failures - 1))
    const ms = longestMs * (0.5 + this.#deps.random() / 2)
    const { name, status } = failureOf(thrown)
    this.#call.log.debug({ what: this.#what, name, status, ms: Math.round(ms) }, 's3: again')
    await this.#deps.pause(ms, this.#call.signal)
    this.#refuseAborted()
  }

  #refuseAborted(): void {
    if (!this.#call.signal.aborted) return
    throw new ConvoyError('deadline-exceeded', `gave up to ${this.#what} in ${this.#deps.url}`, {
      cause: this.#call.signal.reason,
    })
  }
}
