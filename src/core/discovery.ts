import type { DiscoveredVolume, Driver } from '../drivers/driver.js'
import { toConvoyError } from '../errors.js'
import type { CallContext } from '../model/call-context.js'
import type { Volume } from '../model/volume.js'
import type { LedgerWrite } from '../store/ledger-write.js'
import type { CoreDeps } from './core-deps.js'
import { discoveredTrash, discoveredVolume } from './discovered-rows.js'
import type { DriverAvailability } from './driver-availability.js'
import { volumeEvent } from './events.js'
import type { Volumes } from './volumes.js'

const batchSize = 500

/** Reads from the storage which volumes it holds, so that a fresh ledger, or another host's work, becomes known. */
export class Discovery {
  readonly #deps: CoreDeps
  readonly #volumes: Volumes
  readonly #availability: DriverAvailability
  #isBehind = false
  #isReading = false

  constructor(deps: CoreDeps, parts: { readonly volumes: Volumes; readonly availability: DriverAvailability }) {
    this.#deps = deps
    this.#volumes = parts.volumes
    this.#availability = parts.availability
  }

  /** Whether a storage that did not answer is to be asked again. */
  get isDue(): boolean {
    if (this.#isReading) return false
    return this.#isBehind || !this.#volumes.isComplete || this.#availability.reasons.size > 0
  }

  /** Asks every driver. Until all have answered once, a name that is missing is not known to be absent. */
  async run(call: CallContext): Promise<void> {
    this.#isReading = true
    try {
      this.#isBehind = (await this.#readEach(call)) === 'some'
    } finally {
      this.#isReading = false
    }
    if (this.#isBehind) return
    const { ledger } = this.#deps
    if (ledger.setting('discovered') !== 'yes') {
      await ledger.commit('discover', { put: 'setting', key: 'discovered', value: 'yes' })
    }
    this.#volumes.isComplete = true
  }

  /** Which drivers answered. */
  async #readEach(call: CallContext): Promise<'all' | 'some'> {
    const { drivers, log } = this.#deps
    let answered: 'all' | 'some' = 'all'
    for (const driver of drivers.all) {
      try {
        const isEmpty = await this.#readAll(driver, call)
        // What seems empty may be the mountpoint of a disk that is not there.
        if (!isEmpty || !this.#hasVolumes(driver)) this.#availability.noteAnswer(driver.name)
      } catch (thrown) {
        answered = 'some'
        const isNews = !this.#availability.isAway(driver.name)
        this.#availability.noteFailure(driver.name, toConvoyError(thrown))
        if (isNews) log.warn({ driver: driver.name, err: thrown }, 'the storage could not be asked for its volumes')
      }
    }
    return answered
  }

  #hasVolumes({ name }: Driver): boolean {
    return [...this.#deps.ledger.volumes.values()].some(({ driver, state }) => driver === name && state !== 'creating')
  }

  /** Whether the storage held nothing. */
  async #readAll(driver: Driver, call: CallContext): Promise<boolean> {
    const { ledger, log } = this.#deps
    let writes: LedgerWrite[] = []
    const found = new Set<string>()
    let isEmpty = true
    for await (const one of driver.discover(call)) {
      isEmpty = false
      // A removal that was cut short shows a volume twice, live first.
      const news = found.has(one.handle.id) ? undefined : this.#unknown(driver, one)
      if (news === undefined) continue
      found.add(one.handle.id)
      writes.push(...news)
      if (writes.length < batchSize) continue
      await ledger.commit('discover', ...writes)
      writes = []
    }
    if (writes.length > 0) await ledger.commit('discover', ...writes)
    if (found.size > 0) log.info({ driver: driver.name, volumes: found.size }, 'found volumes on the storage')
    return isEmpty
  }

  /** What the ledger must learn of this volume. Anything under way on the name is newer than what was read. */
  #unknown(driver: Driver, found: DiscoveredVolume): readonly LedgerWrite[] | undefined {
    const { ledger, locks } = this.#deps
    const { name, id } = found.handle
    if (locks.isBusy(name)) return undefined
    const known = ledger.volumes.get(name)
    if (found.state === 'trashed') {
      if (ledger.trash.has(id) || known?.id === id) return undefined
      const row = discoveredTrash(this.#deps, driver, found)
      return [{ put: 'trash', row }, volumeEvent(this.#deps, 'volume.discover', row, { state: 'trashed' })]
    }
    if (known !== undefined) return this.#forgottenElsewhere(known, found)
    // Removed since the storage was read.
    if (ledger.trash.has(id)) return undefined
    const row = discoveredVolume(driver, found)
    return [{ put: 'volume', row }, volumeEvent(this.#deps, 'volume.discover', row, { state: row.state })]
  }

  #forgottenElsewhere(known: Volume, found: DiscoveredVolume): readonly LedgerWrite[] | undefined {
    const isNews = found.state === 'forgotten' && known.id === found.handle.id && known.state === 'ready'
    if (!isNews) return undefined
    const event = volumeEvent(this.#deps, 'volume.forget', known, { reason: 'elsewhere' })
    return [{ put: 'volume', row: { ...known, state: 'forgotten' } }, event]
  }
}
