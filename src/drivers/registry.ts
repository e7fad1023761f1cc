import { ConvoyError } from '../errors.js'
import type { OptionTable } from '../model/options.js'
import type { Logger } from '../model/call-context.js'
import type { VolumeHandle } from '../model/volume.js'
import type { Driver, StorageName } from './driver.js'
import { ebsDriverOptions, ebsVolumeOptions } from './ebs/ebs-options.js'
import { openEbsDriver } from './ebs/open-ebs-driver.js'
import { openVfsDriver } from './vfs/open-vfs-driver.js'
import { vfsDriverOptions, vfsVolumeOptions } from './vfs/vfs-options.js'

/** What a driver is opened with. */
export interface DriverSetup {
  /** Its part of `--driver-opts`, without the prefix. */
  readonly options: Readonly<Record<string, string>>
  /** The daemon's own directory, on a local disk. */
  readonly root: string
  readonly hostId: string
  /** Whose volumes these are, if they are not this host's alone. */
  readonly cluster?: string
  /** No storage was ever read here, so that nobody uses a volume yet: what is wrong may end the start. */
  readonly isFirstStart?: boolean
  readonly now: () => Date
  readonly log: Logger
}

export interface DriverKind {
  /** `--driver-opts NAME.…` */
  readonly options: OptionTable
  /** What its volumes can be created with; the same as `volumeOptions` of the driver that is opened. */
  readonly volumeOptions: OptionTable
  /** ConvoyError `invalid-argument` when the options cannot work on this host. */
  open(setup: DriverSetup): Promise<Driver>
}

/** Every kind of storage we know. A new driver is a folder and a line here. */
export const driverKinds: Readonly<Record<string, DriverKind>> = {
  vfs: { options: vfsDriverOptions, volumeOptions: vfsVolumeOptions, open: openVfsDriver },
  ebs: { options: ebsDriverOptions, volumeOptions: ebsVolumeOptions, open: openEbsDriver },
}

/** One of a driver's storages. */
export interface DriverStorage {
  readonly driver: Driver
  readonly storage: StorageName
}

/** The drivers that this daemon runs; the first is the default. */
export class DriverRegistry {
  readonly #drivers: ReadonlyMap<string, Driver>

  /** `drivers` must not be empty. */
  constructor(drivers: readonly Driver[]) {
    this.#drivers = new Map(drivers.map((driver) => [driver.name, driver]))
  }

  get default(): Driver {
    const [first] = this.#drivers.values()
    if (first !== undefined) return first
    throw new ConvoyError('internal', 'no driver is open')
  }

  get all(): readonly Driver[] {
    return [...this.#drivers.values()]
  }

  /** A name for the storage that the volume is on, also of a driver that does not run: the same for all volumes that are there. */
  nameStorage(volume: VolumeHandle & { readonly driver: string }): string {
    return [volume.driver, this.find(volume.driver)?.storageOf(volume) ?? []].flat().join(' ')
  }

  /** Every storage of every driver. */
  storages(log: Logger): readonly DriverStorage[] {
    return this.all.flatMap((driver) => driver.storages(log).map((storage) => ({ driver, storage })))
  }

  find(name: string): Driver | undefined {
    return this.#drivers.get(name)
  }

  /** ConvoyError `invalid-argument` for a driver that this daemon does not run. */
  get(name: string): Driver {
    const driver = this.find(name)
    if (driver !== undefined) return driver
    throw new ConvoyError('invalid-argument', `no driver ${JSON.stringify(name.slice(0, 60))} runs here`, {
      hint: `running: ${[...this.#drivers.keys()].join(', ')}; start convoy with --drivers to add one`,
    })
  }
}
