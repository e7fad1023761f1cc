import { join } from 'node:path'
import t, { type Test } from 'tap'
import { SysfsDisks } from '../../src/host/sysfs-disks.js'
import { FakeSysfs } from './fake-sysfs.js'

const serial = 'vol0123456789abcdef0'

function start(t: Test) {
  const sysfs = new FakeSysfs(join(t.testdir(), 'sys'))
  return { sysfs, disks: new SysfsDisks(sysfs.root) }
}

t.test('EB14 a disk is found by its serial number, whatever it is called and whatever namespace it has', (t) => {
  const { sysfs, disks } = start(t)
  sysfs.add('nvme0n1', { number: '259:0', serial: 'vol0fffffffffffffff0' })
  sysfs.add('nvme3n2', { number: '259:4', serial: ` ${serial}  `, sizeBytes: 20 * 2 ** 30 })
  sysfs.add('vda', { number: '254:0', serial: 'vol-0aaaaaaaaaaaaaaaa', serialIn: 'disk' })
  sysfs.add('loop0', { number: '7:0' })
  const found = { path: '/dev/nvme3n2', number: '259:4', sizeBytes: 20 * 2 ** 30, serial }
  t.strictSame(disks.findBySerial(serial), found)
  t.strictSame(disks.findBySerial('vol-0123456789abcdef0'), found)
  t.match(disks.findBySerial('vol0aaaaaaaaaaaaaaaa'), { path: '/dev/vda', serial: 'vol0aaaaaaaaaaaaaaaa' })
  t.equal(disks.findBySerial('vol0123456789abcdef'), undefined)
  t.end()
})

t.test('EB14 the hidden paths of an NVMe disk, and disks that are about to come, are not disks', (t) => {
  const { sysfs, disks } = start(t)
  sysfs.add('nvme0c0n1', { serial })
  sysfs.add('nvme0c1n1', { number: '259:7', serial, hidden: '1' })
  sysfs.add('nvme1n1', { number: '259:8', serial, sizeBytes: 0 })
  t.equal(disks.findBySerial(serial), undefined)
  sysfs.add('nvme0n1', { number: '259:1', serial, hidden: '0' })
  t.match(disks.findBySerial(serial), { path: '/dev/nvme0n1' })
  t.end()
})

t.test('S12 only a plain name of the kernel becomes a path', (t) => {
  const { sysfs, disks } = start(t)
  const names = ['cciss!c0d0', 'a b', '..x', 'dm-0', 'A1']
  for (const [index, name] of names.entries()) sysfs.add(name, { number: `9:${index}`, serial })
  t.equal(disks.findBySerial(serial), undefined)
  t.end()
})

t.test('EB15 two disks with one serial number are refused, both named', (t) => {
  const { sysfs, disks } = start(t)
  sysfs.add('nvme1n1', { number: '259:1', serial })
  sysfs.add('nvme1n2', { number: '259:2', serial })
  t.throws(() => disks.findBySerial(serial), { code: 'internal', message: /\/dev\/nvme1n1, \/dev\/nvme1n2/ })
  t.end()
})

t.test('EB15 no serial number is no wish for a disk without one', (t) => {
  const { sysfs, disks } = start(t)
  sysfs.add('sda', { number: '8:0', serial: '  ' })
  for (const empty of ['', ' ']) t.throws(() => disks.findBySerial(empty), { code: 'invalid-argument' })
  t.end()
})

t.test('EB14 a list of disks that cannot be read is an error and not an absence', (t) => {
  const disks = new SysfsDisks(join(t.testdir(), 'nothing'))
  t.throws(() => disks.findBySerial(serial), { code: 'unavailable' })
  t.end()
})

t.test('EB14 on Xen the disk is called by the letters of the name that EC2 gave it', (t) => {
  const { sysfs, disks } = start(t)
  sysfs.add('xvda', { number: '202:0' })
  sysfs.add('xvdf', { number: '202:80' })
  sysfs.add('sdf', { number: '8:80' })
  sysfs.add('xvdba', { number: '202:13' })
  for (const name of ['/dev/sdf', '/dev/xvdf', 'xvdf'])
    t.strictSame(disks.findByName(name), { path: '/dev/xvdf', number: '202:80', sizeBytes: 2 ** 30 })
  t.match(disks.findByName('/dev/xvdba'), { number: '202:13' })
  for (const name of [
    '/dev/sdg',
    '/dev/sda',
    '/dev/xvda',
    '/dev/sda1',
    '/dev/../xvdf',
    '/dev/xvdf ',
    '/dev/nvme0n1',
    '',
  ])
    t.equal(disks.findByName(name), undefined, name)
  t.end()
})

t.test('EB36 a disk is gone when its number is free or another disk has it', (t) => {
  const { sysfs, disks } = start(t)
  sysfs.add('nvme1n1', { number: '259:1', serial })
  const disk = disks.findBySerial(serial) ?? t.fail('no disk')
  if (typeof disk === 'boolean') return t.end()
  t.ok(disks.has(disk))
  sysfs.remove('nvme1n1', '259:1')
  t.notOk(disks.has(disk))
  sysfs.add('nvme2n1', { number: '259:1', serial })
  t.notOk(disks.has(disk), 'another name')
  sysfs.remove('nvme2n1', '259:1')
  sysfs.add('nvme1n1', { number: '259:1', serial: 'vol0fffffffffffffff0' })
  t.notOk(disks.has(disk), 'another serial number')
  sysfs.remove('nvme1n1', '259:1')
  sysfs.add('nvme1n1', { number: '259:1' })
  t.ok(disks.has(disk), 'a serial number that cannot be read')
  t.end()
})
