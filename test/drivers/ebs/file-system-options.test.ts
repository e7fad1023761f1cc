import fc from 'fast-check'
import t from 'tap'
import {
  parseDiskMountOptions,
  parseMkfsOptions,
  refuseMkfsOptionsOfOthers,
  refuseOptionsOfOthers,
} from '../../../src/drivers/ebs/file-system-options.js'
import { ConvoyError } from '../../../src/errors.js'

const refused = { code: 'invalid-argument' }

t.test('mount options that may be given', async (t) => {
  t.same(parseDiskMountOptions('noatime, commit=30,data=journal'), ['noatime', 'commit=30', 'data=journal'])
  t.same(parseDiskMountOptions('ro,allocsize=64k,logbsize=256k,inode64'), [
    'ro',
    'allocsize=64k',
    'logbsize=256k',
    'inode64',
  ])
  t.same(parseDiskMountOptions(''), [])
})

for (const text of [
  'suid',
  'dev',
  'noatime,suid',
  'data=journal,dev',
  'noatime\nsuid',
  'noatime,\nsuid',
  'noatime suid',
  'noatime;suid',
  'noatime\\,suid',
  'bind',
  'remount',
  'loop',
  'move',
  'user',
  'users',
  'defaults',
  'offset=0',
  'sb=1',
  'errors=continue',
  'journal_path=/dev/sda',
  'journal_dev=259',
  'journal_ioprio=0',
  'logdev=/dev/sda',
  'rtdev=/dev/sda',
  'norecovery',
  'noload',
  'nobarrier',
  'barrier=0',
  'barrier',
  'data=writeback',
  'data=',
  'data=journalx',
  'xdata=journal',
  'data',
  'commit=',
  'commit',
  'commit=-1',
  'commit=1,suid',
  'commit=1=2',
  'commit=30s',
  'noatime=1',
  'ro=',
  'usrjquota=x',
  'dax=always',
  'context=system_u',
  'x-mount.mkdir',
  'helper=x',
  'NOATIME',
  'toString',
  '__proto__',
  'constructor',
])
  t.test(`the mount option is refused: ${JSON.stringify(text)}`, async (t) => {
    t.throws(() => parseDiskMountOptions(text), {
      ...refused,
      message: /is refused$/,
      hint: /noatime.*nosuid and nodev/,
    })
  })

t.test('whatever mount options are taken, none of them says more than one thing', async (t) => {
  const word = fc.constantFrom('noatime', 'commit', 'data', '=', ',', 'suid', 'dev', '\n', ' ', 'journal', '/', '1', '')
  const property = fc.property(fc.array(word, { maxLength: 8 }), (words) => {
    try {
      return parseDiskMountOptions(words.join('')).every((one) => /^(?:noatime|commit=\d+|data=journal)$/.test(one))
    } catch (thrown) {
      return thrown instanceof ConvoyError
    }
  })
  t.doesNotThrow(() => fc.assert(property, { numRuns: 3000 }))
})

t.test('options of the other file system', async (t) => {
  for (const [words, fsType] of [
    [['commit=1'], 'xfs'],
    [['noatime', 'data=ordered'], 'xfs'],
    [['nouuid'], 'ext4'],
    [['logbufs=8'], 'ext4'],
  ] as const)
    t.throws(() => refuseOptionsOfOthers(words, fsType), { ...refused, message: new RegExp(`not one of ${fsType}`) })
  refuseOptionsOfOthers(['noatime', 'commit=1'], 'ext4')
  refuseOptionsOfOthers(['noatime', 'nouuid'], 'xfs')
})

t.test('mkfs options that may be given', async (t) => {
  for (const text of [
    '',
    '-m 0',
    '-m 0.5 -N 100000',
    '-b 4096 -I 512 -i 8192',
    '-E stride=16',
    '-E lazy_itable_init=0',
    '-T news',
  ]) {
    const words = parseMkfsOptions(text)
    t.same(words.join(' '), text)
    refuseMkfsOptionsOfOthers(words, 'ext4')
  }
  for (const text of [
    '-i size=1024',
    '-m reflink=1 -m rmapbt=0',
    '-d agcount=8',
    '-d su=64k -d sw=4',
    '-n size=8192',
  ]) {
    const words = parseMkfsOptions(text)
    refuseMkfsOptionsOfOthers(words, 'xfs')
    t.throws(() => refuseMkfsOptionsOfOthers(words, 'ext4'), refused)
  }
})

for (const text of [
  '-F',
  '-f',
  '-m',
  '-m 0 -F',
  '-m 0 extra',
  '-m0',
  '-E discard',
  '-E discard,test_fs',
  '-E nodiscard',
  '-E stride=16,test_fs',
  '-E offset=4096',
  '-E root_owner=0:0',
  '-d /etc',
  '-d /etc -m 0',
  '-d file=1',
  '-d name=/dev/sda',
  '-d size=1g',
  '-p /etc/passwd',
  '-J device=/dev/sda',
  '-j',
  '-l logdev=/dev/sda',
  '-l /etc/passwd',
  '-r rtdev=/dev/sda',
  '-O ^has_journal',
  '-O encrypt',
  '-S',
  '-n',
  '-n 1',
  '-N',
  '-N -1',
  '-U random',
  '-L label',
  '-c -c',
  '-o Linux',
  '-t ext2',
  '-T /etc/mke2fs.conf',
  '-m 0 -i size=512',
  '/dev/sda',
  '-m /dev/sda',
  '-m 0;id',
  '-m $(id)',
  '-- /dev/sda',
  '-m crc=2',
  '-m uuid=x',
  'toString x',
  '__proto__ x',
  'constructor x',
])
  t.test(`mkfs options are refused: ${JSON.stringify(text)}`, async (t) => {
    t.throws(() => parseMkfsOptions(text), { ...refused, message: /are refused$/, hint: /-m/ })
  })

t.test('spaces of any kind part words, and hide none', async (t) => {
  t.same(parseMkfsOptions(' -m\t0\n-N  9 '), ['-m', '0', '-N', '9'])
  t.throws(() => parseMkfsOptions('-m 0\n-F x'), refused)
})
