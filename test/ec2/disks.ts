import type { VolumeRecord } from './records.js'

export type DiskVolume = Pick<VolumeRecord, 'id' | 'sizeGib' | 'zone'>

/**
 * Makes the disks of attached volumes appear on the instances, and vanish. A disk is there as long as its volume is attached
 * and the instance runs. EC2 says `attached` when `plug` has resolved, and no more says `detaching` when `unplug` has.
 */
export interface Disks {
  plug(volume: DiskVolume, instanceId: string): Promise<void>
  unplug(volumeId: string, instanceId: string): Promise<void>
}

/** Nothing ever appears. */
export class NoDisks implements Disks {
  plug(): Promise<void> {
    return Promise.resolve()
  }

  unplug(): Promise<void> {
    return Promise.resolve()
  }
}
