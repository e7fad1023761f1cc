import { pause } from './clock.js'

export interface BytePaceDeps {
  /** Of a clock that never goes back. */
  readonly nowMs: () => number
  readonly pause: (ms: number, ...signals: readonly AbortSignal[]) => Promise<void>
}

/** Timers come late; what that costs is made up for within this time. */
const mostLateMs = 50

/** So many bytes per second, for all who share it, in the order in which they come. */
export class BytePace {
  /** How many bytes are best taken at once: not more than a twentieth of a second's, so that the line is never full for long. */
  readonly pieceBytes: number
  readonly #bytesPerSecond: number
  readonly #deps: BytePaceDeps
  #freeAtMs = -Infinity

  constructor(bytesPerSecond: number, deps: BytePaceDeps = { nowMs: () => performance.now(), pause }) {
    this.#bytesPerSecond = bytesPerSecond
    this.#deps = deps
    this.pieceBytes = Math.round(Math.min(4 * 2 ** 20, Math.max(4096, bytesPerSecond / 20)))
  }

  /** Resolves when so many bytes may go, or soon after the signal aborts. */
  async take(bytes: number, signal: AbortSignal): Promise<void> {
    const nowMs = this.#deps.nowMs()
    const startMs = Math.max(nowMs - mostLateMs, this.#freeAtMs)
    this.#freeAtMs = startMs + (bytes / this.#bytesPerSecond) * 1000
    if (startMs > nowMs) await this.#deps.pause(startMs - nowMs, signal)
  }
}
