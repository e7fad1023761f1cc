import { randomBytes } from 'node:crypto'
import {
  closeSync,
  constants,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  statSync,
  truncateSync,
} from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { FsType, RootDirectory } from '../../../src/host/block-devices.js'
import { runProgram } from '../../../src/host/exec.js'
import { PinnedDisk } from '../../../src/host/pinned-disk.js'
import { SystemBlockDevices } from '../../../src/host/system-block-devices.js'
import { requirements } from '../requirements.js'
import { LoopDisk, loopSerial as serial } from './loop-disk.js'
import { quietCall, run } from './mount-fixtures.js'

const options = requirements(t, {
  root: true,
  commands: ['losetup', 'mkfs.ext4', 'mkfs.xfs', 'e2fsck', 'debugfs', 'blkid', 'cmp', 'mkswap', 'mount'],
  filesystems: ['ext4', 'xfs'],
  paths: ['/dev/loop-control'],
})
const call = quietCall()
const mebibyte = 2 ** 20

function start(t: Test, mebibytes = 64) {
  const disk = new LoopDisk(t, mebibytes)
  const devices = new SystemBlockDevices({ workDirectory: disk.workDirectory, sysfs: disk.sysfs.root })
  const format = (fsType: FsType, root?: RootDirectory) =>
    devices.format(disk.device, { serial, fsType, mkfsOptions: [], ...(root && { root }) }, call)
  return { disk, devices, format, examine: () => devices.examine(disk.device, call) }
}

function mount(disk: LoopDisk, fsType: FsType): string {
  const mountpoint = join(disk.directory, 'mounted')
  mkdirSync(mountpoint, { recursive: true })
  run('mount', '-t', fsType, disk.device.path, mountpoint)
  return mountpoint
}

function superblock(disk: LoopDisk): Buffer {
  const bytes = Buffer.alloc(1024)
  const file = openSync(disk.device.path, 'r')
  readSync(file, bytes, 0, 1024, 1024)
  closeSync(file)
  return bytes
}

/** Of a physical volume of LVM, with the checksum that blkid asks for. */
function lvmLabel(): Buffer {
  const label = Buffer.alloc(512)
  label.write('LABELONE')
  label.writeBigUInt64LE(1n, 8)
  label.writeUInt32LE(32, 20)
  label.write('LVM2 001', 24)
  label.write('a'.repeat(32), 32)
  let checksum = 0xf597a6cf
  for (const byte of label.subarray(20)) {
    checksum ^= byte
    for (let bit = 0; bit < 8; bit++) checksum = (checksum >>> 1) ^ ((checksum & 1) === 0 ? 0 : 0xedb88320)
  }
  label.writeUInt32LE(checksum >>> 0, 16)
  return label
}

t.test('EB14 EB15 a disk is found and verified, and another is refused', options, async (t) => {
  const { disk, devices } = start(t)
  t.strictSame(await devices.findBySerial(serial), disk.device)
  await devices.verify(disk.device, serial, call)
  const other = new LoopDisk(t)
  await t.rejects(devices.verify({ ...disk.device, path: other.device.path }, serial, call), { code: 'internal' })
  await t.rejects(devices.verify(disk.device, 'vol0ffffffffffffffff', call), { code: 'internal' })
})

t.test('EB31 the kernel itself shows the size of the disk, and that it has gone', options, async (t) => {
  const { disk } = start(t)
  const { path, number, sizeBytes } = disk.device
  const device = { path, number, sizeBytes }
  const devices = new SystemBlockDevices({ workDirectory: disk.workDirectory })
  t.equal(await devices.findBySerial(serial), undefined)
  t.strictSame(await devices.examine(device, call), { kind: 'blank' })
  run('losetup', '-d', device.path)
  await t.rejects(devices.examine(device, call), { code: 'internal', message: /its sectors are 0, not 131072/ })
  await t.rejects(devices.examine({ ...device, path: '/dev/no-such-disk' }, call), { code: 'unavailable' })
})

t.test('EB30 a disk of zeros is blank, also a small one', options, async (t) => {
  t.strictSame(await start(t).examine(), { kind: 'blank' })
  t.strictSame(await start(t, 10).examine(), { kind: 'blank' })
  t.strictSame(await start(t, 24).examine(), { kind: 'blank' })
})

