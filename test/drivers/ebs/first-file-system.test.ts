import t, { type Test } from 'tap'
import type { DiskContent } from '../../../src/host/block-devices.js'
import type { Attributes } from '../../../src/model/volume.js'
import { failureOf, idOf, setUp } from './host-session.js'

const cluster = 'prod'
const snapshotId = 'snap-0123456789abcdef0'

/** A volume of ours with something on its disk before it is first attached. */
async function withContent(t: Test, content: DiskContent, options: Attributes = {}) {
  const { one, cloud } = setUp(t)
  const volume = await one.create('pg', options)
  const disk = one.host.disks.disk({ id: idOf(volume), sizeGib: 8 })
  Object.assign(disk, { content, text: 'precious' })
  return { one, cloud, volume, disk }
}

t.test('EB30 a blank disk that our journal knows is formatted once, whatever is called again', async (t) => {
  const { one } = setUp(t)
  for (const fsType of ['ext4', 'xfs']) {
    const volume = await one.create(fsType, { fsType })
    t.match(await one.attach(volume), { fsType })
    await one.detach(volume)
    await one.pass()
    one.restart()
    await one.attach(volume)
    t.match(one.host.disks.disk({ id: idOf(volume), sizeGib: 8 }), { formats: 1, content: { fsType } })
    t.match(one.journals.call(volume).journal.notes, { disk: 'formatted' })
  }
})

t.test('EB33 a disk that cannot be read while it is checked is an error of that disk, too', async (t) => {
  const { one } = setUp(t)
  const volume = await one.create()
  await one.attach(volume)
  await one.detach(volume)
  await one.pass()
  one.host.disks.disk({ id: idOf(volume), sizeGib: 8 }).isUncheckable = true
  t.match(await failureOf(one.attach(volume)), { code: 'internal', message: /input\/output error/ })
})

t.test('the defaults of the daemon may change between the create and any mount', async (t) => {
  const { one } = setUp(t)
  const disks = new Map<string, string>()
  for (const [name, options] of [
    ['plain', { mountOptions: 'commit=30' }],
    ['xfs', { fsType: 'xfs', mountOptions: 'largeio' }],
  ] as const) {
    const volume = await one.create(name, options)
    one.restart({ defaultfstype: name === 'plain' ? 'xfs' : 'ext4', defaultvolumetype: 'io1' })
    for (const time of ['first', 'second']) {
      const source = await one.attach(volume)
      t.match(source, { fsType: name === 'plain' ? 'ext4' : 'xfs', options: [options.mountOptions] }, `${time} mount`)
      await one.detach(volume)
      await one.pass()
    }
    disks.set(name, idOf(volume))
    one.restart()
  }
  t.equal(disks.size, 2)
})

t.test('an adopted disk is mounted by what is on it, with options of its file system', async (t) => {
  const { one, cloud } = setUp(t)
  for (const [fsType, mountOptions] of [
    ['xfs', 'inode64'],
    ['ext4', 'commit=30'],
  ] as const) {
    const volume = cloud.addVolume()
    one.host.disks.disk(volume).content = { kind: 'file-system', fsType }
    one.restart({ defaultfstype: fsType === 'xfs' ? 'ext4' : 'xfs' })
    const adopted = await one.create(fsType, { id: volume.id, mountOptions })
    t.match(await one.attach(adopted), { fsType, options: [mountOptions] })
  }
  const other = cloud.addVolume()
  one.host.disks.disk(other).content = { kind: 'file-system', fsType: 'xfs' }
  const wrong = await one.create('wrong', { id: other.id, mountOptions: 'commit=30' })
  t.match(await failureOf(one.attach(wrong)), { code: 'invalid-argument', message: /commit=30.*not one of xfs/ })
})

t.test('EB30 a disk whose formatting was not noted is not formatted again', async (t) => {
  const { one } = setUp(t)
  const volume = await one.create()
  one.faults.arm({ step: 'format', when: 'after', how: 'fail' })
  await failureOf(one.attach(volume))
  await one.attach(volume)
  t.equal(one.host.disks.disk({ id: idOf(volume), sizeGib: 8 }).formats, 1)
  t.match(one.journals.call(volume).journal.notes, { disk: 'formatted' })
})

t.test('EB30 a disk that cannot be read is not formatted, and is once it can be read', async (t) => {
  const { one } = setUp(t)
  const volume = await one.create()
  const disk = one.host.disks.disk({ id: idOf(volume), sizeGib: 8 })
  disk.isUnreadable = true
  // One bad disk does not mean that EC2 is away.
  t.match(await failureOf(one.attach(volume)), { code: 'internal', message: /input\/output error/ })
  t.equal(disk.formats, 0)
  disk.isUnreadable = false
  await one.attach(volume)
  t.equal(disk.formats, 1)
})

t.test('EB30 S20 a disk that holds what has no name is neither formatted nor mounted', async (t) => {
  for (const description of ['a partition table (gpt)', 'data of no known format']) {
    const { one, volume, disk } = await withContent(t, { kind: 'unknown', description })
    const failure = await failureOf(one.attach(volume))
    t.match(failure.message, `has ${description}: nothing is mounted, and nothing was changed`)
    t.match(failure.hint, /first formatting was cut short.*convoy delete pg/)
    t.match(disk, { formats: 0, text: 'precious' })
  }
})

