import t from 'tap'
import { formatVolumeTags, type VolumeTags } from '../../../src/drivers/ebs/volume-tags.js'
import { named } from '../../conformance/driver-world.js'
import { WiredHost } from './wired-host.js'

const tagsOf = (name: string, more: Partial<VolumeTags> = {}) =>
  formatVolumeTags({
    ...{ name: named(name), id: `00000000-${name}`.replace(/[^0-9a-f-]/g, '0'), origin: 'created', host: 'host-1' },
    ...{ state: 'live', createdAt: '2026-01-01T00:00:00.000Z', options: {} },
    ...more,
  })

t.test('EB08 the survey finds every volume of the owner, with its size, and nobody else’s', async (t) => {
  const { emulator, driver, journals, instanceId } = await WiredHost.start(t)
  const { cloud } = emulator
  const idle = cloud.addVolume({ tags: tagsOf('idle'), sizeGib: 20 })
  cloud.attachVolume({ volumeId: idle.id, instanceId, device: '/dev/xvdba' })
  await cloud.settle(idle.id)
  const leaving = cloud.addVolume({ tags: tagsOf('leaving') })
  cloud.attachVolume({ volumeId: leaving.id, instanceId, device: '/dev/xvdbb' })
  await cloud.settle(leaving.id)
  cloud.detachVolume({ volumeId: leaving.id })
  const elsewhere = cloud.addVolume({ tags: tagsOf('elsewhere', { state: 'forgotten' }) })
  cloud.attachVolume({ volumeId: elsewhere.id, instanceId: cloud.addInstance().id, device: '/dev/xvdba' })
  await cloud.settle(elsewhere.id)
  const broken = cloud.addVolume({ tags: tagsOf('broken'), state: 'error' })
  const going = cloud.addVolume({ tags: tagsOf('going'), state: 'deleting' })
  cloud.addVolume({ tags: tagsOf('theirs', { host: 'host-2' }) })
  cloud.addVolume({ tags: tagsOf('of-a-cluster', { cluster: 'c' }) })
  cloud.addVolume({ tags: { 'convoy:host': 'host-1', 'convoy:name': 'half' } })
  cloud.addVolume()
  const found = await driver.survey({ signal: new AbortController().signal, log: journals.log })
  const GiB = 1024 ** 3
  t.same(
    found.map(({ storageId, name, state, sizeBytes, isAttachedHere, isOfThisHost, defect }) => [
      ...[storageId, name, state, sizeBytes / GiB, isAttachedHere, isOfThisHost, defect],
    ]),
    [
      [broken.id, 'broken', 'live', 8, false, true, 'in the state error'],
      [elsewhere.id, 'elsewhere', 'forgotten', 8, false, true, undefined],
      [idle.id, 'idle', 'live', 20, true, true, undefined],
      [leaving.id, 'leaving', 'live', 8, false, true, undefined],
    ],
    `without ${going.id}`,
  )
})
