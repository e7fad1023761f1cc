import { parseJsonObject } from '../model/json-object.js'
import type { Ledger } from '../store/ledger.js'

const setting = 'notify-positions'

/** Up to which event each target has been told. Durable a moment later, so that a crash repeats what was told last. */
export class NotifyPositions {
  readonly #ledger: Ledger
  readonly #byTarget: Map<string, number>
  #hasChanged = false

  constructor(ledger: Ledger) {
    this.#ledger = ledger
    const kept = Object.entries(parseJsonObject(ledger.setting(setting) ?? '{}') ?? {})
    this.#byTarget = new Map(kept.filter((entry): entry is [string, number] => Number.isSafeInteger(entry[1])))
  }

  of(target: string): number | undefined {
    return this.#byTarget.get(target)
  }

  /** Saved with what is saved next. */
  move(target: string, eventId: number): void {
    this.#hasChanged ||= this.#byTarget.get(target) !== eventId
    this.#byTarget.set(target, eventId)
  }

  forgetAllBut(targets: readonly string[]): void {
    for (const target of this.#byTarget.keys()) {
      if (!targets.includes(target)) this.#hasChanged = this.#byTarget.delete(target)
    }
  }

  save(): void {
    if (!this.#hasChanged) return
    this.#hasChanged = false
    const value = JSON.stringify(Object.fromEntries(this.#byTarget))
    this.#ledger.commitLater('notify', { put: 'setting', key: setting, value })
  }
}