t.test('EB32 a file system of another type than asked for is mounted as it is found', async (t) => {
  const { one, volume, disk } = await withContent(t, { kind: 'file-system', fsType: 'xfs' })
  t.match(await one.attach(volume), { fsType: 'xfs' })
  t.match(disk, { formats: 0, text: 'precious' })
})

t.test('EB32 a file system that convoy does not mount is refused by its name', async (t) => {
  const { one, volume, disk } = await withContent(t, { kind: 'file-system', fsType: 'btrfs' })
  t.match(await failureOf(one.attach(volume)), { code: 'unsupported', message: /file system of type btrfs/ })
  t.match(disk, { formats: 0, text: 'precious' })
})

t.test('EB30 a disk that reads as blank after it was formatted is refused: its data is missing', async (t) => {
  const { one } = setUp(t)
  const volume = await one.create()
  await one.attach(volume)
  const disk = one.host.disks.disk({ id: idOf(volume), sizeGib: 8 })
  disk.content = { kind: 'blank' }
  t.match(await failureOf(one.attach(volume)), { code: 'internal' })
  t.equal(disk.formats, 1)
})

t.test(
  'EB30 a volume that another host of the cluster made, and nobody formatted, is refused with the next step',
  async (t) => {
    const { one, two } = setUp(t, { cluster }, { cluster })
    const volume = await one.create()
    const failure = await failureOf(two.attach(volume))
    t.match(failure, { code: 'internal', message: /nothing is mounted, and nothing was changed/ })
    t.match(failure.hint, /If another host of the cluster made it .*mount it there once/)
    t.equal(two.host.disks.disk({ id: idOf(volume), sizeGib: 8 }).formats, 0)
    await two.detach(volume)
    await two.pass()
    await one.attach(volume)
    await one.detach(volume)
    await one.pass()
    t.match(await two.attach(volume), { fsType: 'ext4' })
  },
)

t.test('EB30 S13 an adopted volume is never formatted, blank or not', async (t) => {
  const { one, cloud } = setUp(t)
  const { id } = cloud.addVolume()
  const volume = await one.create('old', { id })
  t.match(await failureOf(one.attach(volume)), { code: 'internal' })
  const disk = one.host.disks.disk({ id, sizeGib: 8 })
  t.equal(disk.formats, 0)
  Object.assign(disk, { content: { kind: 'file-system', fsType: 'ext4' }, text: 'precious' })
  t.match(await one.attach(volume), { subdirectory: '', options: ['errors=remount-ro'] })
  t.match(disk, { formats: 0, text: 'precious' })
})

t.test('EB33 S20 what cannot be repaired is not mounted', async (t) => {
  const { one, volume } = await withContent(t, { kind: 'file-system', fsType: 'ext4' })
  one.faults.arm({ step: 'check', when: 'before', how: 'fail' })
  t.match(await failureOf(one.attach(volume)), { message: /check/ })
  t.match(await one.attach(volume), { options: ['errors=remount-ro'] })
})

t.test('EB33 what is mounted is neither checked nor examined', async (t) => {
  const { one } = setUp(t)
  const volume = await one.create()
  await one.attach(volume)
  one.host.mount(idOf(volume))
  one.faults.arm()
  await one.attach(volume)
  t.strictSame(one.faults.steps, [])
})

t.test('EB34 the xfs of a snapshot is mounted beside the one it was taken of, and no other is', async (t) => {
  const { one, cloud } = setUp(t)
  cloud.snapshots.set(snapshotId, { id: snapshotId, sizeGib: 8, isEncrypted: false })
  const copy = await one.create('copy', { snapshotId })
  const disk = one.host.disks.disk({ id: idOf(copy), sizeGib: 8 })
  disk.content = { kind: 'file-system', fsType: 'xfs' }
  t.match(await one.attach(copy), { options: ['nouuid'], subdirectory: '' })
  disk.content = { kind: 'file-system', fsType: 'ext4' }
  const { options } = { options: undefined, ...(await one.attach(copy)) }
  t.strictSame(options, ['errors=remount-ro'])
  const own = await one.create('own', { fsType: 'xfs' })
  const ofOwn = { options: undefined, ...(await one.attach(own)) }
  t.strictSame(ofOwn.options, [])
})

t.test('EB30 the disk of a snapshot is never formatted, blank or not', async (t) => {
  const { one, cloud } = setUp(t)
  cloud.snapshots.set(snapshotId, { id: snapshotId, sizeGib: 8, isEncrypted: false })
  const copy = await one.create('copy', { snapshotId })
  await failureOf(one.attach(copy))
  t.equal(one.host.disks.disk({ id: idOf(copy), sizeGib: 8 }).formats, 0)
})

t.test('EB30 a disk that has not the size of its volume is not formatted', async (t) => {
  const { one } = setUp(t)
  const volume = await one.create()
  const disk = one.host.disks.disk({ id: idOf(volume), sizeGib: 8 })
  Object.assign(disk, { sizeBytes: 7 * 1024 ** 3 })
  const failure = await failureOf(one.attach(volume))
  t.match(failure, { code: 'internal', message: /has 7516192768 bytes, and vol-.*, 8 GiB: it is not formatted/ })
  t.equal(disk.formats, 0)
})
