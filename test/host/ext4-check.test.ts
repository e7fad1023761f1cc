import t from 'tap'
import { ConvoyError } from '../../src/errors.js'
import type { ProgramResult } from '../../src/host/exec.js'
import { checkExt4 } from '../../src/host/ext4-check.js'
import { PinnedDisk } from '../../src/host/pinned-disk.js'
import { quietCall } from '../integration/host/mount-fixtures.js'

const device = { path: '/dev/nvme1n1', number: '259:1', sizeBytes: 2 ** 30 }

function check(answer: () => Promise<ProgramResult>, warn: (fields: object) => void = () => undefined) {
  const { signal, log } = quietCall()
  const disk = new PinnedDisk({ run: answer, sysfs: '/sys' }, device, undefined)
  return checkExt4(disk, { signal, log: { ...log, warn } })
}

const exits = (exitCode: number, stderr = '') => Promise.resolve({ exitCode, stdout: 'recovering journal', stderr })

t.test('EB33 a file system that was in order, or has been mended, is fine', async (t) => {
  const told: object[] = []
  await check(
    () => exits(0),
    (fields) => told.push(fields),
  )
  t.strictSame(told, [])
  for (const code of [1, 2, 3])
    await check(
      () => exits(code),
      (fields) => told.push(fields),
    )
  t.equal(told.length, 3)
  t.match(told[0], { disk: '/dev/nvme1n1', e2fsck: 'recovering journal' })
})

t.test('EB33 a file system with errors that are left is refused, with the command that repairs it', async (t) => {
  for (const code of [4, 5, 8, 16, 32, 128, 137]) {
    const answer = check(() => exits(code, '/proc/self/fd/3: UNEXPECTED INCONSISTENCY\n'))
    const message = 'the file system on /dev/nvme1n1 needs repair: /dev/nvme1n1: UNEXPECTED INCONSISTENCY'
    await t.rejects(answer, { code: 'internal', message, hint: /e2fsck -f \/dev\/nvme1n1$/ }, String(code))
  }
})

t.test('EB33 a check that takes too long is refused', async (t) => {
  const answer = check(() => Promise.reject(new ConvoyError('deadline-exceeded', 'sh did not end')))
  const message = 'the check of the file system on /dev/nvme1n1 took too long'
  await t.rejects(answer, { code: 'deadline-exceeded', message, hint: /e2fsck -p \/dev\/nvme1n1$/ })
})
