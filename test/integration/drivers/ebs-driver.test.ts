import { existsSync, openSync, closeSync, readdirSync, readFileSync, statSync, writeFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { ConvoyError } from '../../../src/errors.js'
import { run, temporaryDirectory } from '../host/mount-fixtures.js'
import { requirements } from '../requirements.js'
import { digestOf, startInstances } from './instances-on-loops.js'

const options = requirements(t, {
  root: true,
  commands: ['losetup', 'mkfs.ext4', 'mkfs.xfs', 'e2fsck', 'debugfs', 'blkid', 'cmp', 'mount'],
  filesystems: ['ext4', 'xfs'],
  paths: ['/dev/loop-control'],
})

/** How the call fails, if it does. */
async function failed(promise: Promise<unknown>): Promise<ConvoyError | undefined> {
  try {
    await promise
    return undefined
  } catch (thrown) {
    if (thrown instanceof ConvoyError) return thrown
    throw thrown
  }
}

for (const fsType of ['ext4', 'xfs']) {
  t.test(
    `EB30 what is written on one host (${fsType}) is there on the next, and it was formatted once`,
    options,
    async (t) => {
      const { one, two, cloud } = await startInstances(t)
      const volume = await one.create('pg', { size: '1G', fsType, mode: '0750', uid: '70' })
      const directory = await one.mount(volume)
      t.match(statSync(directory), { uid: 70, gid: 0 })
      t.equal(statSync(directory).mode & 0o7777, 0o750)
      t.same(readdirSync(directory), [], 'no lost+found')
      writeFileSync(join(directory, 'table'), 'precious')
      t.match(await failed(one.detach(volume)), { code: 'in-use' }, 'EB17 not while it is mounted')
      await one.unmount(volume)
      await one.detach(volume)
      const there = await two.mount(volume)
      t.equal(readFileSync(join(there, 'table'), 'utf8'), 'precious')
      await two.unmount(volume)
      await two.detach(volume)
      const back = await one.mount(volume)
      t.equal(readFileSync(join(back, 'table'), 'utf8'), 'precious')
      t.match(one.journals.call(volume).journal.notes, { disk: 'formatted' })
      await one.unmount(volume)
      t.equal(cloud.volumes().length, 1)
    },
  )
}

t.test(
  'S13 nothing on an adopted disk changes until it is mounted, and its files are those that were there',
  options,
  async (t) => {
    const { one, cloud, disks } = await startInstances(t)
    const { id } = cloud.addVolume({ sizeGib: 1 })
    const image = disks.image({ id, sizeGib: 1 })
    const files = temporaryDirectory(t)
    for (const [name, text] of [
      ['PG_VERSION', '16\n'],
      ['base', 'x'.repeat(100_000)],
    ] as const)
      writeFileSync(join(files, name), text)
    run('mkfs.ext4', '-q', '-d', files, image)
    const before = digestOf(image)
    const superblock = () => run('od', '-j', '1024', '-N', '1024', image)
    const bytes = superblock()
    const volume = await one.create('adopted', { id })
    t.equal(superblock(), bytes)
    t.equal(digestOf(image), before, 'adopted')
    const source = await one.attach(volume)
    t.match(source, { fsType: 'ext4', subdirectory: '' })
    t.equal(digestOf(image), before, 'attached, and checked')
    const mountpoint = one.mountpointOf(volume)
    if (source.kind !== 'filesystem') throw new Error('a volume of EBS is a disk')
    await one.mounter.mount({ ...source, options: ['ro', 'noload'], mountpoint }, one.journals.call(volume))
    t.equal(readFileSync(join(mountpoint, 'base'), 'utf8'), 'x'.repeat(100_000))
    t.same(readdirSync(mountpoint).sort(), ['PG_VERSION', 'base', 'lost+found'])
    await one.unmount(volume)
    t.equal(digestOf(image), before, 'mounted to be read')
    t.equal(readFileSync(join(await one.mount(volume), 'PG_VERSION'), 'utf8'), '16\n')
    await one.unmount(volume)
    await one.detach(volume)
  },
)

t.test('S20 EB33 a file system that was damaged, or made to harm, is refused and not touched', options, async (t) => {
  const { one, cloud, disks } = await startInstances(t)
  const { id } = cloud.addVolume({ sizeGib: 1 })
  const image = disks.image({ id, sizeGib: 1 })
  const files = temporaryDirectory(t)
  writeFileSync(join(files, 'file'), 'text')
  run('mkfs.ext4', '-q', '-d', files, image)
  // Two files claim the same block, which is nothing that is repaired without asking.
  run('debugfs', '-w', '-R', 'set_inode_field <2> block[0] 1', image)
  run('debugfs', '-w', '-R', 'set_inode_field <2> mode 0100644', image)
  run('debugfs', '-w', '-R', 'set_super_value state 2', image)
  const before = digestOf(image)
  const volume = await one.create('crafted', { id })
  const failure = await failed(one.mount(volume))
  t.match(failure, { code: 'internal' })
  t.match(failure?.hint ?? '', /fsck/)
  t.notOk(existsSync(join(one.mountpointOf(volume), 'file')))
  t.equal(digestOf(image), before)
})

t.test('EB30 a disk that holds what nobody knows is refused and not touched', options, async (t) => {
  const { one, disks } = await startInstances(t)
  const volume = await one.create('raw', { size: '1G' })
  const image = disks.image({ id: volume.attributes['volume'] ?? '', sizeGib: 1 })
  const file = openSync(image, 'r+')
  writeSync(file, Buffer.from('a database of its own'), 0, 21, 2 ** 30 - 4096)
  closeSync(file)
  const before = digestOf(image)
  t.match(await failed(one.mount(volume)), { code: 'internal', message: /data of no known format: nothing is mounted/ })
  t.equal(digestOf(image), before)
})

t.test('EB15 a path that is another disk by the time of the mount is not mounted', options, async (t) => {
  const { one } = await startInstances(t)
  const [first, second] = [await one.create('first', { size: '1G' }), await one.create('second', { size: '1G' })]
  const [right, wrong] = [await one.attach(first), await one.attach(second)]
  if (right.kind !== 'filesystem' || wrong.kind !== 'filesystem') throw new Error('a volume of EBS is a disk')
  const mountpoint = one.mountpointOf(first)
  const swapped = { ...right, source: wrong.source, mountpoint }
  const failure = await failed(one.mounter.mount(swapped, one.journals.call(first)))
  t.match(failure, { code: 'internal', message: /is not the disk .* any more: it was unmounted again/ })
  t.notOk(existsSync(mountpoint))
  await one.mounter.mount({ ...right, mountpoint }, one.journals.call(first))
  t.ok(existsSync(join(mountpoint, '_data')))
  await one.unmount(first)
})
