interface Waiting {
  readonly ms: number
  readonly act: () => void
}

/** Timers that end when a test says so. */
export class FakeTimers {
  readonly waiting: Waiting[] = []

  readonly start = (ms: number, act: () => void): (() => void) => {
    const timer = { ms, act }
    this.waiting.push(timer)
    return () => this.#take(timer)
  }

  /** Ends all timers of that length. */
  fire(ms: number): void {
    for (const timer of this.waiting.filter((one) => one.ms === ms)) {
      this.#take(timer)
      timer.act()
    }
  }

  #take(timer: Waiting): void {
    const index = this.waiting.indexOf(timer)
    if (index >= 0) this.waiting.splice(index, 1)
  }
}
