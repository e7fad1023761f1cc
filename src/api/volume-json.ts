import type { MountReference } from '../model/mount.js'
import { formatTime } from '../model/old-time.js'
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
