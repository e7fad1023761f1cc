import { setImmediate } from 'node:timers/promises'

interface Waiting {
  readonly atMs: number
  readonly end: () => void
}

/** The `pause` of host/clock in time that passes when a test says so. */
export class ManualPause {
  #nowMs = 0
  #waiting: Waiting[] = []

  readonly pause = async (ms: number, ...signals: readonly (AbortSignal | undefined)[]): Promise<void> => {
    if (signals.some((signal) => signal?.aborted === true)) return
    const over = new AbortController()
    await new Promise<void>((resolve) => {
      this.#waiting.push({ atMs: this.#nowMs + ms, end: resolve })
      for (const signal of signals) signal?.addEventListener('abort', () => resolve(), { signal: over.signal })
    })
    over.abort()
  }

  /** Whoever waited that long goes on, as far as it gets without another pause. */
  async advance(ms: number): Promise<void> {
    this.#nowMs += ms
    const over = this.#waiting.filter(({ atMs }) => atMs <= this.#nowMs)
    this.#waiting = this.#waiting.filter(({ atMs }) => atMs > this.#nowMs)
    for (const { end } of over) end()
    for (let turn = 0; turn < 20; turn++) await setImmediate()
  }
}
