import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { ConvoyError } from '../../src/errors.js'
import type { FormatRequest } from '../../src/host/block-devices.js'
import type { ProgramOptions, ProgramResult } from '../../src/host/exec.js'
import { SystemBlockDevices, type SystemBlockDevicesDeps } from '../../src/host/system-block-devices.js'
import { quietCall } from '../integration/host/mount-fixtures.js'
import { FakeSysfs } from './fake-sysfs.js'

const serial = 'vol0123456789abcdef0'
const device = { path: '/dev/nvme1n1', number: '259:1', sizeBytes: 2 ** 30, serial }
const request: FormatRequest = { serial, fsType: 'ext4', mkfsOptions: [] }
const result = (exitCode: number, stdout = '', stderr = ''): ProgramResult => ({ exitCode, stdout, stderr })
const ext4 = result(0, 'TYPE=ext4\nUSAGE=filesystem\n')
const xfs = result(0, 'TYPE=xfs\nUSAGE=filesystem\n')

/** A disk behind the programs that work on it. */
class FakeDisk {
  content = result(2)
  ends = result(0)
  /** What mkfs does: its own result, and what is on the disk then. */
  mkfs = { result: result(0), leaves: ext4 }
  readonly ran: { readonly words: string; readonly blank: boolean; readonly options: ProgramOptions }[] = []

  readonly run = (program: string, args: readonly string[], options: ProgramOptions): Promise<ProgramResult> => {
    if (program.includes('mkfs.')) return Promise.resolve(result(1, '', '[-m bigtime=0|1]'))
    const about = args.slice(args.indexOf('disk') + 1)
    const words = about.slice(6)
    this.ran.push({ words: words.join(' '), blank: about[5] === 'blank', options })
    return Promise.resolve(this.#answer(words[0] ?? ''))
  }

  #answer(program: string): ProgramResult {
    if (program === 'blkid') return this.content
    if (program === 'both_ends') return this.ends
    if (program === 'true') return result(0)
    this.content = this.mkfs.leaves
    return this.mkfs.result
  }

  get programs(): readonly string[] {
    return this.ran.map(({ words }) => words.split(' ')[0] ?? '')
  }
}

function start(t: Test, more: Partial<SystemBlockDevicesDeps> = {}) {
  const directory = t.testdir({ work: {} })
  const sysfs = new FakeSysfs(join(directory, 'sys'))
  const disk = new FakeDisk()
  const workDirectory = join(directory, 'work')
  const deps = { workDirectory, sysfs: sysfs.root, run: disk.run, findProgram: (name: string) => name, ...more }
  return { sysfs, disk, workDirectory, devices: new SystemBlockDevices(deps) }
}

t.test('EB30 a blank disk gets a file system by a mkfs that looks at it once more', async (t) => {
  const { disk, devices, workDirectory } = start(t)
  await devices.format(device, request, quietCall())
  t.strictSame(disk.programs, ['blkid', 'both_ends', 'mkfs.ext4', 'blkid'])
  t.match(disk.ran[2], {
    words: 'mkfs.ext4 -q /proc/self/fd/3',
    blank: true,
    options: { env: { MKE2FS_CONFIG: /mkfs-/ } },
  })
  t.strictSame(readdirSync(workDirectory), [])
})

t.test('EB30 a mkfs under way is not stopped by the caller, but none begins for a caller who has gone', async (t) => {
  const { disk, devices } = start(t)
  await devices.format(device, request, quietCall())
  t.equal(disk.ran[2]?.options.signal, undefined)
  const late = start(t)
  const call = { ...quietCall(), signal: AbortSignal.abort() }
  await t.rejects(late.devices.format(device, request, call), { code: 'deadline-exceeded' })
  t.strictSame(late.disk.programs, ['blkid', 'both_ends'])
})

t.test('EB30 nothing is made on a disk that holds anything or cannot be read', async (t) => {
  const { disk, devices } = start(t)
  const format = () => devices.format(device, request, quietCall())
  disk.content = xfs
  await t.rejects(format(), { code: 'internal', message: /is not blank: it holds a file system \(xfs\)/ })
  disk.content = result(8)
  await t.rejects(format(), { code: 'internal', message: /is not blank: it holds signatures of several/ })
  disk.content = result(2)
  disk.ends = result(1, '- /dev/zero differ: byte 1, line 1\n')
  await t.rejects(format(), { code: 'internal', message: /is not blank: it holds data of no known format/ })
  disk.ends = result(1, '', 'cmp: EOF on - which is empty\n')
  await t.rejects(format(), { code: 'unavailable' })
  t.notOk(disk.programs.includes('mkfs.ext4'))
})

