import type { DiscoveredVolume, Driver } from '../drivers/driver.js'
import type { DriverStorage } from '../drivers/registry.js'
import { toConvoyError } from '../errors.js'
import type { CallContext } from '../model/call-context.js'
import { optional } from '../model/optional.js'
import type { Volume } from '../model/volume.js'
import type { LedgerWrite } from '../store/ledger-write.js'
import type { CoreDeps } from './core-deps.js'
import { discoveredTrash, discoveredVolume } from './discovered-rows.js'
import type { DriverAvailability } from './driver-availability.js'
import { volumeEvent } from './events.js'
import type { Volumes } from './volumes.js'

const batchSize = 500

const keyOf = ({ driver, storage = '' }: DriverStorage) => `${driver.name} ${storage}`

/** Reads from the storages which volumes they hold, so that a fresh ledger, or another host's work, becomes known. */
export class Discovery {
  readonly #deps: CoreDeps
  readonly #volumes: Volumes
  readonly #availability: DriverAvailability
  /** Storages that have answered since they were last found away, by {@link keyOf}. */
  readonly #read = new Set<string>()
  #isReading = false

  constructor(deps: CoreDeps, parts: { readonly volumes: Volumes; readonly availability: DriverAvailability }) {
    this.#deps = deps
    this.#volumes = parts.volumes
    this.#availability = parts.availability
  }

  /** Asks every storage. Until all have answered once, a name that is missing is not known to be absent. */
  async run(call: CallContext): Promise<void> {
    await this.#readEach(this.#sources, call)
  }

  /** Whether a storage that did not answer is to be asked again. */
  get isDue(): boolean {
    return !this.#isReading && this.#due.length > 0
  }

  /** Asks those that did not answer, and leaves alone those that did. Nothing while they are being asked. */
  async runDue(call: CallContext): Promise<void> {
    if (this.isDue) await this.#readEach(this.#due, call)
  }

  get #due(): readonly DriverStorage[] {
    return this.#sources.filter((source) => {
      const { driver, storage } = source
      return !this.#read.has(keyOf(source)) || this.#availability.isAway(driver.name, storage)
    })
  }

  get #sources(): readonly DriverStorage[] {
    const { drivers, log } = this.#deps
    return drivers.storages(log)
  }

  /** All at once: one that hangs keeps no other from being read. */
  async #readEach(sources: readonly DriverStorage[], call: CallContext): Promise<void> {
    this.#isReading = true
    const seen = new Set<string>()
    try {
      await Promise.all(sources.map((source) => this.#readOne(source, seen, call)))
    } finally {
      this.#isReading = false
    }
    if (this.#sources.every((source) => this.#read.has(keyOf(source)))) await this.#noteComplete()
  }

  async #noteComplete(): Promise<void> {
    const { ledger } = this.#deps
    if (ledger.setting('discovered') !== 'yes') {
      await ledger.commit('discover', { put: 'setting', key: 'discovered', value: 'yes' })
    }
    this.#volumes.isComplete = true
  }

  async #readOne(source: DriverStorage, seen: Set<string>, call: CallContext): Promise<void> {
    const { driver, storage } = source
    try {
      const isEmpty = await this.#readAll(source, seen, call)
      this.#read.add(keyOf(source))
      // What seems empty may be the mountpoint of a disk that is not there.
      if (!isEmpty || !this.#hasVolumes(source)) this.#availability.noteAnswer(driver.name, storage)
    } catch (thrown) {
      this.#read.delete(keyOf(source))
      const isNews = !this.#availability.isAway(driver.name, storage)
      this.#availability.noteFailure(driver.name, toConvoyError(thrown), storage)
      const where = { driver: driver.name, ...optional('storage', storage) }
      if (isNews) this.#deps.log.warn({ ...where, err: thrown }, 'the storage could not be asked for its volumes')
    }
  }

  #hasVolumes({ driver, storage }: DriverStorage): boolean {
    return [...this.#deps.ledger.volumes.values()].some(
      (volume) => volume.driver === driver.name && volume.state !== 'creating' && driver.storageOf(volume) === storage,
    )
  }

  /** Whether the storage held nothing. `seen`: names and ids that are on their way to the ledger. */
  async #readAll({ driver, storage }: DriverStorage, seen: Set<string>, call: CallContext): Promise<boolean> {
    const { ledger, log } = this.#deps
    let writes: LedgerWrite[] = []
    let found = 0
    let isEmpty = true
    for await (const one of driver.discover(storage, call)) {
      isEmpty = false
      // A removal that was cut short shows a volume twice, live first; two storages may hold one name.
      const marks = [one.handle.id, ...(one.state === 'trashed' ? [] : [one.handle.name])]
      const news = marks.some((mark) => seen.has(mark)) ? undefined : this.#unknown(driver, one)
      if (news === undefined) continue
      for (const mark of marks) seen.add(mark)
      found++
      writes.push(...news)
      if (writes.length < batchSize) continue
      await ledger.commit('discover', ...writes)
      writes = []
    }
    if (writes.length > 0) await ledger.commit('discover', ...writes)
    const where = { driver: driver.name, ...optional('storage', storage) }
    if (found > 0) log.info({ ...where, volumes: found }, 'found volumes on the storage')
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
