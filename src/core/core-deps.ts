import { join } from 'node:path'
import type { DriverRegistry } from '../drivers/registry.js'
import type { ConvoyError } from '../errors.js'
import type { JobProcesses } from '../host/job-processes.js'
import type { DiskMounter } from '../host/mounter.js'
import type { FailedContainers } from '../host/failed-containers.js'
import type { VolumeHolders } from '../host/volume-holders.js'
import type { CallContext, Logger } from '../model/call-context.js'
import type { OnRemove } from '../model/volume.js'
import type { VolumeName } from '../model/volume-name.js'
import type { Soon } from '../store/commit-queue.js'
import type { Ledger } from '../store/ledger.js'
import type { VolumeLocks } from './volume-locks.js'
import type { Profiles } from './volume-options.js'

/** What core works with. One object for all of its parts, so that a test replaces any of them. */
export interface CoreDeps {
  readonly ledger: Ledger
  readonly drivers: DriverRegistry
  readonly mounter: DiskMounter
  readonly holders: VolumeHolders
  readonly containers: ContainerUsers
  readonly failedContainers: Pick<FailedContainers, 'list' | 'start' | 'isDockerThere'>
  readonly jobProcesses: JobProcesses
  readonly locks: VolumeLocks
  readonly now: () => Date
  /** When what is under way now has been answered. */
  readonly soon: Soon
  /** A fresh UUID. */
  readonly newId: () => string
  readonly policy: Policy
  /** Why nothing may be mounted: nobody would see it. Absent when all is well. */
  readonly mountRefusal?: ConvoyError
  /** Of this installation. */
  readonly hostId: string
  /** The kernel's, of this boot. */
  readonly bootId: string
  readonly log: Logger
}

/** What an administrator decides for all volumes. May change while the daemon runs: read it when it is needed. */
export interface Policy {
  readonly onDockerRemove: OnRemove
  readonly trashRetentionMs: number
  /** Directory below which core mounts file systems. */
  readonly mountRoot: string
  readonly mostRunningJobs: number
  /** Whether containers that a failed mount left behind are started again. */
  readonly reviveContainers: boolean
  readonly profiles: Profiles
  readonly eventRetention: EventRetention
}

/** How long events are kept, and how many. */
export interface EventRetention {
  readonly longestMs: number
  readonly most: number
}

/** What Docker itself says of its containers; asked by reconciliation only, never inside a request of Docker's. */
export interface ContainerUsers {
  /** Names of running containers that use the volume; undefined when Docker cannot be asked. */
  of(volume: VolumeName): Promise<readonly string[] | undefined>
  /** Whether any container, running or not, uses the volume; undefined when Docker cannot be asked. */
  isNamed(volume: VolumeName): Promise<boolean | undefined>
}

/** For undoing: the caller's signal may be what stopped us, so undoing has a deadline of its own. */
export function undoing(call: CallContext): CallContext {
  return { ...call, signal: AbortSignal.timeout(20_000) }
}

/** Where core mounts the volume's file system, when its driver names one. */
export function mountPath(policy: Policy, name: VolumeName): string {
  return join(policy.mountRoot, name)
}
