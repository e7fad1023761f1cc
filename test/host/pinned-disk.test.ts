import { rmSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { ConvoyError } from '../../src/errors.js'
import { runProgram } from '../../src/host/exec.js'
import { PinnedDisk, type DiskProgram } from '../../src/host/pinned-disk.js'
import { FakeSysfs } from './fake-sysfs.js'

const serial = 'vol0123456789abcdef0'
const sizeBytes = 1024 * 1024

/** A file is no disk: its number is 0:0. That makes it one that the child can tell from others. */
function start(t: Test, shown: { readonly serial?: string; readonly serialIn?: 'device' | 'disk' } = { serial }) {
  const directory = t.testdir()
  const path = join(directory, 'disk')
  writeFileSync(path, '')
  truncateSync(path, sizeBytes)
  const sysfs = new FakeSysfs(join(directory, 'sys'))
  sysfs.add('nvme1n1', { number: '0:0', sizeBytes, ...shown })
  const device = { path, number: '0:0', sizeBytes }
  return { sysfs, deps: { run: runProgram, sysfs: sysfs.root }, device }
}

const echo: DiskProgram = { words: ['echo', 'it', 'runs'], timeoutMs: 20_000 }
const ran = { exitCode: 0, stdout: 'it runs\n' }

t.test('EB15 the program runs on the disk with that number, size and serial number', async (t) => {
  const { deps, device } = start(t)
  for (const wanted of [serial, 'vol-0123456789abcdef0', undefined])
    t.match(await new PinnedDisk(deps, device, wanted).run(echo, undefined), ran)
})

t.test('EB15 a serial number with a dash, or shown by the disk itself, is the same', async (t) => {
  const { deps, device } = start(t, { serial: ' vol-0123456789abcdef0 ', serialIn: 'disk' })
  t.match(await new PinnedDisk(deps, device, serial).run(echo, undefined), ran)
})

t.test('EB15 nothing runs on a disk with another serial number, or with none', async (t) => {
  const { deps, device } = start(t)
  const message = /is not the disk that it was: its serial number is 'vol0123456789abcdef0', not vol0f/
  const other = new PinnedDisk(deps, device, 'vol0ffffffffffffffff').run(echo, undefined)
  await t.rejects(other, { code: 'internal', message })
  const silent = start(t, {})
  await t.rejects(new PinnedDisk(silent.deps, silent.device, serial).run(echo, undefined), { code: 'internal' })
})

t.test('EB31 nothing runs on a disk with another number or size, or one that the kernel has given up', async (t) => {
  const { deps, device, sysfs } = start(t)
  const run = (is: object) => new PinnedDisk(deps, { ...device, ...is }, serial).run(echo, undefined)
  await t.rejects(run({ number: '259:4' }), { code: 'internal', message: /its number is 0:0, not 259:4/ })
  await t.rejects(run({ sizeBytes: 2 * sizeBytes }), { code: 'internal', message: /its sectors are 2048, not 4096/ })
  sysfs.remove('nvme1n1', '0:0')
  await t.rejects(run({}), { code: 'internal', message: /its sectors are gone/ })
})

t.test('EB30 a disk that cannot be opened is unavailable, and named', async (t) => {
  const { deps, device } = start(t)
  rmSync(device.path)
  const run = new PinnedDisk(deps, device, serial).run(echo, undefined)
  await t.rejects(run, { code: 'unavailable', message: /disk cannot be opened: .*No such file/ })
})

t.test('EB30 a disk that does not answer is told by its own name', async (t) => {
  const { device } = start(t)
  const run = () => Promise.reject(new ConvoyError('deadline-exceeded', 'setpriv did not end'))
  const message = `the disk ${device.path} did not answer echo in time`
  const disk = new PinnedDisk({ run, sysfs: '/sys' }, device, serial)
  await t.rejects(disk.run(echo, undefined), { code: 'deadline-exceeded', message })
})

t.test('a program finds the disk open, and what it says is told by the name of the disk', async (t) => {
  const { deps, device } = start(t)
  const disk = new PinnedDisk(deps, device, serial)
  const words = ['stat', '-L', '-c', '%s %n', '/proc/self/fd/3']
  const result = await disk.run({ words, timeoutMs: 20_000 }, undefined)
  t.equal(disk.complaint(result), `${sizeBytes} ${device.path}`)
  t.equal(disk.complaint({ exitCode: 1, stdout: '', stderr: 'odd \u001b[31m\n' }), 'odd ?[31m')
})
