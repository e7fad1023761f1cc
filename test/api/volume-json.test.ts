import fc from 'fast-check'
import t from 'tap'
import { formatTime, volumeJson } from '../../src/api/volume-json.js'
import { parseMountId } from '../../src/model/mount.js'
import { volumeRow } from '../store/rows.js'

// Whatever the host's own time is.
process.env['TZ'] = 'Pacific/Kiritimati'

t.test('compat: times are written as Convoy 0.5 wrote them', async (t) => {
  t.equal(formatTime(new Date('2026-11-20T07:29:55.999Z')), 'Fri Nov 20 07:29:55 +0000 2026')
  t.equal(formatTime(new Date('2026-01-01T00:00:00Z')), 'Thu Jan 01 00:00:00 +0000 2026')
  t.equal(formatTime(new Date('2024-02-29T23:59:59Z')), 'Thu Feb 29 23:59:59 +0000 2024')
})

t.test('a time that was written can be read again, to the second', async (t) => {
  const dates = fc.date({ min: new Date(0), max: new Date('2099-12-31'), noInvalidDate: true })
  fc.assert(
    fc.property(dates, (date) => {
      const [, month, day, clock, zone, year] = formatTime(date).split(' ')
      return Date.parse(`${month} ${day} ${year} ${clock} ${zone}`) === Math.floor(date.getTime() / 1000) * 1000
    }),
    { numRuns: 1000 },
  )
  t.pass('1,000 dates')
})

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
