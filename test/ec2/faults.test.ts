import t, { type Test } from 'tap'
import { ManualClock } from './cloud-clock.js'
import { clientOf } from './ec2-client.js'
import { Ec2Emulator } from './emulator.js'

async function start(t: Test) {
  const told: string[] = []
  const disks = {
    plug: async ({ id }: { readonly id: string }) => void told.push(`plug ${id}`),
    unplug: async (id: string) => void told.push(`unplug ${id}`),
  }
  const emulator = await Ec2Emulator.start(t, { clock: new ManualClock(), disks })
  const { cloud } = emulator
  return { emulator, cloud, faults: cloud.faults, client: clientOf(t, emulator), instance: cloud.addInstance(), told }
}

const request = { AvailabilityZone: 'eu-west-1a', Size: 1, VolumeType: 'gp3', ClientToken: 'token' } as const

t.test('EB05 a new volume is not found as long as the lag of its creation lasts', async (t) => {
  const { cloud, faults, client, instance } = await start(t)
  faults.lag('CreateVolume', 30_000)
  const { VolumeId = '' } = await client.createVolume(request)
  const attach = { VolumeId, InstanceId: instance.id, Device: '/dev/xvdba' }
  await cloud.advance(29_999)
  const notFound = { name: 'InvalidVolume.NotFound' }
  await t.rejects(client.describeVolumes({ VolumeIds: [VolumeId] }), notFound)
  await t.rejects(client.attachVolume(attach), notFound)
  await t.rejects(client.createTags({ Resources: [VolumeId], Tags: [{ Key: 'a', Value: '' }] }), notFound)
  await cloud.advance(1)
  t.match(await client.describeVolumes({ VolumeIds: [VolumeId] }), { Volumes: [{ State: 'creating' }] })
  await cloud.advance(20)
  t.match(await client.describeVolumes({ VolumeIds: [VolumeId] }), { Volumes: [{ State: 'available' }] })
})

t.test('the lag of a change and that of a Describe show what was', async (t) => {
  const { cloud, faults, client, instance } = await start(t)
  const { id: VolumeId } = cloud.addVolume()
  const state = async () => (await client.describeVolumes({ VolumeIds: [VolumeId] })).Volumes?.[0]?.State
  await cloud.advance(5000)
  faults.lag('AttachVolume', 1000)
  await client.attachVolume({ VolumeId, InstanceId: instance.id, Device: '/dev/xvdba' })
  await cloud.advance(999)
  t.equal(await state(), 'available')
  await cloud.advance(1)
  t.equal(await state(), 'in-use')
  faults.lag('DescribeVolumes', 5000)
  t.equal(await state(), 'available')
  const { Reservations } = await client.describeInstances({ InstanceIds: [instance.id] })
  t.equal(Reservations?.[0]?.Instances?.[0]?.BlockDeviceMappings?.length, 2)
})

t.test('EB09 calls beyond the rate of their action are throttled until there is room again', async (t) => {
  const { emulator, cloud, faults, client } = await start(t)
  faults.limit('DescribeVolumes', { perSecond: 2, burst: 2 })
  const ask = () =>
    client.describeVolumes({}).then(
      () => 'ok',
      (error: unknown) => (error instanceof Error ? error.name : ''),
    )
  const throttled = 'RequestLimitExceeded'
  t.same([await ask(), await ask(), await ask()], ['ok', 'ok', throttled])
  await client.describeInstances({})
  await cloud.advance(500)
  t.same([await ask(), await ask()], ['ok', throttled])
  faults.limit('DescribeVolumes', undefined)
  t.equal(await ask(), 'ok')
  t.same(emulator.calls.codes('DescribeVolumes'), ['ok', 'ok', throttled, 'ok', throttled, 'ok'])
})

t.test(
  'EB01 EB04 a call that is carried out is answered with an error, and the token finds what it made',
  async (t) => {
    for (const [code, status] of [
      ['InternalError', 500],
      ['Unavailable', 503],
      ['VolumeLimitExceeded', 400],
    ] as const) {
      const { cloud, faults, client } = await start(t)
      faults.add({ on: 'CreateVolume', kind: 'answer', when: 'after', code, status, times: 1 })
      await t.rejects(client.createVolume(request), { name: code, $metadata: { httpStatusCode: status } })
      t.equal(cloud.volumes().length, 1)
      t.equal((await client.createVolume(request)).VolumeId, cloud.volumes()[0]?.id)
    }
  },
)

