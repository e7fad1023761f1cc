import type { BlockDevices } from '../../host/block-devices.js'
import type { pause, startTimer } from '../../host/clock.js'
import type { Identity } from '../../host/instance-metadata.js'
import type { MountHolder } from '../../host/mount-holders.js'
import type { MountEntry } from '../../host/mount-table.js'
import type { EbsDefaults } from './volume-spec.js'
import type { Ec2Api } from './ec2-api.js'

/** Whose volumes these are: those of the cluster, or without one of this host alone. */
export interface Owner {
  readonly host: string
  readonly cluster?: string
}

export interface EbsDeps {
  readonly api: Ec2Api
  readonly devices: BlockDevices
  /** The instance that the daemon runs on. */
  readonly here: Identity
  readonly owner: Owner
  readonly defaults: EbsDefaults
  readonly readTable: () => Promise<readonly MountEntry[]>
  /** Who has the disk with that number mounted, in any mount namespace. */
  readonly findHolders: (deviceNumber: string) => Promise<readonly MountHolder[]>
  readonly pause: typeof pause
  readonly startTimer: typeof startTimer
  readonly now: () => Date
}
