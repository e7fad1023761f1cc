import { once } from 'node:events'
import pRetry from 'p-retry'
import { toConvoyError } from '../errors.js'
import type { Notifier } from '../host/notifier.js'
import type { Logger } from '../model/call-context.js'
import { type ConvoyEvent, eventAt, matchesFilter } from '../model/event.js'
import { noticeOf, type NoticeOrigin, type NotifyTarget } from '../model/notify-target.js'
import type { Events, EventsStart } from './events.js'
import { NotifyAttempts } from './notify-attempts.js'
import { NotifyHealth, isOfNotifications } from './notify-health.js'
import type { NotifyPositions } from './notify-positions.js'

export interface CourierDeps {
  readonly events: Events
  readonly positions: NotifyPositions
  readonly notifier: Notifier
  readonly origin: NoticeOrigin
  /** Of this installation, so that the ids of events are those of one host. */
  readonly hostId: string
  readonly now: () => Date
  /** A fresh UUID. */
  readonly newId: () => string
  readonly log: Logger
  /** The first pause between two attempts, and the longest; each is twice the one before, and a bit random. */
  readonly pausesMs: { readonly first: number; readonly longest: number }
}

/** What one target is told: every event that it wants, in their order, each until it has taken it. Holds one page of them. */
export class NotifyCourier {
  readonly target: NotifyTarget
  readonly health: NotifyHealth
  readonly #deps: CourierDeps
  readonly #attempts: NotifyAttempts
  readonly #stopped = new AbortController()
  /** Ends the pause before the next attempt. */
  #round = new AbortController()
  #position: number
  /** From where to go on when events have been given up. */
  #skip: EventsStart | undefined
  #isCaughtUp = false
  /** The daemon has no usable database, and this target is told of nothing else. */
  #isAlone = false
  #wake: () => void = () => undefined
  #running: Promise<void> = Promise.resolve()

  constructor(target: NotifyTarget, deps: CourierDeps) {
    this.target = target
    this.health = new NotifyHealth(target.name, deps)
    this.#attempts = new NotifyAttempts(target, this.health, { ...deps, signal: this.#stopped.signal })
    this.#deps = deps
    this.#position = deps.positions.of(target.name) ?? deps.events.lastId
  }

  /** Everything up to this event has been told, or was not wanted. */
  get position(): number {
    return this.#position
  }

  get isBusy(): boolean {
    return !this.#isCaughtUp && !this.#isAlone
  }

  start(): void {
    this.#running = this.#run()
  }

  /** What is under way is broken off, and told again by whoever comes next. */
  async stop(): Promise<void> {
    this.#stopped.abort()
    this.#round.abort()
    this.#wake()
    await this.#running
    await this.#attempts.settle()
  }

  /** These events have become durable. */
  hear(events: readonly ConvoyEvent[]): void {
    // The database is back.
    if (this.#isAlone) this.#beginRound()
    const news = events.filter(({ id }) => id > this.#position)
    const last = news.at(-1)
    if (last === undefined) return
    if (this.#isCaughtUp && !news.some((event) => this.wants(event))) this.#moveTo(last.id)
    else this.#wake()
  }

  /** One attempt with an event that is marked as a test. Rejects with what went wrong. */
  async test(): Promise<void> {
    const { now, newId, origin } = this.#deps
    const event = eventAt(now(), 'notify.test', { target: this.target.name })
    await this.#attempts.make(noticeOf(newId(), event, origin))
    // Now is the time to go on.
    if (this.health.failingSince !== undefined) this.#beginRound()
  }

  #beginRound(): void {
    const round = this.#round
    this.#round = new AbortController()
    round.abort()
  }

  async #run(): Promise<void> {
    const { log } = this.#deps
    while (!this.#stopped.signal.aborted) {
      const { signal } = this.#round
      const onFailedAttempt = ({ error, attemptNumber }: { error: Error; attemptNumber: number }) => {
        if (signal.aborted || attemptNumber > 1) return
        log.warn({ target: this.target.name, err: error }, 'events cannot be read for a target: tried again later')
      }
      // It ends without success only with its round.
      await pRetry(() => this.#readOn(signal), { ...this.#pauses, signal, onFailedAttempt }).catch(() => undefined)
    }
  }

  async #tellAlone(event: ConvoyEvent, round: AbortSignal): Promise<void> {
    this.#isAlone = true
    try {
      if (this.wants(event)) await this.#tell(event)
      if (!round.aborted) await once(round, 'abort')
    } finally {
      this.#isAlone = false
    }
  }

  async #readOn(round: AbortSignal): Promise<void> {
    const { events, positions } = this.#deps
    if (events.degraded !== undefined) return this.#tellAlone(events.degraded, round)
    const news = new Promise<void>((resolve) => (this.#wake = resolve))
    const start = this.#skip ?? (await events.startAt({ id: this.#position }))
    if (start.gap !== undefined) {
      if (!(await this.#tell(start.gap))) return
      this.#skip = undefined
      this.#moveTo(start.afterId)
    }
    const page = await events.readPage(start, this.target.filter)
    for (const event of page.events) {
      if (this.wants(event) && !(await this.#tell(event))) return
      this.#moveTo(event.id)
      positions.save()
    }
    this.#moveTo(page.upToId)
    this.#isCaughtUp = true
    if (events.lastId <= this.#position && !this.#stopped.signal.aborted) await news
    this.#isCaughtUp = false
  }

  /** Resolves to whether it was taken. If not, it has been tried for too long: what is as old is left out from now on. */
  async #tell(event: ConvoyEvent): Promise<boolean> {
    const { hostId, origin, newId, now, log } = this.#deps
    const { retries, giveUpAfterMs, name } = this.target
    const notice = noticeOf(event.id === 0 ? newId() : `${hostId}-${event.id}`, event, origin)
    const isTooOld = () => now().getTime() - Date.parse(event.time) > giveUpAfterMs
    const { signal } = this.#round
    try {
      await pRetry(() => this.#attempts.make(notice), {
        ...this.#pauses,
        signal,
        onFailedAttempt: ({ error, attemptNumber }) => {
          if (attemptNumber === retries + 1) this.health.noteFailure(event, now(), toConvoyError(error).sentence)
        },
        shouldRetry: ({ attemptNumber }) => attemptNumber <= retries || !isTooOld(),
      })
    } catch (thrown) {
      if (signal.aborted) throw thrown
      log.warn({ target: name, event: event.id, type: event.type }, 'a target did not take this event: it is given up')
      await this.#leaveOut()
      return false
    }
    this.health.noteSuccess()
    return true
  }

  async #leaveOut(): Promise<void> {
    const { events, now } = this.#deps
    const fromTime = new Date(now().getTime() - this.target.giveUpAfterMs).toISOString()
    const page = await events.readPage({ afterId: this.#position, fromTime }, this.target.filter)
    const [first] = page.events
    const afterId = first === undefined ? page.upToId : first.id - 1
    this.#skip = { afterId, gap: events.gap(String(this.#position), afterId + 1) }
  }

  /** Nobody is told of himself. */
  wants(event: ConvoyEvent): boolean {
    const isAboutItself = isOfNotifications(event) && event.target === this.target.name
    return !isAboutItself && matchesFilter(event, this.target.filter)
  }

  #moveTo(eventId: number): void {
    this.#position = eventId
    this.#deps.positions.move(this.target.name, eventId)
  }

  get #pauses() {
    const { first, longest } = this.#deps.pausesMs
    return { retries: Infinity, minTimeout: first, maxTimeout: longest, randomize: true, unref: true }
  }
}
