import t from 'tap'
import { Cloud } from './cloud.js'
import type { Disks } from './disks.js'

const request = { zone: 'eu-west-1a', sizeGib: 10, type: 'gp3', clientToken: 'token', tags: { Name: 'one' } } as const

/** A cloud whose time stands still, with an instance and what its disks are told. */
function openCloud(failing?: string) {
  const told: string[] = []
  const errors: unknown[] = []
  const tell = async (what: string) => {
    if (failing !== undefined && what.startsWith(failing)) throw new Error(what)
    told.push(what)
  }
  const disks: Disks = {
    plug: ({ id, sizeGib }, instanceId) => tell(`plug ${id} ${sizeGib} ${instanceId}`),
    unplug: (id, instanceId) => tell(`unplug ${id} ${instanceId}`),
  }
  const cloud = new Cloud({ disks, onDiskError: (error) => errors.push(error) })
  return { cloud, told, errors, instance: cloud.addInstance() }
}

t.test('a volume is creating, available, attaching, attached, detaching, available and gone', async (t) => {
  const { cloud, told, instance } = openCloud()
  const { id } = cloud.createVolume(request)
  const attach = { volumeId: id, instanceId: instance.id, device: '/dev/xvdba' }
  t.equal(cloud.volume(id).state, 'creating')
  t.throws(() => cloud.attachVolume(attach), { code: 'IncorrectState' })
  t.throws(() => cloud.deleteVolume(id), { code: 'IncorrectState' })
  await cloud.advance(20)
  t.equal(cloud.volume(id).state, 'available')

  t.match(cloud.attachVolume(attach), { state: 'attaching' })
  t.match(cloud.volume(id), { state: 'in-use', attachments: [{ state: 'attaching', device: '/dev/xvdba' }] })
  t.same(told, [])
  await cloud.advance(20)
  t.match(cloud.volume(id), { attachments: [{ state: 'attached' }] })
  t.throws(() => cloud.deleteVolume(id), { code: 'VolumeInUse' })
  t.throws(() => cloud.attachVolume(attach), { code: 'VolumeInUse' })

  t.match(cloud.detachVolume({ volumeId: id }), { state: 'detaching' })
  t.throws(() => cloud.attachVolume(attach), { code: 'VolumeInUse' })
  await cloud.advance(20)
  t.match(cloud.volume(id), { state: 'available', attachments: [] })
  t.same(told, [`plug ${id} 10 ${instance.id}`, `unplug ${id} ${instance.id}`])
  t.throws(() => cloud.detachVolume({ volumeId: id }), { code: 'IncorrectState' })

  cloud.deleteVolume(id)
  t.equal(cloud.findVolumeSeen(id, 'DescribeVolumes')?.state, 'deleting')
  await cloud.advance(20)
  t.equal(cloud.findVolumeSeen(id, 'DescribeVolumes'), undefined)
  t.throws(() => cloud.deleteVolume(id), { code: 'InvalidVolume.NotFound' })
})

t.test('the same request with the same token makes one volume, which it also is when it is deleted', async (t) => {
  const { cloud } = openCloud()
  const { id } = cloud.createVolume(request)
  t.equal(cloud.createVolume({ ...request }).id, id)
  t.throws(() => cloud.createVolume({ ...request, sizeGib: 11 }), { code: 'IdempotentParameterMismatch' })
  t.throws(() => cloud.createVolume({ ...request, tags: {} }), { code: 'IdempotentParameterMismatch' })
  await cloud.advance(20)
  cloud.deleteVolume(id)
  await cloud.advance(20)
  t.equal(cloud.createVolume(request).id, id)
  t.equal(cloud.volumes().length, 0)
  await cloud.advance(24 * 3_600_000)
  const later = cloud.createVolume(request)
  t.not(later.id, id)
  cloud.forgetTokens()
  t.not(cloud.createVolume(request).id, later.id)
})

t.test('zones and snapshots must be there', async (t) => {
  const { cloud } = openCloud()
  t.throws(() => cloud.createVolume({ sizeGib: 1 }), { code: 'MissingParameter' })
  t.throws(() => cloud.createVolume({ sizeGib: 1, zone: 'us-east-1a' }), { code: 'InvalidZone.NotFound' })
  const snapshotId = 'snap-00000000000000001'
  const restored = { zone: 'eu-west-1a', type: 'gp3', snapshotId }
  t.throws(() => cloud.createVolume(restored), { code: 'InvalidSnapshot.NotFound' })
  cloud.snapshots.set(snapshotId, { id: snapshotId, sizeGib: 7, isEncrypted: true })
  t.match(cloud.createVolume(restored), { sizeGib: 7, isEncrypted: true, snapshotId })
})

