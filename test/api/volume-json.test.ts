import t from 'tap'
import { volumeJson } from '../../src/api/volume-json.js'
import { parseMountId } from '../../src/model/mount.js'
import { volumeRow } from '../store/rows.js'

t.test('what the driver says comes after what we say, and what is not known is empty', async (t) => {
  const volume = volumeRow('db', { state: 'attached', mountpoint: '/m', sizeBytes: 5 })
  const reference = { volume: volume.name, id: parseMountId('a1'), count: 2, epoch: 1, mountedAt: '' }
  t.match(volumeJson(volume, { Path: '/p', Size: '7' }, [reference]), {
    MountPoint: '/m',
    DriverInfo: { MountPoint: '/m', Size: '7', Path: '/p' },
    Mounts: [{ ID: 'a1', Count: 2 }],
  })
  t.match(volumeJson(volumeRow('db'), {}, []), { MountPoint: '', DriverInfo: { Size: '0' }, Snapshots: {}, Mounts: [] })
})
