import * as fs from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { DirectoryHandle } from '../../../src/host/directory-handle.js'
import { RestoreDirectories } from '../../../src/repository/restore/restore-directories.js'
import { parseTreePath, showPath } from '../../../src/repository/format/tree-path.js'
import { memoryDirectory } from '../../host/memory-directory.js'

const path = (text: string) => parseTreePath(Buffer.from(text))
const openFiles = () => fs.readdirSync('/proc/self/fd').length
const inode = ({ fd }: { readonly fd: number }) => fs.fstatSync(fd).ino

function tree(t: Test) {
  const root = memoryDirectory(t)
  const directories = new RestoreDirectories(DirectoryHandle.openRoot(root))
  t.teardown(() => directories.close())
  return { root, directories }
}

t.test('any directory can be entered, from wherever it was', async (t) => {
  const { root, directories } = tree(t)
  for (const folder of ['a/b/c', 'a/d', 'ab']) fs.mkdirSync(join(root, folder), { recursive: true })
  for (const folder of ['a/b/c', 'a/d', '', 'ab', 'a', 'a/b/c', 'a/b'])
    t.equal(inode(directories.enter(path(folder))), fs.statSync(join(root, folder)).ino, folder)
})

t.test('what is deep needs few descriptors, and each level is the right one on the way up', async (t) => {
  const { root, directories } = tree(t)
  const before = openFiles()
  const levels = Array.from({ length: 700 }, (_, level) => 'd/'.repeat(level))
  fs.mkdirSync(join(root, levels.at(-1) ?? ''), { recursive: true })
  let most = 0
  for (const level of levels) {
    directories.enter(path(level))
    most = Math.max(most, openFiles())
  }
  for (const level of levels.reverse()) {
    t.equal(inode(directories.enter(path(level))), fs.statSync(join(root, level)).ino)
    most = Math.max(most, openFiles())
  }
  t.ok(most - before < 160, `${most - before}`)
})

t.test('no link leads out, whoever has put it there', async (t) => {
  const { root, directories } = tree(t)
  const outside = memoryDirectory(t)
  fs.symlinkSync(outside, join(root, 'link'))
  t.throws(() => directories.enter(path('link')), { code: /ENOTDIR|ELOOP/ })
  t.throws(() => directories.enterOrMake(path('link/new'), () => undefined), { code: /ENOTDIR|ELOOP/ })
  t.strictSame(fs.readdirSync(outside), [])
})

t.test('what a manifest has lost on the way is made, and told', async (t) => {
  const { root, directories } = tree(t)
  fs.mkdirSync(join(root, 'a'))
  const made: string[] = []
  const handle = directories.enterOrMake(path('a/b/c'), (path) => made.push(showPath(path)))
  t.equal(inode(handle), fs.statSync(join(root, 'a/b/c')).ino)
  t.strictSame(made, ['a/b', 'a/b/c'])
  t.equal(fs.statSync(join(root, 'a/b')).mode & 0o777, 0o700)
})

t.test('all is closed in the end, but for what somebody still uses', async (t) => {
  const root = memoryDirectory(t)
  fs.mkdirSync(join(root, 'a/b'), { recursive: true })
  const before = openFiles()
  const directories = new RestoreDirectories(DirectoryHandle.openRoot(root))
  const used = directories.enter(path('a/b')).retain()
  directories.close()
  t.equal(openFiles(), before + 1)
  used.release()
  t.equal(openFiles(), before)
})