t.test('EB31 a disk that changes right before mkfs is left alone', async (t) => {
  for (const [code, message] of [
    [201, /is not the disk that it was: why/],
    [202, /does not read as blank any more.*: why/],
  ] as const) {
    const { disk, devices } = start(t)
    disk.mkfs = { result: result(code, '', 'why\n'), leaves: result(2) }
    await t.rejects(devices.format(device, request, quietCall()), { code: 'internal', message })
  }
})

t.test('EB30 mkfs that fails, or leaves something else, is an error', async (t) => {
  const { disk, devices } = start(t)
  disk.mkfs = { result: result(1, '', 'mkfs.ext4: /proc/self/fd/3 is in use\n'), leaves: result(2) }
  const options = { ...request, mkfsOptions: ['-m', '1'] }
  await t.rejects(devices.format(device, options, quietCall()), {
    code: 'internal',
    message: 'mkfs.ext4 failed on /dev/nvme1n1: mkfs.ext4: /dev/nvme1n1 is in use',
    hint: /-m 1$/,
  })
  disk.mkfs = { result: result(0), leaves: xfs }
  const message = 'mkfs.ext4 left no ext4 on /dev/nvme1n1, but a file system (xfs)'
  await t.rejects(devices.format(device, request, quietCall()), { code: 'internal', message })
})

t.test('EB35 mkfs.xfs is asked which features it knows', async (t) => {
  const { disk, devices } = start(t)
  disk.mkfs.leaves = xfs
  await devices.format(device, { ...request, fsType: 'xfs' }, quietCall())
  t.equal(disk.ran[2]?.words, 'mkfs.xfs -q -K -m bigtime=0 /proc/self/fd/3')
})

t.test('EB15 only a disk of Xen is taken without a serial number', async (t) => {
  const { disk, devices } = start(t)
  await devices.verify(device, serial, quietCall())
  await devices.verify({ ...device, path: '/dev/xvdf' }, undefined, quietCall())
  t.strictSame(disk.programs, ['true', 'true'])
  await t.rejects(devices.verify(device, undefined, quietCall()), { code: 'internal' })
  const blind = devices.format(device, { ...request, serial: undefined }, quietCall())
  await t.rejects(blind, { code: 'internal' })
  t.equal(disk.ran.length, 2)
})

t.test('EB33 xfs is left to the mount, and a missing program is named before anything is done', async (t) => {
  const findProgram = (name: string): string => {
    throw new ConvoyError('unsupported', `the program ${name} is not installed on this host`)
  }
  const { disk, devices } = start(t, { findProgram })
  await devices.check(device, 'xfs', quietCall())
  await t.rejects(devices.check(device, 'ext4', quietCall()), { code: 'unsupported', message: /e2fsck/ })
  await t.rejects(devices.format(device, request, quietCall()), { code: 'unsupported', message: /mkfs\.ext4/ })
  await t.rejects(devices.examine(device, quietCall()), { code: 'unsupported', message: /blkid/ })
  t.strictSame(disk.programs, [])
})

t.test('EB16 whoever waits for a disk gets it when it comes, and an error when the time is over', async (t) => {
  let looks = 0
  const pause = () => {
    looks += 1
    if (looks === 3) sysfs.add('nvme1n1', { number: '259:1', serial })
    return Promise.resolve()
  }
  const { sysfs, devices } = start(t, { pause })
  const { signal } = quietCall()
  const both = await Promise.all([
    devices.untilThere(serial, signal),
    devices.untilThere('vol-0123456789abcdef0', signal),
  ])
  t.strictSame(both, [device, device])
  t.equal(looks, 3, 'who waits together looks together')
  const never = devices.untilThere('vol0ffffffffffffffff', AbortSignal.abort())
  await t.rejects(never, { code: 'deadline-exceeded', message: /no disk with the serial number vol0f+ came up/ })
})

t.test('EB36 whoever waits for a disk to go is told when it has gone', async (t) => {
  let looks = 0
  const pause = () => {
    looks += 1
    if (looks === 3) sysfs.remove('nvme1n1', '259:1')
    return Promise.resolve()
  }
  const { sysfs, devices } = start(t, { pause })
  sysfs.add('nvme1n1', { number: '259:1', serial })
  t.strictSame(await devices.findBySerial(serial), device)
  await t.rejects(devices.untilGone(device, AbortSignal.abort()), { code: 'deadline-exceeded', message: /still there/ })
  await devices.untilGone(device, quietCall().signal)
  t.equal(looks, 3)
  t.equal(await devices.findByName('/dev/sdf'), undefined)
})
