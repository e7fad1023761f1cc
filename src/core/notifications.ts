import { isDeepStrictEqual } from 'node:util'
import { ConvoyError, toConvoyError } from '../errors.js'
import { findNearestWord } from '../model/nearest-word.js'
import { describeDestination, type NotifyTarget } from '../model/notify-target.js'
import { optional } from '../model/optional.js'
import type { Ledger } from '../store/ledger.js'
import { type CourierDeps, NotifyCourier } from './notify-courier.js'
import { NotifyPositions } from './notify-positions.js'

/** How it stands with one target. */
export interface NotifyReport {
  readonly name: string
  readonly kind: string
  readonly destination: string
  readonly types: readonly string[]
  readonly severity: string
  readonly state: 'idle' | 'delivering' | 'failing'
  /** Everything up to this event has been told, or was not wanted. */
  readonly lastId: number
  /** Events that wait, as far as they were counted. */
  readonly pending: number
  readonly hasMorePending: boolean
  readonly failingSince?: string
  readonly lastError?: string
  readonly lastErrorAt?: string
}

/** What became of a test. */
export interface NotifyTest {
  readonly target: string
  readonly isDelivered: boolean
  readonly error?: string
}

export type NotificationsDeps = Omit<CourierDeps, 'positions'> & { readonly ledger: Ledger }

/**
 * Tells targets of events: each at its own pace, in the order of events, at least once. What it knows of each is one number, so
 * that a slow target takes no memory, and a dead one none of anybody's time.
 */
export class Notifications {
  readonly #deps: CourierDeps
  readonly #couriers = new Map<string, NotifyCourier>()
  readonly #stopListening: () => void

  constructor({ ledger, ...deps }: NotificationsDeps) {
    this.#deps = { ...deps, positions: new NotifyPositions(ledger) }
    this.#stopListening = deps.events.listen((events) => {
      for (const courier of this.#couriers.values()) courier.hear(events)
    })
  }

  /** These are the targets from now on. A new one is told of what happens from now on; one that has changed goes on where it was. */
  async follow(targets: readonly NotifyTarget[]): Promise<void> {
    const { positions } = this.#deps
    const isKept = ({ target }: NotifyCourier) => targets.some((one) => isDeepStrictEqual(one, target))
    const leaving = [...this.#couriers.values()].filter((courier) => !isKept(courier))
    await Promise.all(leaving.map((courier) => courier.stop()))
    for (const { target } of leaving) this.#couriers.delete(target.name)
    positions.forgetAllBut(targets.map(({ name }) => name))
    for (const target of targets) if (!this.#couriers.has(target.name)) this.#add(target)
    this.savePositions()
  }

  async list(): Promise<readonly NotifyReport[]> {
    return Promise.all([...this.#couriers.values()].map((courier) => this.#report(courier)))
  }

  /** Sends a test to these targets, or to all. ConvoyError `not-found` names one that there is not. */
  async test(names: readonly string[]): Promise<readonly NotifyTest[]> {
    const chosen = names.length === 0 ? [...this.#couriers.values()] : names.map((name) => this.#get(name))
    return Promise.all(chosen.map(test))
  }

  /** What targets did not want is behind them, too: to be called now and again, so that it is not missed later. */
  savePositions(): void {
    if (this.#deps.events.degraded === undefined) this.#deps.positions.save()
  }

  async stop(): Promise<void> {
    this.#stopListening()
    await Promise.all([...this.#couriers.values()].map((courier) => courier.stop()))
    this.savePositions()
    this.#deps.notifier.close()
  }

  #add(target: NotifyTarget): void {
    const courier = new NotifyCourier(target, this.#deps)
    this.#deps.positions.move(target.name, courier.position)
    this.#couriers.set(target.name, courier)
    courier.start()
  }

  #get(name: string): NotifyCourier {
    const courier = this.#couriers.get(name)
    if (courier !== undefined) return courier
    const known = [...this.#couriers.keys()]
    const nearest = findNearestWord(name, known)
    throw new ConvoyError('not-found', `there is no target ${JSON.stringify(name.slice(0, 60))}`, {
      hint: nearest === undefined ? `the targets are: ${known.join(', ')}` : `did you mean ${nearest}?`,
    })
  }

  async #report(courier: NotifyCourier): Promise<NotifyReport> {
    const { target, health, position } = courier
    const { failingSince, lastError } = health
    return {
      name: target.name,
      kind: target.destination.kind,
      destination: describeDestination(target.destination),
      types: target.filter.types,
      severity: target.filter.least ?? 'info',
      state: failingSince !== undefined ? 'failing' : courier.isBusy ? 'delivering' : 'idle',
      lastId: position,
      ...(await this.#countPending(courier)),
      ...optional('failingSince', failingSince?.toISOString()),
      ...optional('lastError', lastError?.text),
      ...optional('lastErrorAt', lastError?.time.toISOString()),
    }
  }

  async #countPending(courier: NotifyCourier): Promise<Pick<NotifyReport, 'pending' | 'hasMorePending'>> {
    const { events } = this.#deps
    const { target, position } = courier
    if (events.degraded !== undefined || position >= events.lastId) return { pending: 0, hasMorePending: false }
    const page = await events.readPage({ afterId: position }, target.filter)
    const pending = page.events.filter((event) => courier.wants(event)).length
    return { pending, hasMorePending: page.upToId < page.newestId }
  }
}

async function test(courier: NotifyCourier): Promise<NotifyTest> {
  const target = courier.target.name
  try {
    await courier.test()
    return { target, isDelivered: true }
  } catch (thrown) {
    return { target, isDelivered: false, error: toConvoyError(thrown).sentence }
  }
}