t.test('EB01 a connection is cut before the call is carried out, or after', async (t) => {
  const { emulator, cloud, faults, client } = await start(t)
  for (const [when, count] of [
    ['before', 0],
    ['after', 1],
  ] as const) {
    faults.add({ on: 'CreateVolume', kind: 'cut', when, times: 1 })
    await t.rejects(client.createVolume(request), { code: 'ECONNRESET' }, when)
    t.equal(cloud.volumes().length, count)
  }
  t.same(emulator.calls.codes('CreateVolume'), ['cut', 'cut'])
})

t.test('a call that gets no answer is carried out or not', async (t) => {
  const { emulator, cloud, faults } = await start(t)
  for (const [when, count] of [
    ['before', 0],
    ['after', 1],
  ] as const) {
    faults.add({ on: '*', kind: 'silence', when, times: 1 })
    const over = new AbortController()
    const asked = clientOf(t, emulator).createVolume(request, { abortSignal: over.signal })
    while (emulator.calls.codes('CreateVolume').length === count) await new Promise(setImmediate)
    over.abort()
    await t.rejects(asked, { name: 'AbortError' })
    t.equal(cloud.volumes().length, count)
  }
})

t.test('EB02 a burned token is of no use any more, and another one is', async (t) => {
  const { cloud, faults, client } = await start(t)
  faults.add({ on: 'CreateVolume', kind: 'burn-token', times: 1 })
  const mismatch = { name: 'IdempotentParameterMismatch' }
  await t.rejects(client.createVolume(request), mismatch)
  await t.rejects(client.createVolume(request), mismatch)
  t.equal(cloud.volumes().length, 0)
  await client.createVolume({ ...request, ClientToken: 'token-2' })
})

t.test('EB07 EB26 a volume that could not be created is in error or gone, and burns its token', async (t) => {
  for (const ends of ['error', 'gone'] as const) {
    const { cloud, faults, client } = await start(t)
    faults.add({ on: 'CreateVolume', kind: 'creation', ends, times: 1 })
    const { VolumeId = '', State } = await client.createVolume(request)
    t.equal(State, 'creating')
    await cloud.advance(20)
    await t.rejects(client.createVolume(request), { name: 'IdempotentParameterMismatch' })
    if (ends === 'error') {
      t.match(await client.describeVolumes({ VolumeIds: [VolumeId] }), { Volumes: [{ State: 'error' }] })
      await client.deleteVolume({ VolumeId })
    } else await t.rejects(client.describeVolumes({ VolumeIds: [VolumeId] }), { name: 'InvalidVolume.NotFound' })
  }
})

t.test('EB13 a volume is stuck attaching under certain names, until it is detached', async (t) => {
  const { cloud, faults, instance, told } = await start(t)
  const lift = faults.add({ on: 'AttachVolume', kind: 'stuck', state: 'attaching', device: '/dev/xvdba' })
  const { id: volumeId } = cloud.addVolume()
  const attach = (device: string) => cloud.attachVolume({ volumeId, instanceId: instance.id, device })
  const state = () => cloud.volume(volumeId).attachments[0]?.state
  attach('/dev/xvdba')
  await cloud.advance(3_600_000)
  t.equal(state(), 'attaching')
  cloud.detachVolume({ volumeId })
  await cloud.advance(20)
  t.same(told, [])
  attach('/dev/xvdbb')
  await cloud.advance(20)
  t.equal(state(), 'attached')
  cloud.detachVolume({ volumeId })
  await cloud.advance(20)
  lift()
  attach('/dev/xvdba')
  await cloud.advance(20)
  t.equal(state(), 'attached')
})

t.test('EB16 an attached volume has no disk, or not for a while', async (t) => {
  const { cloud, faults, instance, told } = await start(t)
  faults.add({ on: 'AttachVolume', kind: 'no-disk', times: 1 })
  faults.add({ on: 'AttachVolume', kind: 'no-disk', forMs: 5000, times: 1 })
  const [never, late] = [cloud.addVolume().id, cloud.addVolume().id]
  cloud.attachVolume({ volumeId: never, instanceId: instance.id, device: '/dev/xvdba' })
  await cloud.advance(20)
  cloud.attachVolume({ volumeId: late, instanceId: instance.id, device: '/dev/xvdbb' })
  await cloud.advance(5019)
  for (const id of [never, late]) t.equal(cloud.volume(id).attachments[0]?.state, 'attached')
  t.same(told, [])
  await cloud.advance(1)
  t.same(told, [`plug ${late}`])
})

