import { toConvoyError } from '../errors.js'
import type { Notifier } from '../host/notifier.js'
import type { Notice, NotifyTarget } from '../model/notify-target.js'
import type { NotifyHealth } from './notify-health.js'

interface AttemptDeps {
  readonly notifier: Notifier
  readonly now: () => Date
  /** Aborts what is under way, and all that comes. */
  readonly signal: AbortSignal
}

/** Attempts to tell one target of something: one at a time, so that a command never runs beside itself. */
export class NotifyAttempts {
  readonly #target: NotifyTarget
  readonly #health: NotifyHealth
  readonly #deps: AttemptDeps
  #last: Promise<void> = Promise.resolve()

  constructor(target: NotifyTarget, health: NotifyHealth, deps: AttemptDeps) {
    this.#target = target
    this.#health = health
    this.#deps = deps
  }

  /** ConvoyError unless the target has taken it. */
  async make(notice: Notice): Promise<void> {
    const { notifier, now, signal } = this.#deps
    const delivery = this.#last.then(() => notifier.deliver({ target: this.#target, notice, signal }))
    this.#last = delivery.catch(() => undefined)
    try {
      await delivery
    } catch (thrown) {
      const error = toConvoyError(thrown)
      this.#health.noteError(now(), error.sentence)
      throw error
    }
  }

  /** Resolves when none is under way. */
  async settle(): Promise<void> {
    await this.#last
  }
}