t.test('an attachment needs the zone, a free name that is one, and an instance that can have it', async (t) => {
  const { cloud, instance } = openCloud()
  const [one, other] = [cloud.addVolume(), cloud.addVolume()]
  const attach = (volumeId: string, device: string, instanceId = instance.id) =>
    cloud.attachVolume({ volumeId, instanceId, device })
  const elsewhere = cloud.addInstance({ zone: 'eu-west-1b' })
  t.throws(() => attach(one.id, '/dev/xvdba', elsewhere.id), { code: 'InvalidVolume.ZoneMismatch' })
  t.throws(() => attach(one.id, '/dev/nvme1n1'), { code: 'InvalidParameterValue', message: /not a valid EBS device/ })
  t.throws(() => attach(one.id, '/dev/sda'), { code: 'InvalidParameterValue', message: /already in use/ })
  t.throws(() => attach('vol-0', '/dev/xvdba'), { code: 'InvalidVolume.NotFound' })
  t.throws(() => attach(one.id, '/dev/xvdba', 'i-0'), { code: 'InvalidInstanceID.NotFound' })
  attach(one.id, '/dev/xvdb')
  for (const device of ['/dev/xvdb', '/dev/sdb'])
    t.throws(() => attach(other.id, device), { code: 'InvalidParameterValue', message: /already in use/ })
  const dead = cloud.addInstance({ state: 'terminated' })
  t.throws(() => attach(other.id, '/dev/xvdc', dead.id), { code: 'IncorrectState' })
})

t.test('EB11 a name that only the image maps is in use, and no Describe shows it', async (t) => {
  const { cloud } = openCloud()
  const { id: instanceId } = cloud.addInstance({ hiddenDevices: ['/dev/sdb'] })
  const { id: volumeId } = cloud.addVolume()
  const refused = { code: 'InvalidParameterValue', message: /Attachment point \/dev\/xvdb is already in use/ }
  t.throws(() => cloud.attachVolume({ volumeId, instanceId, device: '/dev/xvdb' }), refused)
  const shown = cloud.volumesSeen('DescribeInstances').flatMap(({ attachments }) => attachments)
  t.same([...new Set(shown.map(({ device }) => device))], ['/dev/xvda'])
})

t.test(
  'EB27 network interfaces and disks of the instance take from a shared limit, not from a dedicated one',
  async (t) => {
    const { cloud } = openCloud()
    cloud.addInstanceType({ name: 'shared', mostAttachments: 5, limitType: 'shared', instanceDisks: 1 })
    cloud.addInstanceType({ name: 'dedicated', mostAttachments: 2, limitType: 'dedicated', instanceDisks: 1 })
    for (const type of ['shared', 'dedicated']) {
      // One more volume beside the disk that it started from.
      const { id: instanceId } = cloud.addInstance({ type, networkInterfaces: 2 })
      cloud.attachVolume({ volumeId: cloud.addVolume().id, instanceId, device: '/dev/xvdba' })
      const one = { volumeId: cloud.addVolume().id, instanceId, device: '/dev/xvdbb' }
      t.throws(() => cloud.attachVolume(one), { code: 'AttachmentLimitExceeded' }, type)
    }
  },
)

t.test('only what is meant is detached, and never the disk of a running system', async (t) => {
  const { cloud, instance } = openCloud()
  const { id: volumeId } = cloud.addVolume()
  cloud.attachVolume({ volumeId, instanceId: instance.id, device: '/dev/xvdba' })
  const other = cloud.addInstance()
  t.throws(() => cloud.detachVolume({ volumeId, instanceId: other.id }), { code: 'InvalidAttachment.NotFound' })
  t.throws(() => cloud.detachVolume({ volumeId, instanceId: 'i-0' }), { code: 'InvalidInstanceID.NotFound' })
  t.throws(() => cloud.detachVolume({ volumeId, device: '/dev/xvdbb' }), { code: 'InvalidAttachment.NotFound' })
  const root = cloud.volumesSeen('DescribeVolumes').find(({ attachments }) => attachments[0]?.device === '/dev/xvda')
  t.throws(() => cloud.detachVolume({ volumeId: root?.id ?? '' }), { code: 'OperationNotPermitted' })
})

t.test('a volume for many is attached to many, once each', async (t) => {
  const { cloud, instance } = openCloud()
  const { id: volumeId } = cloud.addVolume({ type: 'io2', isMultiAttach: true })
  const other = cloud.addInstance()
  for (const { id: instanceId } of [instance, other]) cloud.attachVolume({ volumeId, instanceId, device: '/dev/xvdba' })
  t.throws(() => cloud.attachVolume({ volumeId, instanceId: other.id, device: '/dev/xvdbb' }), { code: 'VolumeInUse' })
  await cloud.advance(20)
  t.throws(() => cloud.detachVolume({ volumeId }), { code: 'InvalidParameterCombination' })
  cloud.detachVolume({ volumeId, instanceId: other.id })
  await cloud.advance(20)
  t.match(cloud.volume(volumeId), { state: 'in-use', attachments: [{ instanceId: instance.id }] })
})