t.test('EB30 one byte anywhere in the first or last 16 MiB makes a disk not blank', options, async (t) => {
  for (const offset of [0, 3 * mebibyte, 16 * mebibyte - 1, 48 * mebibyte, 56 * mebibyte, 64 * mebibyte - 1]) {
    const { disk, examine, format } = start(t)
    disk.write('x', offset)
    t.strictSame(await examine(), { kind: 'unknown', description: 'data of no known format' }, String(offset))
    await t.rejects(format('ext4'), { code: 'internal' })
  }
})

t.test('EB30 a disk whose end or beginning cannot be read is not blank', options, async (t) => {
  for (const kept of [50 * mebibyte, 48 * mebibyte, 20 * mebibyte, 8192, 0]) {
    const { disk, examine, format } = start(t)
    truncateSync(disk.image, kept)
    await t.rejects(examine(), { code: 'unavailable' }, String(kept))
    await t.rejects(format('ext4'), { code: 'unavailable' })
  }
})

t.test('EB30 EB32 what other programs put on a disk is seen and left alone', options, async (t) => {
  const partitions = Buffer.alloc(512)
  partitions.set([0x80, 0, 2, 0, 0x83, 0, 0, 0, 0, 8, 0, 0, 0, 8, 0, 0], 446)
  partitions.set([0x55, 0xaa], 510)
  const luks = Buffer.concat([Buffer.from('LUKS\xba\xbe\0\x01', 'latin1'), Buffer.alloc(200), randomBytes(400)])
  const cases: readonly (readonly [Buffer, number, RegExp])[] = [
    [lvmLabel(), 512, /a member of a group of disks \(LVM2_member\)/],
    [partitions, 0, /a partition table \(dos\)/],
    [luks, 0, /crypto_LUKS/],
    [randomBytes(4096), 0, /no known format/],
  ]
  for (const [bytes, offset, description] of cases) {
    const { disk, examine, format } = start(t)
    disk.write(bytes, offset)
    t.match(await examine(), { kind: 'unknown', description })
    await t.rejects(format('xfs'), { code: 'internal', message: /is not blank/ })
  }
})

t.test(
  'EB31 the process that becomes mkfs reads the disk once more, and goes no further when it is not blank',
  options,
  async (t) => {
    const program = { words: ['echo', 'made'], timeoutMs: 20_000, needsBlank: true } as const
    const run = (disk: LoopDisk) =>
      new PinnedDisk({ run: runProgram, sysfs: disk.sysfs.root }, disk.device, serial).run(program, call)
    const written = new LoopDisk(t)
    t.match(await run(written), { exitCode: 0, stdout: 'made\n' })
    written.write('x', 60 * mebibyte)
    const message = /does not read as blank any more/
    await t.rejects(run(written), { code: 'internal', message })
    const unreadable = new LoopDisk(t)
    truncateSync(unreadable.image, 50 * mebibyte)
    await t.rejects(run(unreadable), { code: 'internal', message })
  },
)

t.test('EB30 swap space is not blank', options, async (t) => {
  const { disk, examine } = start(t)
  run('mkswap', disk.device.path)
  t.strictSame(await examine(), { kind: 'unknown', description: 'a signature (swap)' })
})

t.test('EB32 a file system is told by its name, of any type', options, async (t) => {
  const ext4 = start(t)
  run('mkfs.ext4', '-q', '-L', 'pg data', ext4.disk.device.path)
  t.match(await ext4.examine(), { kind: 'file-system', fsType: 'ext4', label: 'pg data' })
  await t.rejects(ext4.format('ext4'), { code: 'internal', message: /a file system \(ext4\)/ })
  const xfs = start(t, 320)
  run('mkfs.xfs', '-q', xfs.disk.device.path)
  t.match(await xfs.examine(), { kind: 'file-system', fsType: 'xfs' })
  await t.rejects(xfs.format('xfs'), { code: 'internal', message: /a file system \(xfs\)/ })
})

