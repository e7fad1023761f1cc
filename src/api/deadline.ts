import type { ServerResponse } from 'node:http'
import { ConvoyError } from '../errors.js'
import type { CallContext, Logger } from '../model/call-context.js'

type Act<T> = (call: CallContext) => Promise<T>

const undoMs = 30_000

/** One request's time: ends when it is up, or when the client has hung up before it was answered. */
export class Deadline {
  readonly #controller = new AbortController()
  readonly #timer: NodeJS.Timeout
  readonly #log: Logger

  constructor(response: ServerResponse, timeoutMs: number, log: Logger) {
    this.#log = log
    this.#timer = setTimeout(() => this.#end(`no result within ${timeoutMs / 1000} s`), timeoutMs)
    response.once('close', () => {
      clearTimeout(this.#timer)
      if (!response.writableFinished) this.#end('the client hung up')
    })
  }

  /**
   * Acts, and answers at the deadline even if the act does not end: what it does after that is undone, because nobody will ask
   * for it again.
   */
  async run<T>(act: Act<T>, undo: Act<unknown> | undefined): Promise<T> {
    const { signal } = this.#controller
    const log = this.#log
    let isAnswered = false
    const result = act({ signal, log }).then(async (value) => {
      if (isAnswered || signal.aborted) await this.#undo(undo)
      return value
    })
    const ended = new Promise<never>((_resolve, reject) => {
      const giveUp = () => {
        // The act sees the same signal: it gets a moment to end by itself with a better reason.
        setTimeout(() => reject(signal.reason as Error), 1000).unref()
      }
      if (signal.aborted) giveUp()
      else signal.addEventListener('abort', giveUp, { once: true })
    })
    try {
      return await Promise.race([result, ended])
    } finally {
      isAnswered = true
      clearTimeout(this.#timer)
      result.catch(() => undefined)
      ended.catch(() => undefined)
    }
  }

  async #undo(undo: Act<unknown> | undefined): Promise<void> {
    if (undo === undefined) return
    try {
      await undo({ signal: AbortSignal.timeout(undoMs), log: this.#log })
      this.#log.warn({}, 'undid what nobody waited for')
    } catch (thrown) {
      this.#log.warn({ err: thrown }, 'could not undo what nobody waited for')
    }
  }

  #end(reason: string): void {
    this.#controller.abort(new ConvoyError('deadline-exceeded', reason))
  }
}
