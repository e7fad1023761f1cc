import type { Driver, StoredDisk } from '../drivers/driver.js'
import { toConvoyError } from '../errors.js'
import type { CallContext } from '../model/call-context.js'
import type { Volume } from '../model/volume.js'
import type { CoreDeps } from './core-deps.js'

/** A disk of a storage, and what this host knows of it. */
export interface InventoryDisk extends StoredDisk {
  readonly driver: string
  /** This host has a row for it, or another host of its owner answers for it. */
  readonly isKnown: boolean
  /** This host has another volume of that name. */
  readonly isNameTaken: boolean
  /** It is attached to this host, and nobody here has it mounted or is about to. */
  readonly isIdle: boolean
}

export interface InventoryReport {
  readonly disks: readonly InventoryDisk[]
  /** Drivers whose storage did not say. */
  readonly failures: readonly { readonly driver: string; readonly error: string }[]
}

/** What storages keep, and cost, beside what this host knows: for `convoy doctor`. Changes nothing. */
export class Inventory {
  readonly #deps: CoreDeps

  constructor(deps: CoreDeps) {
    this.#deps = deps
  }

  /** Asks the storages; never rejects for one that does not answer. */
  async take(call: CallContext): Promise<InventoryReport> {
    const answers = await Promise.all(this.#deps.drivers.all.map((driver) => this.#ask(driver, call)))
    return {
      disks: answers.flatMap(({ disks }) => disks),
      failures: answers.flatMap(({ failures }) => failures),
    }
  }

  async #ask(driver: Driver, call: CallContext): Promise<InventoryReport> {
    try {
      const disks = (await driver.survey?.(call)) ?? []
      // By what is known now: what came meanwhile is no stranger.
      const volumes = new Map([...this.#deps.ledger.volumes.values()].map((volume) => [volume.id, volume]))
      return { disks: disks.map((disk) => this.#compare(driver, disk, volumes.get(disk.id))), failures: [] }
    } catch (thrown) {
      return { disks: [], failures: [{ driver: driver.name, error: toConvoyError(thrown).sentence }] }
    }
  }

  #compare(driver: Driver, disk: StoredDisk, volume: Volume | undefined): InventoryDisk {
    const { ledger } = this.#deps
    const isHere = volume !== undefined || ledger.trash.has(disk.id)
    const named = ledger.volumes.get(disk.name)
    return {
      ...disk,
      driver: driver.name,
      isKnown: isHere || !disk.isOfThisHost,
      isNameTaken: named !== undefined && named.id !== disk.id,
      isIdle: disk.isAttachedHere && (volume === undefined || this.#isIdle(volume)),
    }
  }

  #isIdle({ name, state }: Volume): boolean {
    return (state === 'ready' || state === 'forgotten') && this.#deps.ledger.mountsOf(name).size === 0
  }
}
