import t from 'tap'
import { contentOf, examineDisk } from '../../src/host/disk-content.js'
import type { ProgramResult } from '../../src/host/exec.js'
import { PinnedDisk } from '../../src/host/pinned-disk.js'
import { quietCall } from '../integration/host/mount-fixtures.js'

const device = { path: '/dev/nvme1n1', number: '259:1', sizeBytes: 2 ** 30 }
const none = { exitCode: 2, stdout: '', stderr: '' }
const zeros = { exitCode: 0, stdout: '', stderr: '' }

/** What the two children say. */
function examine(blkid: ProgramResult, ends: ProgramResult = zeros) {
  const run = (_program: string, args: readonly string[]) => Promise.resolve(args.includes('export') ? blkid : ends)
  return examineDisk(new PinnedDisk({ run, sysfs: '/sys' }, device, undefined), quietCall())
}

const found = (stdout: string) => ({ exitCode: 0, stdout: `DEVNAME=/proc/self/fd/3\n${stdout}`, stderr: '' })

t.test('EB30 a disk is blank when blkid finds nothing and both ends were read and are zero', async (t) => {
  t.strictSame(await examine(none), { kind: 'blank' })
})

t.test('EB30 a disk that cannot be read is never blank', async (t) => {
  const message = /the disk \/dev\/nvme1n1 cannot be read/
  const short = {
    exitCode: 1,
    stdout: '',
    stderr: "dd: error reading '/proc/self/fd/3': Input/output error\ncmp: EOF on -\n",
  }
  await t.rejects(examine(none, short), { code: 'unavailable', message })
  for (const exitCode of [1, 2, 127, 137]) {
    await t.rejects(examine(none, { ...zeros, exitCode }), { code: 'unavailable', message })
    if (exitCode !== 2) await t.rejects(examine({ ...none, exitCode }), { code: 'unavailable', message })
  }
})

t.test('EB30 bytes that no format claims are data', async (t) => {
  const ends = { exitCode: 1, stdout: '- /dev/zero differ: byte 512, line 1\n', stderr: '' }
  t.strictSame(await examine(none, ends), { kind: 'unknown', description: 'data of no known format' })
})

t.test('EB30 what blkid is not sure of is unknown', async (t) => {
  t.match(await examine({ ...none, exitCode: 8 }), { kind: 'unknown' })
})

t.test('EB32 a file system is named, with label and id', async (t) => {
  const output = 'LABEL=pg\\ data\\\\\nUUID=82ea2cad-b348-4890-a15d-2857bda14030\nTYPE=ext4\nUSAGE=filesystem\n'
  t.strictSame(await examine(found(output)), {
    kind: 'file-system',
    fsType: 'ext4',
    label: 'pg data\\',
    uuid: '82ea2cad-b348-4890-a15d-2857bda14030',
  })
})

t.test('EB32 what is not a file system alone is unknown and described', (t) => {
  const cases = {
    'TYPE=crypto_LUKS\nUSAGE=crypto': 'an encrypted disk (crypto_LUKS)',
    'TYPE=LVM2_member\nUSAGE=raid': 'a member of a group of disks (LVM2_member)',
    'TYPE=swap\nUSAGE=other': 'a signature (swap)',
    'PTTYPE=gpt': 'a partition table (gpt)',
    'PTTYPE=dos\nTYPE=ext4\nUSAGE=filesystem': 'a partition table (dos)',
    'TYPE=ext4\nTYPE=xfs\nUSAGE=filesystem': 'a signature that contradicts itself',
    'TYPE=../ext4\nUSAGE=filesystem': 'a signature',
    'TYPE=ext4\nUSAGE=constructor': 'a signature (ext4)',
    '': 'a signature',
  }
  for (const [output, description] of Object.entries(cases))
    t.strictSame(contentOf(output), { kind: 'unknown', description }, output)
  t.end()
})

t.test('S20 a label that cannot be printed is left out', (t) => {
  t.strictSame(contentOf('LABEL=\u001b[2J\nTYPE=xfs\nUSAGE=filesystem'), { kind: 'file-system', fsType: 'xfs' })
  t.end()
})
