import type { MountReference } from '../model/mount.js'
import type { Attributes, Volume } from '../model/volume.js'
import type { VolumeDocument } from './schemas.js'

/** A volume as `convoy list` and `convoy inspect` show it: the keys of Convoy 0.5, and some of ours after them. */
export function volumeJson(
  volume: Volume,
  driverInfo: Attributes,
  references: readonly MountReference[],
): VolumeDocument {
  const createdTime = formatTime(new Date(volume.createdAt))
  const mountPoint = volume.mountpoint ?? ''
  return {
    Name: volume.name,
    Driver: volume.driver,
    MountPoint: mountPoint,
    CreatedTime: createdTime,
    DriverInfo: {
      Driver: volume.driver,
      MountPoint: mountPoint,
      Size: String(volume.sizeBytes ?? 0),
      VolumeCreatedAt: createdTime,
      VolumeName: volume.name,
      ...driverInfo,
    },
    Snapshots: {},
    State: volume.state,
    Origin: volume.origin,
    Options: volume.options,
    Mounts: references.map(({ id, count }) => ({ ID: id, Count: count })),
  }
}

const days = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat']
const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']

/** `Fri Nov 20 07:29:55 +0000 2026`: what scripts for Convoy 0.5 parse. */
export function formatTime(time: Date): string {
  const clock = time.toISOString().slice(11, 19)
  const day = String(time.getUTCDate()).padStart(2, '0')
  return `${days[time.getUTCDay()] ?? ''} ${months[time.getUTCMonth()] ?? ''} ${day} ${clock} +0000 ${time.getUTCFullYear()}`
}
