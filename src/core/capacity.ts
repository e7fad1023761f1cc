import type { StorageSpace } from '../drivers/driver.js'
import type { CallContext } from '../model/call-context.js'
import { fullness } from '../model/space.js'
import type { Alerts } from './alerts.js'
import type { CoreDeps } from './core-deps.js'

/** How full a storage is when that is told, and when that is over: what goes to and fro between them is told once. */
const nearlyFull = 0.9
const hasRoom = 0.87

/** How much room a storage had when its driver was asked last. */
export interface KnownSpace extends StorageSpace {
  readonly driver: string
  /** ISO 8601. */
  readonly measuredAt: string
}

/** How much room the storages have; one that is nearly full is an event. */
export class Capacity {
  readonly #deps: CoreDeps
  readonly #alerts: Alerts
  readonly #known = new Map<string, KnownSpace>()

  constructor(deps: CoreDeps, alerts: Alerts) {
    this.#deps = deps
    this.#alerts = alerts
  }

  list(): readonly KnownSpace[] {
    return [...this.#known.values()]
  }

  /** Asks every driver. What a storage said that is away now stays as it was. */
  async run(call: CallContext): Promise<void> {
    const { drivers, now } = this.#deps
    for (const driver of drivers.all) {
      try {
        for await (const space of driver.spaces(call)) {
          this.#note({ ...space, driver: driver.name, measuredAt: now().toISOString() })
        }
      } catch (thrown) {
        call.log.warn({ driver: driver.name, err: thrown }, 'how full the storage is cannot be found out')
      }
    }
  }

  #note(space: KnownSpace): void {
    const { driver, storage } = space
    const key = `nearly-full ${driver} ${storage}`
    this.#known.set(key, space)
    const full = fullness(space)
    const details = { driver, storage, percent: Math.floor(full * 100) }
    if (full >= nearlyFull) this.#alerts.raise(key, 'driver.nearly-full', details)
    else if (full < hasRoom) this.#alerts.end(key, 'driver.has-room', details)
  }
}
