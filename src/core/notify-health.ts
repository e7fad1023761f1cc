import type { Logger } from '../model/call-context.js'
import type { ConvoyEvent } from '../model/event.js'
import type { Events } from './events.js'

export interface NotifyError {
  readonly time: Date
  readonly text: string
}

/** Whether a target takes what it is told. A change is an event for the others, and a line in the log. */
export class NotifyHealth {
  readonly #target: string
  readonly #events: Pick<Events, 'note'>
  readonly #log: Logger
  #failingSince: Date | undefined
  #isAnnounced = false
  #lastError: NotifyError | undefined

  constructor(target: string, deps: { readonly events: Pick<Events, 'note'>; readonly log: Logger }) {
    this.#target = target
    this.#events = deps.events
    this.#log = deps.log
  }

  get failingSince(): Date | undefined {
    return this.#failingSince
  }

  get lastError(): NotifyError | undefined {
    return this.#lastError
  }

  /** Of any attempt, also of a test. */
  noteError(time: Date, text: string): void {
    this.#lastError = { time, text }
  }

  /** All attempts that there are at first have failed. */
  noteFailure(event: ConvoyEvent, time: Date, error: string): void {
    const target = this.#target
    if (this.#failingSince === undefined) {
      this.#failingSince = time
      this.#log.warn({ target, event: event.type, error }, 'a target of notifications fails: tried again later')
    }
    // Two targets that fail would else tell each other of it for ever.
    if (this.#isAnnounced || isOfNotifications(event)) return
    this.#isAnnounced = true
    this.#events.note('notify.fail', { target, error })
  }

  noteSuccess(): void {
    const target = this.#target
    if (this.#failingSince === undefined) return
    this.#failingSince = undefined
    this.#log.info({ target }, 'a target of notifications takes them again')
    if (this.#isAnnounced) this.#events.note('notify.recover', { target })
    this.#isAnnounced = false
  }
}

export const isOfNotifications = ({ type }: ConvoyEvent) => type.startsWith('notify.')
