import { onAbort, tooLate } from './until-aborted.js'

export interface PaceDeps {
  /** Of a clock that never goes back. */
  readonly nowMs: () => number
  /** Resolves after that time, or soon after one of the signals aborts. */
  readonly pause: (ms: number, ...signals: readonly AbortSignal[]) => Promise<void>
}

export interface PaceLimits {
  /** How many requests may be made at once after a rest. */
  readonly burst: number
  /** Requests per second, to begin with and at most. */
  readonly most: number
  /** Where halving ends. */
  readonly least: number
}

interface Waiter {
  readonly place: number
  readonly go: () => void
}

/** Requests that were under way together are throttled together: that is one reason to be slower, not twenty. */
const restAfterHalvingMs = 1000
/** What a success adds to the rate, in requests per second. */
const recovery = 0.02

/**
 * How often one action of EC2 is asked for: a bucket of tokens whose rate halves when EC2 throttles it and comes back slowly with
 * success. Those who wait have their turn in the order of their places.
 */
export class RequestPace {
  readonly #action: string
  readonly #limits: PaceLimits
  readonly #deps: PaceDeps
  readonly #waiters: Waiter[] = []
  #rate: number
  #tokens: number
  #filledMs: number
  #halvedMs = -Infinity
  #isServing = false

  constructor(action: string, limits: PaceLimits, deps: PaceDeps) {
    this.#action = action
    this.#limits = limits
    this.#deps = deps
    this.#rate = limits.most
    this.#tokens = limits.burst
    this.#filledMs = deps.nowMs()
  }

  /** Requests per second. */
  get rate(): number {
    return this.#rate
  }

  /**
   * Resolves when the request may be made; ConvoyError `deadline-exceeded` as soon as the signal aborts. Lower places go first: a
   * request that was throttled keeps the place that it had.
   */
  turn(place: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) {
        reject(tooLate(this.#action, signal))
        return
      }
      const leave = onAbort(signal, () => {
        this.#waiters.splice(this.#waiters.indexOf(waiter), 1)
        reject(tooLate(this.#action, signal))
      })
      const go = () => {
        leave()
        resolve()
      }
      const waiter = { place, go }
      const behind = this.#waiters.findIndex((other) => other.place > place)
      this.#waiters.splice(behind === -1 ? this.#waiters.length : behind, 0, waiter)
      void this.#serve()
    })
  }

  succeeded(): void {
    this.#fill()
    this.#rate = Math.min(this.#limits.most, this.#rate + recovery)
  }

  throttled(): void {
    this.#fill()
    this.#tokens = Math.min(this.#tokens, 0)
    const now = this.#deps.nowMs()
    if (now - this.#halvedMs < restAfterHalvingMs) return
    this.#halvedMs = now
    this.#rate = Math.max(this.#limits.least, this.#rate / 2)
  }

  async #serve(): Promise<void> {
    if (this.#isServing) return
    this.#isServing = true
    while (this.#waiters.length > 0) {
      this.#fill()
      if (this.#tokens < 1) {
        await this.#deps.pause(Math.ceil(((1 - this.#tokens) / this.#rate) * 1000))
        continue
      }
      this.#tokens--
      this.#waiters.shift()?.go()
    }
    this.#isServing = false
  }

  #fill(): void {
    const now = this.#deps.nowMs()
    this.#tokens = Math.min(this.#limits.burst, this.#tokens + ((now - this.#filledMs) / 1000) * this.#rate)
    this.#filledMs = now
  }
}
