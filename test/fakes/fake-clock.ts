/** Time that passes when a test says so. */
export class FakeClock {
  #ms = Date.parse('2026-01-01T00:00:00.000Z')

  readonly now = (): Date => new Date(this.#ms)

  advance(ms: number): void {
    this.#ms += ms
  }
}

export const minuteMs = 60_000
export const hourMs = 60 * minuteMs
export const dayMs = 24 * hourMs
