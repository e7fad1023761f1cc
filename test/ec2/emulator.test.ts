import t from 'tap'
import { clientOf } from './ec2-client.js'
import { Ec2Emulator } from './emulator.js'

t.test('by the real time a volume becomes available and attached by itself', async (t) => {
  const delays = { createMs: 5, attachMs: 5 }
  const emulator = await Ec2Emulator.start(t, { delays })
  const client = clientOf(t, emulator)
  const { id: InstanceId } = emulator.cloud.addInstance()
  const { VolumeId = '' } = await client.createVolume({ AvailabilityZone: 'eu-west-1a', Size: 1 })
  const volume = async () => (await client.describeVolumes({ VolumeIds: [VolumeId] })).Volumes?.[0]
  while ((await volume())?.State !== 'available') await new Promise(setImmediate)
  await client.attachVolume({ VolumeId, InstanceId, Device: '/dev/xvdba' })
  while ((await volume())?.Attachments?.[0]?.State !== 'attached') await new Promise(setImmediate)
  t.throws(() => emulator.cloud.advance(1), /real time/)
})

t.test('a disk that cannot be made fails the test', async (t) => {
  const failed: string[] = []
  const inner = { teardown: t.teardown.bind(t), fail: (message?: unknown) => failed.push(String(message)) > 0 }
  const broken = () => Promise.reject(new Error('no such disk'))
  // Only these two parts of a test are used, and they are as tap has them.
  const { cloud } = await Ec2Emulator.start(inner as never, { disks: { plug: broken, unplug: broken } })
  const instance = cloud.addInstance()
  const { id: volumeId } = cloud.addVolume()
  cloud.attachVolume({ volumeId, instanceId: instance.id, device: '/dev/xvdba' })
  await cloud.settle(volumeId)
  t.match(failed, [/a disk of the emulator failed/])
})

t.test('what is broken in the emulator fails the test, and is no answer of EC2', async (t) => {
  const failed: string[] = []
  const inner = { teardown: t.teardown.bind(t), fail: (message?: unknown) => failed.push(String(message)) > 0 }
  // As above.
  const emulator = await Ec2Emulator.start(inner as never)
  emulator.cloud.volumesSeen = () => {
    throw new Error('broken')
  }
  await t.rejects(clientOf(t, emulator).describeVolumes({}), { name: 'EmulatorBroken' })
  t.match(failed, [/the emulator of EC2 is broken/])
})

t.test('both servers end with the test, and the plans of the cloud, too', async (t) => {
  const ends: (() => unknown)[] = []
  const inner = { teardown: (end: () => unknown) => void ends.push(end), fail: t.fail.bind(t) }
  const emulator = await Ec2Emulator.start(inner, { delays: { createMs: 1 } })
  const { id } = emulator.cloud.createVolume({ zone: 'eu-west-1a', sizeGib: 1 })
  for (const end of ends) await end()
  for (const endpoint of [emulator.endpoint, emulator.metadataEndpoint])
    await t.rejects(fetch(endpoint), { cause: { code: 'ECONNREFUSED' } })
  // Timers that start later than others of their length end later.
  await new Promise((resolve) => setTimeout(resolve, 1))
  t.equal(emulator.cloud.volume(id).state, 'creating')
})
