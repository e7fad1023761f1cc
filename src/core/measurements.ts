import { isConvoyError } from '../errors.js'
import type { CallContext } from '../model/call-context.js'
import { isListed, type Volume } from '../model/volume.js'
import type { Alerts } from './alerts.js'
import type { CoreDeps } from './core-deps.js'
import type { DriverAvailability } from './driver-availability.js'

const minuteMs = 60_000
/** Of a pass, on each storage. */
const shareMs = 3000
/** A storage rests nine times as long as it was measured: a tree of millions of files keeps it busy for a tenth of the time. */
const restFactor = 9
/** What is over its limit is so until it is clearly below. */
const within = 0.95

/** What a volume took when it was measured last. */
export interface Measurement {
  readonly usedBytes: number
  /** ISO 8601. */
  readonly measuredAt: string
}

interface Parts {
  readonly alerts: Alerts
  readonly availability: DriverAvailability
}

/**
 * What volumes take. All are measured in turn, those with a limit more often, as far as each storage's share of the time allows;
 * one that is over its limit is an event. Kept in memory: a restart measures again.
 */
export class Measurements {
  readonly #deps: CoreDeps
  readonly #parts: Parts
  /** By the id of the volume. */
  readonly #known = new Map<string, Measurement>()
  /** When a volume was looked at last, also in vain. */
  readonly #looked = new Map<string, number>()
  /** Storages that are measured now, and until when the others rest. */
  readonly #busy = new Set<string>()
  readonly #restUntil = new Map<string, number>()

  constructor(deps: CoreDeps, parts: Parts) {
    this.#deps = deps
    this.#parts = parts
  }

  of({ id }: Pick<Volume, 'id'>): Measurement | undefined {
    return this.#known.get(id)
  }

  /** Measures the volume now. It is the driver that looks, and takes its time. */
  async measure(volume: Volume, call: CallContext): Promise<Measurement> {
    const { drivers, now } = this.#deps
    this.#looked.set(volume.id, now().getTime())
    const usedBytes = await drivers.get(volume.driver).usage(volume, call)
    const measured = { usedBytes, measuredAt: now().toISOString() }
    this.#known.set(volume.id, measured)
    await this.#compare(volume, usedBytes)
    return measured
  }

  /** Goes on with what is due, one volume at a time on each storage. A storage that hangs holds up itself only, in later passes too. */
  async run(call: CallContext): Promise<void> {
    this.#forgetGone()
    const time = this.#deps.now().getTime()
    const passes = [...this.#due(time)].flatMap(([storage, volumes]) =>
      this.#busy.has(storage) || (this.#restUntil.get(storage) ?? 0) > time ? [] : this.#pass(storage, volumes, call),
    )
    await Promise.all(passes)
  }

  async #pass(storage: string, volumes: readonly Volume[], call: CallContext): Promise<void> {
    const { now } = this.#deps
    const startedAt = now().getTime()
    this.#busy.add(storage)
    for (const volume of volumes) {
      if (call.signal.aborted || now().getTime() - startedAt >= shareMs) break
      await this.measure(volume, call).catch((thrown: unknown) => {
        // Removed meanwhile.
        if (isConvoyError(thrown, 'not-found') || call.signal.aborted) return
        call.log.info({ volume: volume.name, err: thrown }, 'a volume could not be measured: tried again later')
      })
    }
    this.#busy.delete(storage)
    const endedAt = now().getTime()
    this.#restUntil.set(storage, endedAt + restFactor * (endedAt - startedAt))
  }

  /** Storage → volumes that are to be measured, the one first that was looked at longest ago. */
  #due(time: number): ReadonlyMap<string, readonly Volume[]> {
    const { ledger, drivers } = this.#deps
    const due = new Map<string, Volume[]>()
    const lookedAt = ({ id }: Volume) => this.#looked.get(id) ?? 0
    for (const volume of [...ledger.volumes.values()].sort((a, b) => lookedAt(a) - lookedAt(b))) {
      const everyMs = volume.sizeBytes === undefined ? 60 * minuteMs : 5 * minuteMs
      if (!isListed(volume) || lookedAt(volume) + everyMs > time || this.#isAway(volume)) continue
      const storage = drivers.nameStorage(volume)
      const others = due.get(storage)
      if (others === undefined) due.set(storage, [volume])
      else others.push(volume)
    }
    return due
  }

  #isAway(volume: Volume): boolean {
    const { availability } = this.#parts
    const driver = this.#deps.drivers.find(volume.driver)
    return driver === undefined || availability.isAway(volume.driver, driver.storageOf(volume))
  }

  async #compare(volume: Volume, usedBytes: number): Promise<void> {
    const { name, id, driver, sizeBytes } = volume
    const key = overLimit(id)
    const { alerts } = this.#parts
    const isLimit = sizeBytes !== undefined && (await this.#deps.drivers.get(driver).limitOf(volume)) !== 'none'
    const details = { volume: name, volumeId: id, driver, usedBytes, ...(isLimit ? { sizeBytes } : {}) }
    if (isLimit && usedBytes > sizeBytes) alerts.raise(key, 'volume.over-limit', details)
    else if (!isLimit || usedBytes <= sizeBytes * within) alerts.end(key, 'volume.within-limit', details)
  }

  #forgetGone(): void {
    const ids = new Set([...this.#deps.ledger.volumes.values()].map(({ id }) => id))
    for (const id of this.#looked.keys()) {
      if (ids.has(id)) continue
      this.#looked.delete(id)
      this.#known.delete(id)
    }
    this.#parts.alerts.drop((key) => key.startsWith(overLimit('')) && !ids.has(key.slice(overLimit('').length)))
  }
}

const overLimit = (id: string) => `over-limit ${id}`
