import pRetry, { AbortError } from 'p-retry'
import { type ConvoyError, isConvoyError, toConvoyError } from '../errors.js'
import type { CallContext } from '../model/call-context.js'
import { optional } from '../model/optional.js'
import type { Volume } from '../model/volume.js'
import type { Events } from './events.js'

/** A storage that has come is noticed within a second. */
const patience = { retries: Infinity, minTimeout: 200, maxTimeout: 1000 }

interface Unavailable {
  readonly driver: string
  readonly storage?: string
  /** Why. */
  readonly error: string
}

type StoredVolume = Pick<Volume, 'name' | 'driver'> & { readonly storage: string | undefined }

const keyOf = (driver: string, storage = '') => `${driver} ${storage}`

/** Which storages do not answer, as far as calls have shown; each change is an event. */
export class DriverAvailability {
  readonly #events: Events
  /** By driver and storage. */
  readonly #unavailable = new Map<string, Unavailable>()

  constructor(events: Events) {
    this.#events = events
  }

  /** Driver → why it, or some of its storages, are unavailable. */
  get reasons(): ReadonlyMap<string, string> {
    const reasons = new Map<string, string>()
    for (const { driver, error } of this.#unavailable.values()) {
      const others = reasons.get(driver)
      reasons.set(driver, others === undefined ? error : `${others}; ${error}`)
    }
    return reasons
  }

  /** `storage`: which of the driver's, if it has several. */
  noteFailure(driver: string, error: ConvoyError, storage?: string): void {
    const key = keyOf(driver, storage)
    const isNews = !this.#unavailable.has(key)
    const row = { driver, ...optional('storage', storage), error: error.sentence }
    this.#unavailable.set(key, row)
    if (isNews) this.#events.note('driver.unavailable', row)
  }

  noteAnswer(driver: string, storage?: string): void {
    if (!this.#unavailable.delete(keyOf(driver, storage))) return
    this.#events.note('driver.available', { driver, ...optional('storage', storage) })
  }

  /** Whether calls have shown that the storage of these volumes does not answer. */
  isAway(driver: string, storage?: string): boolean {
    return this.#unavailable.has(keyOf(driver, storage))
  }

  /**
   * Asks the storage again and again, until it answers or the call is over: then with what it said last. Only for a mount: a
   * refused one ends `--restart=always` for good. Whoever creates a volume reads the answer, or asks again by himself.
   */
  async untilAnswered<T>(volume: StoredVolume, { signal, log }: CallContext, ask: () => Promise<T>): Promise<T> {
    const { name, driver, storage } = volume
    let last: unknown
    const attempt = async () => {
      try {
        const answer = await ask()
        this.noteAnswer(driver, storage)
        return answer
      } catch (thrown) {
        if (isConvoyError(thrown, 'unavailable') && !signal.aborted) throw thrown
        throw new AbortError(toConvoyError(thrown))
      }
    }
    const onFailedAttempt = ({ error, attemptNumber }: { readonly error: Error; readonly attemptNumber: number }) => {
      last = error
      this.noteFailure(driver, toConvoyError(error), storage)
      if (attemptNumber === 1) log.warn({ volume: name, err: error }, 'the storage is not there yet: waiting for it')
    }
    return pRetry(attempt, { ...patience, signal, onFailedAttempt }).catch((thrown: unknown) => {
      throw thrown === signal.reason ? (last ?? thrown) : thrown
    })
  }
}