t.test('tags have their limits, and are changed for all or for none', async (t) => {
  const { cloud, instance } = openCloud()
  const { id } = cloud.addVolume({ tags: { a: '1' } })
  t.throws(() => cloud.createTags([id, 'vol-0'], { b: '2' }), { code: 'InvalidVolume.NotFound' })
  t.throws(() => cloud.createTags([id], { 'aws:b': '2' }), { code: 'InvalidParameterValue' })
  t.throws(() => cloud.createTags(['disk'], {}), { code: 'InvalidID' })
  t.throws(() => cloud.createVolume({ ...request, tags: { 'aws:b': '' } }), { code: 'InvalidParameterValue' })
  const many = Object.fromEntries(Array.from({ length: 50 }, (_, index) => [`key${index}`, '']))
  t.throws(() => cloud.createTags([id], many), { code: 'TagLimitExceeded' })
  for (const tags of [{ '': '' }, { ['k'.repeat(129)]: '' }, { key: 'v'.repeat(257) }])
    t.throws(() => cloud.createTags([id], tags), { code: 'InvalidParameterValue' })
  cloud.createTags([instance.id], { ['k'.repeat(128)]: 'v'.repeat(256) })
  cloud.deleteTags([instance.id])
  t.same(cloud.volume(id).tags, { a: '1' })
  cloud.createTags([id, instance.id], { b: '2', c: '3' })
  cloud.deleteTags([id], { a: 'other', b: '2', c: undefined })
  t.same(cloud.volume(id).tags, { a: '1' })
  t.same(cloud.findInstance(instance.id)?.tags, { b: '2', c: '3' })
  cloud.deleteTags([id])
  t.same(cloud.volume(id).tags, {})
})

t.test('an instance that ends keeps its volumes for a while, but not the disk that it started from', async (t) => {
  const { cloud, told, instance } = openCloud()
  cloud.delays.releaseMs = 60_000
  const { id: volumeId } = cloud.addVolume()
  cloud.attachVolume({ volumeId, instanceId: instance.id, device: '/dev/xvdba' })
  await cloud.advance(20)
  await cloud.setInstanceState(instance.id, 'terminated')
  t.match(told, [/^plug/, /^unplug/])
  await cloud.advance(59_999)
  t.match(cloud.volume(volumeId), { state: 'in-use', attachments: [{ state: 'attached' }] })
  await cloud.advance(1)
  t.same(
    cloud.volumesSeen('DescribeVolumes').map(({ id, state, attachments }) => [id, state, attachments]),
    [[volumeId, 'available', []]],
  )
  cloud.forgetInstance(instance.id)
  t.equal(cloud.findInstance(instance.id), undefined)
})

t.test('a machine that is off has no disks, and has them again when it runs', async (t) => {
  const { cloud, told, instance } = openCloud()
  await cloud.setInstanceState(instance.id, 'stopped')
  const { id: volumeId } = cloud.addVolume()
  cloud.attachVolume({ volumeId, instanceId: instance.id, device: '/dev/xvdba' })
  await cloud.advance(20)
  t.match(cloud.volume(volumeId), { attachments: [{ state: 'attached' }] })
  t.same(told, [])
  await cloud.setInstanceState(instance.id, 'running')
  await cloud.setInstanceState(instance.id, 'running')
  t.equal(told.filter((what) => what === `plug ${volumeId} 8 ${instance.id}`).length, 1)
  await cloud.setInstanceState(instance.id, 'stopped')
  t.ok(told.includes(`unplug ${volumeId} ${instance.id}`))
  cloud.detachVolume({ volumeId })
  await cloud.advance(20)
  t.equal(told.filter((what) => what.startsWith(`unplug ${volumeId}`)).length, 1)
})

t.test('a disk that cannot be made is told to the test, and the cloud goes on', async (t) => {
  const { cloud, errors, instance } = openCloud('plug')
  const { id: volumeId } = cloud.addVolume()
  cloud.attachVolume({ volumeId, instanceId: instance.id, device: '/dev/xvdba' })
  await cloud.advance(20)
  t.match(errors, [{ message: /^plug vol-/ }])
  t.match(cloud.volume(volumeId), { attachments: [{ state: 'attached' }] })
})

t.test('a disk that is detached while it is being made is taken away after that', async (t) => {
  let finish: () => void = () => undefined
  const told: string[] = []
  const disks: Disks = {
    plug: () => new Promise<void>((resolve) => (finish = resolve)).then(() => void told.push('plugged')),
    unplug: async () => void told.push('unplugged'),
  }
  const cloud = new Cloud({ disks })
  const instance = cloud.addInstance()
  const { id: volumeId } = cloud.addVolume()
  cloud.attachVolume({ volumeId, instanceId: instance.id, device: '/dev/xvdba' })
  const attached = cloud.advance(20)
  cloud.detachVolume({ volumeId })
  const settled = cloud.settle(volumeId)
  // Whatever is going to be asked of the disks has been asked after a turn.
  await new Promise(setImmediate)
  t.same(told, [])
  finish()
  await Promise.all([attached, settled])
  t.same(told, ['plugged', 'unplugged'])
  t.match(cloud.volume(volumeId), { state: 'available', attachments: [] })
})
