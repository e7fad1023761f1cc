import type { DiscoveredVolume, Driver } from '../drivers/driver.js'
import { ConvoyError, toConvoyError } from '../errors.js'
import type { CallContext } from '../model/call-context.js'
import { isFinished, type Job } from '../model/job.js'
import type { Difference, DifferenceKind, RebuildReport } from '../model/rebuild-report.js'
import { optional } from '../model/optional.js'
import type { TrashedVolume, Volume } from '../model/volume.js'
import type { LedgerContents } from '../store/ledger-write.js'
import type { CoreDeps } from './core-deps.js'
import { discoveredTrash, discoveredVolume } from './discovered-rows.js'
import type { Discovery } from './discovery.js'
import type { Events } from './events.js'
import type { Volumes } from './volumes.js'

interface Found extends DiscoveredVolume {
  readonly driver: Driver
}

interface Parts {
  readonly volumes: Volumes
  readonly discovery: Discovery
  readonly events: Events
}

/** Makes the ledger say what the storage says: the storage describes itself. */
export class Rebuild {
  readonly #deps: CoreDeps
  readonly #parts: Parts
  #onMended: () => void = () => undefined

  constructor(deps: CoreDeps, parts: Parts) {
    this.#deps = deps
    this.#parts = parts
  }

  /** Calls `listener` when a degraded ledger can be changed again. */
  onMended(listener: () => void): void {
    this.#onMended = listener
  }

  /** What {@link run} would find. ConvoyError `unavailable` when a storage does not answer. */
  async plan(call: CallContext): Promise<RebuildReport> {
    return this.#compare(await this.#readStorage(call))
  }

  /**
   * A ledger that is well learns what it does not know; what the storage does not hold any more stays in it, because nobody can
   * tell that from a storage that is not quite there. A degraded one is made anew of what the storage holds.
   */
  async run(call: CallContext): Promise<RebuildReport> {
    const found = await this.#readStorage(call)
    const report = this.#compare(found)
    if (report.isNewDatabase) await this.#makeAnew(found, report)
    else await this.#parts.discovery.run(call)
    return report
  }

  async #makeAnew(found: ReadonlyMap<string, Found>, { differences }: RebuildReport): Promise<void> {
    const { ledger, log } = this.#deps
    await ledger.rebuild(this.#contentsOf(found))
    this.#parts.volumes.isComplete = true
    this.#parts.events.note('daemon.rebuild', { count: found.size })
    for (const { kind, name, id, driver } of differences) {
      if (kind === 'unknown') this.#parts.events.note('volume.discover', { volume: name, volumeId: id, driver })
    }
    log.info({ volumes: found.size }, 'the database was made anew from what the storage says')
    this.#onMended()
  }

