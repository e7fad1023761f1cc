import type { ConvoyError } from '../errors.js'
import type { Events } from './events.js'

/** Which storages do not answer, as far as calls have shown; each change is an event. */
export class DriverAvailability {
  readonly #events: Events
  readonly #unavailable = new Set<string>()

  constructor(events: Events) {
    this.#events = events
  }

  noteFailure(driver: string, error: ConvoyError): void {
    if (this.#unavailable.has(driver)) return
    this.#unavailable.add(driver)
    this.#events.note('driver.unavailable', { driver, error: error.sentence })
  }

  isAvailable(driver: string): boolean {
    return !this.#unavailable.has(driver)
  }

  noteAnswer(driver: string): void {
    if (this.#unavailable.delete(driver)) this.#events.note('driver.available', { driver })
  }
}