t.test('EB32 a btrfs, whose mark lies 64 KiB into the disk, is not blank', options, async (t) => {
  const { disk, examine } = start(t)
  disk.write('_BHRfS_M', 65536 + 64)
  t.not((await examine()).kind, 'blank')
})

t.test(
  'EB31 EB35 a new ext4 holds the directory with its owner, and features of old kernels only',
  options,
  async (t) => {
    const { disk, devices, format, examine } = start(t)
    await format('ext4', { directory: '_data', uid: 70, gid: 4_000_000_000, mode: 0o1770 })
    t.match(await examine(), { kind: 'file-system', fsType: 'ext4' })
    await devices.check(disk.device, 'ext4', call)
    // Bits of compat, incompat and ro_compat features: neither orphan_file nor metadata_csum_seed, nor any that is newer.
    const bytes = superblock(disk)
    const features = [92, 96, 100].map((offset) => bytes.readUInt32LE(offset))
    t.strictSame(features, [0x3c, 0x2c2, 0x46b])
    const mountpoint = mount(disk, 'ext4')
    t.strictSame(readdirSync(mountpoint), ['_data', 'lost+found'])
    t.match(statSync(join(mountpoint, '_data')), { uid: 70, gid: 4_000_000_000, mode: 0o41770 })
    t.match(statSync(mountpoint), { uid: 0, gid: 0, mode: 0o40755 })
    t.strictSame(readdirSync(disk.workDirectory), [])
  },
)

t.test(
  'EB31 EB35 a new xfs holds the directory with its owner, and features of old kernels only',
  options,
  async (t) => {
    const { disk, devices, format, examine } = start(t, 320)
    await format('xfs', { directory: '_data', uid: 999, gid: 4_000_000_000, mode: 0o2750 })
    t.match(await examine(), { kind: 'file-system', fsType: 'xfs' })
    await devices.check(disk.device, 'xfs', call)
    const mountpoint = mount(disk, 'xfs')
    t.strictSame(readdirSync(mountpoint), ['_data'])
    t.match(statSync(join(mountpoint, '_data')), { uid: 999, gid: 4_000_000_000, mode: 0o42750 })
    const about = run('xfs_info', mountpoint)
    t.match(about, /rmapbt=0[^]*bigtime=0 inobtcount=0 nrext64=0/)
  },
)

t.test('EB31 a disk that somebody else claims is not formatted', options, async (t) => {
  for (const fsType of ['ext4', 'xfs'] as const) {
    const { disk, format, examine } = start(t, 320)
    const claim = openSync(disk.device.path, constants.O_RDWR | constants.O_EXCL)
    await t.rejects(format(fsType), { code: 'internal', message: /mkfs\.\w+ failed/ })
    t.strictSame(await examine(), { kind: 'blank' })
    closeSync(claim)
    await format(fsType)
    t.match(await examine(), { kind: 'file-system', fsType })
  }
})

t.test('EB33 a dirty ext4 is mended, and one that needs a person is refused', options, async (t) => {
  const { disk, devices, format } = start(t)
  await format('ext4', { directory: '_data', uid: 0, gid: 0, mode: 0o755 })
  const { path } = disk.device
  const warned: object[] = []
  const telling = { ...call, log: { ...call.log, warn: (fields: object) => warned.push(fields) } }
  run('debugfs', '-w', '-R', 'set_super_value state 2', path)
  await devices.check(disk.device, 'ext4', telling)
  t.equal(warned.length, 1)
  t.equal(superblock(disk).readUInt16LE(58) & 3, 1, 'the file system is marked clean')
  run('debugfs', '-w', '-R', 'clri <2>', path)
  run('debugfs', '-w', '-R', 'set_super_value state 2', path)
  await t.rejects(devices.check(disk.device, 'ext4', call), {
    code: 'internal',
    hint: new RegExp(`e2fsck -f ${path}$`),
  })
})

t.test('EB31 a child that works on a disk does not leave a mark on what it refuses', options, async (t) => {
  const { disk, format } = start(t)
  disk.write('x', 60 * mebibyte)
  const before = readFileSync(disk.image)
  await t.rejects(format('ext4'), { code: 'internal' })
  t.ok(before.equals(readFileSync(disk.image)))
})
