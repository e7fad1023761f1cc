/** Time as the cloud knows it, and what it means to do later. */
export interface CloudClock {
  /** Milliseconds since 1970. */
  now(): number
  schedule(ms: number, act: () => Promise<void>): void
  /** Forgets whatever is scheduled. */
  close(): void
}

interface Scheduled {
  readonly at: number
  readonly act: () => Promise<void>
}

/** Stands still until it is told to go on. */
export class ManualClock implements CloudClock {
  #now = Date.UTC(2026, 0, 1)
  #scheduled: Scheduled[] = []

  now(): number {
    return this.#now
  }

  schedule(ms: number, act: () => Promise<void>): void {
    this.#scheduled.push({ at: this.#now + ms, act })
  }

  close(): void {
    this.#scheduled = []
  }

  /** Each thing that is due has been done, at its time and in its order, when this resolves. */
  async advance(ms: number): Promise<void> {
    const end = this.#now + ms
    for (let next = this.#nextUntil(end); next !== undefined; next = this.#nextUntil(end)) {
      this.#now = Math.max(this.#now, next.at)
      await next.act()
    }
    this.#now = end
  }

  #nextUntil(end: number): Scheduled | undefined {
    const [first] = this.#scheduled.filter(({ at }) => at <= end).sort((one, other) => one.at - other.at)
    this.#scheduled = this.#scheduled.filter((each) => each !== first)
    return first
  }
}

/** The time of this machine. It does not keep the process alive. */
export class RealClock implements CloudClock {
  readonly #timers = new Set<NodeJS.Timeout>()

  now(): number {
    return Date.now()
  }

  schedule(ms: number, act: () => Promise<void>): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer)
      void act()
    }, ms).unref()
    this.#timers.add(timer)
  }

  close(): void {
    for (const timer of this.#timers) clearTimeout(timer)
    this.#timers.clear()
  }
}
