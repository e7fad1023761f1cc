import { spawnSync } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { writeArchive } from '../../src/host/archive.js'
import { readDiskSpace } from '../../src/host/disk-space.js'
import { readTail } from '../../src/host/file-tail.js'

const files = [{ name: 'a.txt', text: 'hello\n' }]

t.test('an archive is for its owner only, and holds the files in a folder', async (t) => {
  const path = join(t.testdir(), '-odd name.tar.gz')
  await writeArchive(path, files, 'keep')
  t.equal(statSync(path).mode & 0o777, 0o600)
  t.equal(spawnSync('tar', ['-xzOf', path], { encoding: 'utf8' }).stdout, 'hello\n')
  t.match(spawnSync('tar', ['-tzf', path], { encoding: 'utf8' }).stdout, '-odd name/a.txt')
})

t.test('a file that is there stays, unless it may be replaced, and nothing else is left', async (t) => {
  const directory = t.testdir({ 'x.tgz': 'precious' })
  const path = join(directory, 'x.tgz')
  await t.rejects(writeArchive(path, files, 'keep'), { code: 'already-exists', hint: /--force/ })
  t.equal(readFileSync(path, 'utf8'), 'precious')
  await writeArchive(path, files, 'replace')
  t.equal(statSync(path).mode & 0o777, 0o600)
  t.same(readdirSync(directory), ['x.tgz'])
  await t.rejects(writeArchive(join(directory, 'no', 'x.tgz'), files, 'keep'), { code: 'invalid-argument' })
})

t.test('a folder is not replaced by an archive', async (t) => {
  const path = join(t.testdir(), 'x.tgz')
  mkdirSync(path)
  await t.rejects(writeArchive(path, files, 'replace'), { code: 'unavailable' })
})

t.test('of a file the last bytes are read; what is no file is refused', async (t) => {
  const directory = t.testdir()
  const path = join(directory, 'log')
  writeFileSync(path, '0123456789')
  t.equal(readTail(path, 4), '6789')
  t.equal(readTail(path, 400), '0123456789')
  t.throws(() => readTail(directory, 4))
  const pipe = join(directory, 'pipe')
  spawnSync('mkfifo', [pipe])
  t.throws(() => readTail(pipe, 4), /no file/)
})

t.test('the space of a disk is read, and a path that is not there is no disk', async (t) => {
  const space = await readDiskSpace('/', 10_000)
  t.ok(space.sizeBytes > 0 && space.freeBytes <= space.sizeBytes)
  t.ok(space.freeInodes <= space.inodes)
  t.equal((await readDiskSpace('/', 10_000)).filesystem, space.filesystem)
  await t.rejects(readDiskSpace('/no/such/path', 10_000), { code: 'unavailable' })
})
