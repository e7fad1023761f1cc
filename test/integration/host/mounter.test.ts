import { existsSync, lstatSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { runProgram } from '../../../src/host/exec.js'
import { countMounts, readMountTable } from '../../../src/host/mount-table.js'
import { SystemMounter } from '../../../src/host/mounter.js'
import { requirements } from '../requirements.js'
import { background, end, inMountNamespace, loopDevice, quietCall, run, temporaryDirectory } from './mount-fixtures.js'

const options = requirements(t, {
  root: true,
  commands: ['mount', 'umount', 'mkfs.ext4', 'losetup', 'unshare'],
  filesystems: ['ext4', 'tmpfs'],
  paths: ['/dev/loop-control'],
})
const call = quietCall()

t.test('a disk is mounted, with nosuid and nodev, and unmounted again', options, async (t) => {
  const directory = temporaryDirectory(t)
  const source = loopDevice(t, directory)
  const mountpoint = join(directory, 'mnt/vol1')
  const mounter = new SystemMounter()
  const request = { source, fsType: 'ext4', options: ['noatime'], mountpoint }
  await mounter.mount(request, call)
  t.match((await mounter.mountsBelow(mountpoint)).at(-1), { source, fsType: 'ext4', root: '/' })
  const [entry] = await mounter.mountsBelow(mountpoint)
  for (const option of ['noatime', 'nosuid', 'nodev']) t.ok(entry?.options.includes(option), option)
  writeFileSync(join(mountpoint, 'data'), 'on the disk')
  await mounter.mount(request, call)
  t.equal(countMounts(await readMountTable(), mountpoint), 1, 'a repeated mount mounts nothing')
  t.strictSame(await mounter.unmount(mountpoint, call), { lazily: false })
  t.notOk(existsSync(mountpoint))
  await mounter.mount(request, call)
  t.equal(readFileSync(join(mountpoint, 'data'), 'utf8'), 'on the disk')
  await mounter.unmount(mountpoint, call)
  t.strictSame(await mounter.unmount(mountpoint, call), { lazily: false })
})

t.test(
  'what is sealed cannot be written while nothing is mounted, not even by root, and goes at the end',
  options,
  async (t) => {
    const directory = temporaryDirectory(t)
    const mountpoint = join(directory, 'mnt/share')
    const file = join(mountpoint, 'file')
    const mounter = new SystemMounter()
    const request = { source: '/dev/no-such-disk', fsType: 'ext4', options: [], mountpoint, isSealed: true }
    await t.rejects(mounter.mount(request, call), { code: 'unavailable' })
    t.throws(() => writeFileSync(file, 'lost'), { code: 'EPERM' })
    const there = { ...request, source: loopDevice(t, directory) }
    await mounter.mount(there, call)
    writeFileSync(file, 'on the disk')
    run('umount', mountpoint)
    t.throws(() => writeFileSync(file, 'lost'), { code: 'EPERM' })
    await mounter.mount(there, call)
    t.equal(readFileSync(file, 'utf8'), 'on the disk')
    await mounter.unmount(mountpoint, call)
    t.notOk(existsSync(mountpoint))
  },
)

t.test('a disk is recognised by any of its names', options, async (t) => {
  const directory = temporaryDirectory(t)
  const device = loopDevice(t, directory)
  const link = `/dev/convoy-test-${process.pid}`
  symlinkSync(device, link)
  t.teardown(() => run('rm', '-f', link))
  const mountpoint = join(directory, 'vol1')
  const mounter = new SystemMounter()
  const request = { source: link, fsType: 'ext4', options: [], mountpoint }
  await mounter.mount(request, call)
  await mounter.mount(request, call)
  t.equal(countMounts(await readMountTable(), mountpoint), 1)
  const other = loopDevice(t, directory)
  await t.rejects(mounter.mount({ ...request, source: other }, call), { code: 'in-use' })
})

t.test('a mount that fails leaves a closed directory, and says what the kernel says', options, async (t) => {
  const directory = temporaryDirectory(t)
  const mountpoint = join(directory, 'vol1')
  const mounter = new SystemMounter()
  const request = { source: '/dev/no-such-disk', fsType: 'ext4', options: [], mountpoint }
  await t.rejects(mounter.mount(request, call), { code: 'unavailable', message: /does not exist/ })
  t.equal(lstatSync(mountpoint).mode & 0o7777, 0)
  const source = loopDevice(t, directory)
  await t.rejects(mounter.mount({ ...request, source, options: ['bogus=1'] }, call), { code: 'invalid-argument' })
  await t.rejects(mounter.mount({ ...request, fsType: 'qnxfs' }, call), { code: 'unsupported' })
  await mounter.mount({ ...request, source }, call)
})

t.test('nobody but root can write below a mountpoint where nothing is mounted', options, async (t) => {
  const directory = temporaryDirectory(t)
  const mountpoint = join(directory, 'vol1')
  run('chmod', '0755', directory)
  await t.rejects(
    new SystemMounter().mount({ source: '/dev/no-such-disk', fsType: 'ext4', options: [], mountpoint }, call),
  )
  const nobody = ['--reuid=65534', '--regid=65534', '--clear-groups', '--']
  t.throws(() => run('setpriv', ...nobody, 'touch', join(mountpoint, 'file')), /Permission denied/)
})

t.test('a disk that is in use on this host stays mounted', options, async (t) => {
  const directory = temporaryDirectory(t)
  const mountpoint = join(directory, 'vol1')
  const mounter = new SystemMounter()
  await mounter.mount({ source: loopDevice(t, directory), fsType: 'ext4', options: [], mountpoint }, call)
  const user = await background(t, 'sh', ['-c', `cd ${mountpoint}; echo ready; exec sleep 60`])
  await t.rejects(mounter.unmount(mountpoint, call), { code: 'in-use', message: /busy/ })
  t.equal((await mounter.mountsBelow(mountpoint)).length, 1)
  await end(user)
  await mounter.unmount(mountpoint, call)
  t.same(await mounter.mountsBelow(mountpoint), [])
})

t.test('the host unmounts although another namespace goes on using the disk', options, async (t) => {
  const directory = temporaryDirectory(t)
  const mountpoint = join(directory, 'vol1')
  const mounter = new SystemMounter()
  await mounter.mount({ source: loopDevice(t, directory), fsType: 'ext4', options: [], mountpoint }, call)
  await inMountNamespace(t, 'echo ready; exec sleep 60')
  t.strictSame(await mounter.unmount(mountpoint, call), { lazily: false })
})

t.test('mounts on one path are all unwound', options, async (t) => {
  const directory = temporaryDirectory(t)
  const mountpoint = join(directory, 'vol 1')
  const mounter = new SystemMounter()
  await mounter.mount({ source: 'one', fsType: 'tmpfs', options: ['size=64k'], mountpoint }, call)
  run('mount', '-t', 'tmpfs', 'two', mountpoint)
  run('mount', '-t', 'tmpfs', 'three', mountpoint)
  t.match((await mounter.mountsBelow(mountpoint)).at(-1), { source: 'three' })
  t.equal(countMounts(await readMountTable(), mountpoint), 3)
  await mounter.unmount(mountpoint, call)
  t.equal(countMounts(await readMountTable(), mountpoint), 0)
  t.notOk(existsSync(mountpoint))
})

t.test('an unmount that hangs becomes a lazy one', options, async (t) => {
  const directory = temporaryDirectory(t)
  const mountpoint = join(directory, 'vol1')
  let calls = 0
  const run: typeof runProgram = (program, args, more) => {
    if (program === 'umount' && (calls += 1) === 1) return runProgram('sleep', ['60'], more)
    return runProgram(program, args, more)
  }
  const mounter = new SystemMounter({ run, unmountTimeoutMs: 300 })
  await mounter.mount({ source: loopDevice(t, directory), fsType: 'ext4', options: [], mountpoint }, call)
  await background(t, 'sh', ['-c', `cd ${mountpoint}; echo ready; exec sleep 60`])
  t.strictSame(await mounter.unmount(mountpoint, call), { lazily: true })
  t.same(await mounter.mountsBelow(mountpoint), [])
})

const fuse = requirements(t, { root: true, commands: ['mount', 'bash'], filesystems: ['fuse'], paths: ['/dev/fuse'] })

t.test('a file system that answers nothing is found, refused and unmounted without a wait', fuse, async (t) => {
  const directory = temporaryDirectory(t)
  const mountpoint = join(directory, 'vol1')
  run('mkdir', mountpoint)
  // Opens the FUSE device, mounts it and never reads a request.
  const script = `exec 3<>/dev/fuse
    mount -i -t fuse -o fd=3,rootmode=40000,user_id=0,group_id=0 hung ${mountpoint} && echo ready; exec sleep 60`
  await background(t, 'bash', ['-c', script])
  const mounter = new SystemMounter({ unmountTimeoutMs: 10_000 })
  const startedAt = performance.now()
  t.match((await mounter.mountsBelow(mountpoint)).at(-1), { source: 'hung', fsType: 'fuse' })
  await t.rejects(mounter.mount({ source: 'a', fsType: 'tmpfs', options: [], mountpoint }, call), { code: 'in-use' })
  t.strictSame(await mounter.unmount(mountpoint, call), { lazily: false })
  t.ok(performance.now() - startedAt < 5000)
  t.notOk(existsSync(mountpoint))
})
