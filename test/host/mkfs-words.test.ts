import t from 'tap'
import type { FsType } from '../../src/host/block-devices.js'
import { mkfsWords } from '../../src/host/mkfs-words.js'

const files = { configuration: '/state/mkfs-1/mke2fs.conf' }
const usage = '[-m crc=0|1,finobt=0|1,rmapbt=0|1,reflink=0|1,\n inobtcount=0|1,bigtime=0|1] [-i sparse=0|1,nrext64=0|1]'
const words = (fsType: FsType, mkfsOptions: readonly string[] = [], says = usage, made: object = {}) =>
  mkfsWords({ serial: 'vol1', fsType, mkfsOptions }, { ...files, ...made }, says).join(' ')

t.test('EB35 ext4 is made on the open disk, with what it shall hold', (t) => {
  t.equal(words('ext4', ['-m', '1']), 'mkfs.ext4 -q -m 1 /proc/self/fd/3')
  t.equal(words('ext4', [], '', { tree: '/state/mkfs-1/root' }), 'mkfs.ext4 -q -d /state/mkfs-1/root /proc/self/fd/3')
  t.end()
})

t.test('EB35 features of xfs are those of old kernels, as far as mkfs knows them', (t) => {
  t.equal(
    words('xfs', [], usage, { prototype: '/state/p' }),
    'mkfs.xfs -q -K -m crc=1 -m finobt=1 -m reflink=1 -m rmapbt=0 -m inobtcount=0 -m bigtime=0 -i sparse=1 -i nrext64=0 -p /state/p /proc/self/fd/3',
  )
  t.equal(words('xfs', [], '[-m crc=0|1]'), 'mkfs.xfs -q -K -m crc=1 /proc/self/fd/3')
  t.match(words('xfs', [], '[-n parent=0|1]'), '-n parent=0')
  t.end()
})

t.test('EB35 whoever wants another feature of xfs gets it', (t) => {
  const chosen = words('xfs', ['-m', 'bigtime=1,reflink=0'])
  t.notMatch(chosen, /bigtime=0|reflink=1/)
  t.match(chosen, '-m bigtime=1,reflink=0 /proc/self/fd/3')
  t.match(chosen, '-m inobtcount=0')
  t.end()
})

t.test('EB31 mkfs is never forced, and never led to another disk', (t) => {
  const refused = {
    xfs: ['-f', '-Kf', '-N', '-p', '-dname=/dev/sda', '/dev/sda'],
    ext4: ['-F', '-vF', '-n', '-S', '-d', 'device=/dev/sda', '/dev/sda'],
  }
  for (const fsType of ['xfs', 'ext4'] as const)
    for (const word of refused[fsType])
      t.throws(() => words(fsType, [word]), { code: 'invalid-argument', message: JSON.stringify(word) }, word)
  t.end()
})
