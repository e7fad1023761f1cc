import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import * as fs from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { setXattrAt } from '../../../src/host/posix-making.js'
import { openRoot } from '../../../src/host/posix.js'
import { BackupWorld } from '../../repository/backup/backup-world.js'
import { requirements } from '../requirements.js'

const root = requirements(t, { root: true, commands: ['mount', 'mknod'] })

t.test('devices, owners and attributes are in a backup, of whatever type a file is', root, async (t) => {
  const path = t.testdir({ file: 'x', empty: '', directory: {}, link: t.fixture('symlink', 'file') })
  execFileSync('mknod', [join(path, 'null'), 'c', '1', '3'])
  execFileSync('mknod', [join(path, 'loop'), 'b', '7', '9'])
  fs.writeFileSync(join(path, 'large'), randomBytes(200_000))
  fs.chownSync(join(path, 'file'), 12, 34)
  fs.chmodSync(join(path, 'file'), 0o4751)
  const directory = openRoot(path)
  const names = ['file', 'empty', 'directory', 'link', 'null', 'large']
  for (const name of names) setXattrAt(directory, Buffer.from(name), Buffer.from('trusted.note'), Buffer.from(name))
  fs.closeSync(directory)
  const world = new BackupWorld()
  const { entries, record } = await world.read(await world.backup(path))
  t.match(record, { isComplete: true, problemCount: 0 })
  t.match(entries.get('null'), { type: 'c', body: { form: 'device', major: 1, minor: 3 } })
  t.match(entries.get('loop'), { type: 'b', body: { form: 'device', major: 7, minor: 9 } })
  const stat = entries.get('file')?.stat
  t.strictSame([stat?.readUInt32LE(0), stat?.readUInt32LE(4), stat?.readUInt32LE(8)], [0o104751, 12, 34])
  for (const name of names)
    t.strictSame(entries.get(name)?.xattrs, [{ name: Buffer.from('trusted.note'), value: Buffer.from(name) }], name)
})

t.test('what is mounted below a directory is an empty directory of its backup, which is said', root, async (t) => {
  const path = t.testdir({ below: {}, beside: '' })
  execFileSync('mount', ['-t', 'tmpfs', 'none', join(path, 'below')])
  fs.writeFileSync(join(path, 'below', 'theirs'), 'x')
  const world = new BackupWorld()
  // Before the test ends: its directory is removed then.
  const made = await world.backup(path).finally(() => execFileSync('umount', [join(path, 'below')]))
  const { entries, record } = await world.read(made)
  t.strictSame([...entries.keys()], ['.', 'below', 'beside'])
  t.match(record, { isComplete: true, problems: [{ path: 'below', code: 'mount-point' }] })
})

t.test('what may not be read is named with the reason, and everything else is there', root, async (t) => {
  const path = t.testdir({ open: 'x', secret: 'y', closed: { z: 'z' }, twice: 'l' })
  fs.writeFileSync(join(path, 'large'), randomBytes(200_000))
  fs.linkSync(join(path, 'twice'), join(path, 'twice-too'))
  for (const name of ['secret', 'large', 'twice']) fs.chmodSync(join(path, name), 0o600)
  fs.chmodSync(join(path, 'closed'), 0o700)
  const world = new BackupWorld()
  process.seteuid?.(65_534)
  const record = await world.backup(path).finally(() => process.seteuid?.(0))
  const { entries } = await world.read(record)
  t.strictSame([...entries.keys()], ['.', 'closed', 'open'])
  t.match(record, { isComplete: false, problemCount: 5 })
  t.strictSame(record.problems.map(({ path, code }) => `${path} ${code}`).sort(), [
    'closed EACCES',
    'large EACCES',
    'secret EACCES',
    'twice EACCES',
    'twice-too ENOENT',
  ])
})
