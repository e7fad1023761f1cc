import * as fs from 'node:fs'
import t from 'tap'
import { DirectoryHandle } from '../../src/host/directory-handle.js'
import { bytes, openTree } from './posix-tree.js'

const isOpen = (fd: number) => fs.existsSync(`/proc/self/fd/${fd}`)

t.test('a directory is open until the last of its users has released it', async (t) => {
  const tree = openTree(t)
  fs.mkdirSync(tree.pathOf('\xff'))
  const root = DirectoryHandle.openRoot(tree.directory)
  const child = root.openChild(bytes('\xff'))
  root.release()
  t.notOk(isOpen(root.fd))
  child.retain().retain().release()
  child.release()
  t.ok(isOpen(child.fd))
  child.release()
  t.notOk(isOpen(child.fd))
})

t.test('a directory that is closed is not used again', async (t) => {
  const handle = DirectoryHandle.openRoot('/')
  handle.release()
  t.throws(() => handle.retain(), { message: /is closed already/ })
  t.throws(() => handle.release(), { message: /more often/ })
})

t.test('S14 a link is no directory', async (t) => {
  const tree = openTree(t)
  fs.mkdirSync(tree.pathOf('directory'))
  fs.symlinkSync('directory', tree.pathOf('link'))
  t.throws(() => DirectoryHandle.openAt(tree.fd, bytes('link')), { code: 'ENOTDIR' })
  const open = DirectoryHandle.openAt(tree.fd, bytes('directory'))
  t.throws(() => open.openChild(bytes('none')), { code: 'ENOENT' })
  open.release()
})
