import type { DiscoveredVolume, Driver } from '../drivers/driver.js'
import type { CallContext } from '../model/call-context.js'
import { optional } from '../model/optional.js'
import type { TrashedVolume, Volume } from '../model/volume.js'
import type { LedgerWrite } from '../store/ledger-write.js'
import type { CoreDeps } from './core-deps.js'
import type { Volumes } from './volumes.js'

const batchSize = 500

/** Reads from the storage which volumes it holds, so that a fresh ledger, or another host's work, becomes known. */
export class Discovery {
  readonly #deps: CoreDeps
  readonly #volumes: Volumes

  constructor(deps: CoreDeps, volumes: Volumes) {
    this.#deps = deps
    this.#volumes = volumes
  }

  /** Asks every driver. Until all have answered once, a name that is missing is not known to be absent. */
  async run(call: CallContext): Promise<void> {
    const { ledger, drivers, log } = this.#deps
    const failed: string[] = []
    for (const driver of drivers.all) {
      try {
        await this.#readAll(driver, call)
      } catch (thrown) {
        failed.push(driver.name)
        log.warn({ driver: driver.name, err: thrown }, 'the storage could not be asked for its volumes')
      }
    }
    if (failed.length > 0) return
    if (ledger.setting('discovered') !== 'yes') {
      await ledger.commit('discover', { put: 'setting', key: 'discovered', value: 'yes' })
    }
    this.#volumes.isComplete = true
  }

  async #readAll(driver: Driver, call: CallContext): Promise<void> {
    const { ledger, log } = this.#deps
    let writes: LedgerWrite[] = []
    const found = new Set<string>()
    for await (const one of driver.discover(call)) {
      // A removal that was cut short shows a volume twice, live first.
      const write = found.has(one.handle.id) ? undefined : this.#unknown(driver, one)
      if (write === undefined) continue
      found.add(one.handle.id)
      writes.push(write)
      if (writes.length < batchSize) continue
      await ledger.commit('discover', ...writes)
      writes = []
    }
    if (writes.length > 0) await ledger.commit('discover', ...writes)
    if (found.size > 0) log.info({ driver: driver.name, volumes: found.size }, 'found volumes on the storage')
  }

  /** What the ledger must learn of this volume. Anything under way on the name is newer than what was read. */
  #unknown(driver: Driver, found: DiscoveredVolume): LedgerWrite | undefined {
    const { ledger, locks } = this.#deps
    const { name, id } = found.handle
    if (locks.isBusy(name)) return undefined
    const known = ledger.volumes.get(name)
    if (found.state === 'trashed') {
      return ledger.trash.has(id) || known?.id === id ? undefined : { put: 'trash', row: this.#trashed(driver, found) }
    }
    if (known !== undefined) return this.#forgottenElsewhere(known, found)
    // Removed since the storage was read.
    if (ledger.trash.has(id)) return undefined
    return { put: 'volume', row: live(driver, found) }
  }

  #forgottenElsewhere(known: Volume, found: DiscoveredVolume): LedgerWrite | undefined {
    const isNews = found.state === 'forgotten' && known.id === found.handle.id && known.state === 'ready'
    return isNews ? { put: 'volume', row: { ...known, state: 'forgotten' } } : undefined
  }

  #trashed(driver: Driver, found: DiscoveredVolume): TrashedVolume {
    const { trashRetentionMs } = this.#deps.policy
    const trashedAt = found.retiredAt ?? this.#deps.now().toISOString()
    const { state, origin, ...kept } = live(driver, found)
    const expiresAt = new Date(Date.parse(trashedAt) + trashRetentionMs).toISOString()
    return { ...kept, state: 'trashed', trashedAt, expiresAt }
  }
}

function live(driver: Driver, found: DiscoveredVolume): Volume {
  return {
    ...found.handle,
    driver: driver.name,
    state: found.state === 'forgotten' ? 'forgotten' : 'ready',
    createdAt: found.createdAt,
    options: found.options,
    origin: found.origin,
    ...optional('onRemove', found.onRemove),
    ...optional('sizeBytes', found.sizeBytes),
  }
}
