import { existsSync, mkdirSync, readdirSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { Ballast } from '../../src/store/ballast.js'

const sizeBytes = 8 * 1024 * 1024

t.test('DB05: the ballast is real space and not a hole', async (t) => {
  const path = join(t.testdir(), 'ballast')
  new Ballast(path).restore()
  const { size, blocks, mode } = statSync(path)
  t.equal(size, sizeBytes)
  t.ok(blocks * 512 >= sizeBytes)
  t.equal(mode & 0o777, 0o600)
})

t.test('DB05: the ballast is given back once, and can be set aside again', async (t) => {
  const path = join(t.testdir(), 'ballast')
  const ballast = new Ballast(path)
  t.equal(ballast.release(), false, 'there was none')
  ballast.restore()
  t.equal(ballast.release(), true)
  t.equal(existsSync(path), false)
  t.equal(ballast.release(), false)
  ballast.restore()
  t.equal(statSync(path).size, sizeBytes)
})

t.test('a ballast that is there already is left alone, and half of one is made whole', async (t) => {
  const directory = t.testdir()
  const path = join(directory, 'ballast')
  const ballast = new Ballast(path)
  ballast.restore()
  const { ino } = statSync(path)
  ballast.restore()
  t.equal(statSync(path).ino, ino)
  truncateSync(path, 1000)
  writeFileSync(`${path}.partial`, 'left by a crash')
  ballast.restore()
  t.equal(statSync(path).size, sizeBytes)
  t.strictSame(readdirSync(directory), ['ballast'])
})

t.test('a disk that takes no ballast is left as it is', async (t) => {
  const directory = t.testdir()
  const path = join(directory, 'ballast')
  // A directory in the way refuses the rename as a full disk refuses the write.
  mkdirSync(join(path, 'in-the-way'), { recursive: true })
  new Ballast(path).restore()
  t.strictSame(readdirSync(directory), ['ballast'])
  new Ballast(join(directory, 'missing', 'ballast')).restore()
  t.strictSame(readdirSync(directory), ['ballast'])
})
