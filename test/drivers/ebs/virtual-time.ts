import { setMaxListeners } from 'node:events'

interface Sleeper {
  readonly atMs: number
  readonly wake: () => void
}

/** Time that passes when everybody waits for it. */
export class VirtualTime {
  #ms = 0
  readonly #sleepers = new Set<Sleeper>()

  readonly nowMs = (): number => this.#ms

  readonly pause = (ms: number, ...signals: readonly (AbortSignal | undefined)[]): Promise<void> =>
    new Promise((resolve) => {
      const sleeper = {
        atMs: this.#ms + ms,
        wake: () => {
          this.#sleepers.delete(sleeper)
          for (const signal of signals) signal?.removeEventListener('abort', sleeper.wake)
          resolve()
        },
      }
      this.#sleepers.add(sleeper)
      for (const signal of signals) {
        if (signal?.aborted) sleeper.wake()
        else signal?.addEventListener('abort', sleeper.wake)
      }
    })

  /** What the promise comes to, however long it takes. */
  async until<T>(promise: Promise<T>): Promise<T> {
    const state = { isSettled: false }
    const settled = promise.finally(() => (state.isSettled = true))
    settled.catch(() => undefined)
    for (;;) {
      await turns()
      if (state.isSettled) return settled
      const [next] = [...this.#sleepers].sort((one, other) => one.atMs - other.atMs)
      if (next === undefined) continue
      this.#ms = Math.max(this.#ms, next.atMs)
      next.wake()
    }
  }
}

/** Long enough for whatever waits for no time. */
export async function turns(): Promise<void> {
  for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve))
}

/** One that many wait with. */
export const { signal: never } = new AbortController()
setMaxListeners(0, never)
