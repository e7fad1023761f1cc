import pRetry, { AbortError } from 'p-retry'
import { type ConvoyError, isConvoyError, toConvoyError } from '../errors.js'
import type { CallContext } from '../model/call-context.js'
import type { Volume } from '../model/volume.js'
import type { Events } from './events.js'

/** A storage that has come is noticed within a second. */
const patience = { retries: Infinity, minTimeout: 200, maxTimeout: 1000 }

/** Which storages do not answer, as far as calls have shown; each change is an event. */
export class DriverAvailability {
  readonly #events: Events
  /** Driver → why. */
  readonly #unavailable = new Map<string, string>()

  constructor(events: Events) {
    this.#events = events
  }

  /** Driver → why it is unavailable. */
  get reasons(): ReadonlyMap<string, string> {
    return this.#unavailable
  }

  noteFailure(driver: string, error: ConvoyError): void {
    const isNews = !this.#unavailable.has(driver)
    this.#unavailable.set(driver, error.sentence)
    if (isNews) this.#events.note('driver.unavailable', { driver, error: error.sentence })
  }

  noteAnswer(driver: string): void {
    if (this.#unavailable.delete(driver)) this.#events.note('driver.available', { driver })
  }

  /**
   * Asks the storage again and again, until it answers or the call is over: then with what it said last. Only for a mount: a
   * refused one ends `--restart=always` for good. Whoever creates a volume reads the answer, or asks again by himself.
   */
  async untilAnswered<T>({ name, driver }: Volume, { signal, log }: CallContext, ask: () => Promise<T>): Promise<T> {
    let last: unknown
    const attempt = async () => {
      try {
        const answer = await ask()
        this.noteAnswer(driver)
        return answer
      } catch (thrown) {
        if (isConvoyError(thrown, 'unavailable') && !signal.aborted) throw thrown
        throw new AbortError(toConvoyError(thrown))
      }
    }
    const onFailedAttempt = ({ error, attemptNumber }: { readonly error: Error; readonly attemptNumber: number }) => {
      last = error
      this.noteFailure(driver, toConvoyError(error))
      if (attemptNumber === 1) log.warn({ volume: name, err: error }, 'the storage is not there yet: waiting for it')
    }
    return pRetry(attempt, { ...patience, signal, onFailedAttempt }).catch((thrown: unknown) => {
      throw thrown === signal.reason ? (last ?? thrown) : thrown
    })
  }
}
