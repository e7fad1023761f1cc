import type { ServerResponse } from 'node:http'
import { ConvoyError, toConvoyError } from '../errors.js'
import type { CallContext } from '../model/call-context.js'
import type { ApiDeps } from './api-deps.js'

type Act<T> = (call: CallContext) => Promise<T>

const undoMs = 30_000
const graceMs = 1000

/** One request's time: ends when it is up, or when the client has hung up before it was answered. */
export class Deadline {
  readonly #controller = new AbortController()
  readonly #deps: Pick<ApiDeps, 'log' | 'startTimer'>
  readonly #callOff: () => void

  constructor(response: ServerResponse, timeoutMs: number, deps: Pick<ApiDeps, 'log' | 'startTimer'>) {
    this.#deps = deps
    this.#callOff = deps.startTimer(timeoutMs, () => this.#end(`no result within ${timeoutMs / 1000} s`))
    // The client may have gone while its request was read.
    if (response.destroyed) this.#end('the client hung up')
    response.once('close', () => {
      this.#callOff()
      if (!response.writableFinished) this.#end('the client hung up')
    })
  }

  /**
   * Acts, and answers at the deadline even if the act does not end: what succeeds after that is undone, because nobody will ask
   * for it again, and is no success.
   */
  async run<T>(act: Act<T>, undo?: Act<unknown>): Promise<T> {
    const { signal } = this.#controller
    const { log } = this.#deps
    const result = act({ signal, log }).then(async (value) => {
      if (undo === undefined || !signal.aborted) return value
      await this.#undo(undo)
      throw toConvoyError(signal.reason)
    })
    try {
      return await Promise.race([result, this.#ended()])
    } finally {
      this.#callOff()
      result.catch(() => undefined)
    }
  }

  /** Rejects a moment after the end: the act sees the same signal, and ends by itself with a better reason if it can. */
  #ended(): Promise<never> {
    const { signal } = this.#controller
    const ended = new Promise<never>((_resolve, reject) => {
      const giveUp = () => void this.#deps.startTimer(graceMs, () => reject(toConvoyError(signal.reason)))
      if (signal.aborted) giveUp()
      else signal.addEventListener('abort', giveUp, { once: true })
    })
    ended.catch(() => undefined)
    return ended
  }

  async #undo(undo: Act<unknown>): Promise<void> {
    try {
      await undo({ signal: AbortSignal.timeout(undoMs), log: this.#deps.log })
      this.#deps.log.warn({}, 'undid what nobody waited for')
    } catch (thrown) {
      this.#deps.log.warn({ err: thrown }, 'could not undo what nobody waited for')
    }
  }

  #end(reason: string): void {
    this.#controller.abort(new ConvoyError('deadline-exceeded', reason))
  }
}