  async #readStorage(call: CallContext): Promise<ReadonlyMap<string, Found>> {
    const found = new Map<string, Found>()
    const { drivers, log } = this.#deps
    for (const { driver, storage } of drivers.storages(log)) {
      try {
        for await (const one of driver.discover(storage, call)) {
          // A removal that was cut short shows a volume twice, live first.
          if (!found.has(one.handle.id)) found.set(one.handle.id, { ...one, driver })
        }
      } catch (thrown) {
        const { message, hint } = toConvoyError(thrown)
        const where = storage ?? `the storage of driver ${driver.name}`
        throw new ConvoyError('unavailable', `${where} cannot be read: ${message}`, {
          hint: hint ?? 'nothing was changed; mend the storage, and try again',
          cause: thrown,
        })
      }
    }
    return found
  }

  #compare(found: ReadonlyMap<string, Found>): RebuildReport {
    const { ledger, locks } = this.#deps
    const runs = new Set(this.#deps.drivers.all.map(({ name }) => name))
    const missing = [...ledger.volumes.values(), ...ledger.trash.values()].filter(
      ({ id, name, driver, state }) =>
        !found.has(id) && runs.has(driver) && state !== 'creating' && state !== 'deleting' && !locks.isBusy(name),
    )
    const differences = [
      ...[...found.values()].flatMap((one) => this.#differenceOf(one) ?? []),
      ...missing.map((row) => difference('missing', row)),
    ]
    return {
      volumes: found.size,
      differences: differences.sort((a, b) => a.name.localeCompare(b.name)),
      isNewDatabase: ledger.degraded !== undefined,
    }
  }

  #differenceOf({ handle, state, driver }: Found): Difference | undefined {
    const { ledger, locks } = this.#deps
    const row = { ...handle, driver: driver.name }
    const known = ledger.volumes.get(handle.name)
    if (locks.isBusy(handle.name) || ledger.trash.has(handle.id)) return undefined
    if (known?.id === handle.id) {
      const isNews = state === 'forgotten' || (state === 'trashed' && ledger.degraded !== undefined)
      return isNews && known.state === 'ready' ? difference('retired', row) : undefined
    }
    return difference(known === undefined || state === 'trashed' ? 'unknown' : 'conflicting', row)
  }

  /** What the storage cannot say (who holds what, notes of drivers, jobs) is taken from the copy that is served now, as a hint. */
  #contentsOf(found: ReadonlyMap<string, Found>): LedgerContents {
    const { ledger, hostId, bootId } = this.#deps
    const volumes = new Map<string, Volume>()
    for (const one of found.values()) {
      // Of two with one name the first is served; both keep their data.
      if (one.state !== 'trashed' && !volumes.has(one.handle.name)) volumes.set(one.handle.name, this.#volume(one))
    }
    const trash = [...found.values()].filter(({ state }) => state === 'trashed').map((one) => this.#trashed(one))
    const mounted = this.#hasRebooted ? [] : [...ledger.mountedNames]
    return {
      volumes: [...volumes.values()],
      mounts: mounted.flatMap((name) =>
        volumes.get(name)?.state === 'attached' ? [...ledger.mountsOf(name).values()] : [],
      ),
      trash,
      jobs: [...ledger.jobs.values()].filter((job) => isFinished(job) || isOf(trash, job)),
      journals: [...found.keys()].flatMap((id) => {
        const notes = ledger.journalOf(id)
        return Object.keys(notes).length === 0 ? [] : [[id, notes] as const]
      }),
      settings: [
        ['host-id', hostId],
        ['boot-id', bootId],
        // Who holds what is of an earlier engine life, and so for the kernel to confirm.
        ['epoch', String(ledger.epoch + 1)],
        ['discovered', 'yes'],
        // Numbers of events go on where they are.
        ['notify-positions', ledger.setting('notify-positions') ?? '{}'],
        ['alerts', ledger.setting('alerts') ?? '{}'],
      ],
      lastEventId: ledger.events.lastId,
    }
  }

  #volume(found: Found): Volume {
    const known = this.#deps.ledger.volumes.get(found.handle.name)
    const row = discoveredVolume(found.driver, found)
    if (known?.id !== row.id || known.state !== 'attached' || row.state !== 'ready') return row
    // A device is still attached after a reboot.
    if (this.#hasRebooted && found.driver.attachment === 'stateless') return row
    return { ...row, state: 'attached', ...optional('mountpoint', known.mountpoint) }
  }

  get #hasRebooted(): boolean {
    return this.#deps.ledger.setting('boot-id') !== this.#deps.bootId
  }

  #trashed(found: Found): TrashedVolume {
    return this.#deps.ledger.trash.get(found.handle.id) ?? discoveredTrash(this.#deps, found.driver, found)
  }
}

function difference(kind: DifferenceKind, { name, id, driver }: Pick<Volume, 'name' | 'id' | 'driver'>): Difference {
  return { kind, name, id, driver }
}

const isOf = (trash: readonly TrashedVolume[], { request }: Job) =>
  trash.some(({ id, state }) => id === request.volume.id && state === 'deleting')
