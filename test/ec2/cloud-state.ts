import type { CloudClock } from './cloud-clock.js'
import type { Disks } from './disks.js'
import { noSuchInstance, noSuchVolume } from './ec2-failure.js'
import type { Action, Faults } from './faults.js'
import type { InstanceRecord, InstanceTypeRecord, VolumeRecord } from './records.js'
import { VolumeHistory } from './volume-history.js'

/** How long EC2 takes for what it does after its answer. */
export interface Delays {
  createMs: number
  attachMs: number
  detachMs: number
  deleteMs: number
  /** From the end of an instance until its volumes are available. */
  releaseMs: number
}

export interface CloudStateDeps {
  readonly clock: CloudClock
  readonly faults: Faults
  readonly delays: Delays
  readonly disks: Disks
  readonly onDiskError: (error: unknown) => void
}

/** What the parts of the cloud know together. */
export class CloudState {
  readonly deps: CloudStateDeps
  readonly history = new VolumeHistory()
  readonly instances = new Map<string, InstanceRecord>()
  readonly instanceTypes = new Map<string, InstanceTypeRecord>()

  constructor(deps: CloudStateDeps) {
    this.deps = deps
  }

  /** `cause`: the action whose lag hides this for a while. */
  put(volume: VolumeRecord, cause: Action): void {
    this.history.put(volume, this.deps.clock.now(), this.deps.faults.lagOf(cause))
  }

  /** As it is. EC2 acts on no volume that it would not show yet. */
  getVolume(id: string): VolumeRecord {
    const volume = this.history.find(id)
    const isShown = this.history.findSeen(id, this.deps.clock.now(), 0) !== undefined
    if (volume === undefined || volume.state === 'deleted' || !isShown) throw noSuchVolume(id)
    return volume
  }

  getInstance(id: string): InstanceRecord {
    const instance = this.instances.get(id)
    if (instance === undefined) throw noSuchInstance(id)
    return instance
  }

  /** As they are, in the order of their ids. */
  volumes(): readonly VolumeRecord[] {
    return this.history.ids().flatMap((id) => {
      const volume = this.history.find(id)
      return volume === undefined || volume.state === 'deleted' ? [] : [volume]
    })
  }
}
