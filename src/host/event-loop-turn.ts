import { setImmediate as nextTurn } from 'node:timers/promises'

/** Keeps synchronous work from holding the event loop: `if (turn.isOver) await turn.next()` in its loop. */
export class EventLoopTurn {
  readonly #lengthMs: number
  #endsAt: number

  constructor(lengthMs: number) {
    this.#lengthMs = lengthMs
    this.#endsAt = performance.now() + lengthMs
  }

  get isOver(): boolean {
    return performance.now() >= this.#endsAt
  }

  /** Lets everything else that waits have its turn. */
  async next(): Promise<void> {
    await nextTurn()
    this.#endsAt = performance.now() + this.#lengthMs
  }
}