t.test('EB17 a volume is stuck detaching or busy, until it is forced or the test ends that', async (t) => {
  for (const state of ['detaching', 'busy'] as const) {
    const { cloud, faults, client, instance } = await start(t)
    faults.add({ on: 'DetachVolume', kind: 'stuck', state })
    const { id: volumeId } = cloud.addVolume()
    const attach = () => cloud.attachVolume({ volumeId, instanceId: instance.id, device: '/dev/xvdba' })
    attach()
    await cloud.advance(20)
    t.match(await client.detachVolume({ VolumeId: volumeId }), { State: state })
    await client.detachVolume({ VolumeId: volumeId })
    await cloud.advance(3_600_000)
    t.match(await client.describeVolumes({ VolumeIds: [volumeId] }), { Volumes: [{ Attachments: [{ State: state }] }] })
    await client.detachVolume({ VolumeId: volumeId, Force: true })
    await cloud.advance(20)
    t.equal(cloud.volume(volumeId).state, 'available')
    attach()
    await cloud.advance(20)
    cloud.detachVolume({ volumeId })
    await cloud.settle(volumeId)
    t.equal(cloud.volume(volumeId).state, 'available')
  }
})

t.test('EB06 one Describe says detached while the other says attached', async (t) => {
  const { cloud, faults, client, instance } = await start(t)
  const { id: VolumeId } = cloud.addVolume()
  cloud.attachVolume({ volumeId: VolumeId, instanceId: instance.id, device: '/dev/xvdba' })
  await cloud.advance(20)
  const byVolumes = async () =>
    (await client.describeVolumes({ VolumeIds: [VolumeId] })).Volumes?.[0]?.Attachments?.length
  const byInstances = async () => {
    const { Reservations } = await client.describeInstances({ InstanceIds: [instance.id] })
    const devices = Reservations?.[0]?.Instances?.[0]?.BlockDeviceMappings ?? []
    return devices.filter(({ Ebs }) => Ebs?.VolumeId === VolumeId).length
  }
  const lift = faults.add({ on: 'DescribeVolumes', kind: 'hide-attachment', volumeId: VolumeId })
  t.same([await byVolumes(), await byInstances()], [0, 1])
  lift()
  faults.add({ on: 'DescribeInstances', kind: 'hide-attachment', volumeId: VolumeId })
  t.same([await byVolumes(), await byInstances()], [1, 0])
})

t.test('a permission is denied in the words of EC2, and credentials expire', async (t) => {
  const { faults, client } = await start(t)
  faults.add({ on: 'DescribeVolumes', kind: 'answer', code: 'UnauthorizedOperation', times: 1 })
  await t.rejects(client.describeVolumes({}), {
    name: 'UnauthorizedOperation',
    message: /is not authorized to perform: ec2:DescribeVolumes .*Encoded authorization failure message: \w+/,
    $metadata: { httpStatusCode: 403 },
  })
  faults.add({ on: '*', kind: 'answer', code: 'ExpiredToken', accessKeyId: 'none', times: 1 })
  faults.add({ on: '*', kind: 'answer', code: 'ExpiredToken', accessKeyId: 'other' })
  await t.rejects(client.describeInstances({}), { name: 'ExpiredToken' })
  await client.describeInstances({})
})

t.test('a fault is for its volume alone, and all of them can be ended', async (t) => {
  const { cloud, faults, client } = await start(t)
  const [one, other] = [cloud.addVolume().id, cloud.addVolume().id]
  faults.add({ on: 'DeleteVolume', kind: 'answer', code: 'InternalError', status: 500, volumeId: one })
  faults.limit('DeleteVolume', { perSecond: 0, burst: 2 })
  await t.rejects(client.deleteVolume({ VolumeId: one }), { name: 'InternalError' })
  await client.deleteVolume({ VolumeId: other })
  await t.rejects(client.deleteVolume({ VolumeId: one }), { name: 'RequestLimitExceeded' })
  faults.clear()
  await client.deleteVolume({ VolumeId: one })
})

t.test('a delayed call is answered after that', async (t) => {
  const { faults, client } = await start(t)
  faults.add({ on: 'DescribeVolumes', kind: 'delay', ms: 100, times: 1 })
  let isOver = false
  // Timers of one length end in the order of their starts.
  setTimeout(() => (isOver = true), 100)
  await client.describeVolumes({})
  t.ok(isOver)
})
