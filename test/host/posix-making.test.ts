import * as fs from 'node:fs'
import t from 'tap'
import { closeFd, getXattrs, openDirectoryAt, openFileAt, statAt } from '../../src/host/posix.js'
import {
  createFileAt,
  finishFile,
  linkAt,
  makeDirectoryAt,
  makeNodeAt,
  removeDirectoryAt,
  removeXattr,
  renameAt,
  renameDirectoryAt,
  setModeAt,
  setTimesAt,
  setXattr,
  symlinkAt,
  syncFileSystem,
  unlinkAt,
} from '../../src/host/posix-making.js'
import { statBlockBytes } from '../../src/host/stat-record.js'
import { bytes, openTree } from './posix-tree.js'

const odd = '\xff\n'

t.test('directories, links and FIFOs are made with any name', async (t) => {
  const tree = openTree(t)
  const parent = (makeDirectoryAt(tree.fd, bytes(odd), 0o700), openDirectoryAt(tree.fd, bytes(odd)))
  symlinkAt(bytes('\xfe'), parent, bytes('link'))
  makeNodeAt(parent, bytes('fifo'), fs.constants.S_IFIFO | 0o600, { major: 0, minor: 0 })
  makeNodeAt(parent, bytes('socket'), fs.constants.S_IFSOCK | 0o600, { major: 0, minor: 0 })
  linkAt(parent, bytes('link'), tree.fd, bytes('hard'))
  for (const numbers of [
    { major: 4096, minor: 0 },
    { major: 0, minor: 2 ** 20 },
  ])
    t.throws(() => makeNodeAt(parent, bytes('device'), fs.constants.S_IFCHR, numbers), { code: 'EINVAL' })
  t.same(fs.readlinkSync(tree.pathOf(`${odd}/link`), 'buffer'), bytes('\xfe'))
  t.ok(fs.lstatSync(tree.pathOf(`${odd}/fifo`)).isFIFO())
  t.ok(fs.lstatSync(tree.pathOf(`${odd}/socket`)).isSocket())
  t.equal(fs.lstatSync(tree.pathOf('hard')).ino, fs.lstatSync(tree.pathOf(`${odd}/link`)).ino)
  closeFd(parent)
})

t.test('S17 what exists stays, whatever is made in its place', async (t) => {
  const tree = openTree(t)
  tree.write('file', 'keep me')
  fs.symlinkSync('file', tree.pathOf('link'))
  fs.symlinkSync('nowhere', tree.pathOf('dangling'))
  for (const name of ['file', 'link', 'dangling'].map(bytes)) {
    t.throws(() => createFileAt(tree.fd, name), { code: 'EEXIST' })
    t.throws(() => makeDirectoryAt(tree.fd, name, 0o700), { code: 'EEXIST' })
    t.throws(() => symlinkAt(bytes('x'), tree.fd, name), { code: 'EEXIST' })
    t.throws(() => linkAt(tree.fd, bytes('file'), tree.fd, name), { code: 'EEXIST' })
    t.throws(() => makeNodeAt(tree.fd, name, fs.constants.S_IFIFO, { major: 0, minor: 0 }), { code: 'EEXIST' })
    t.throws(() => renameAt(tree.fd, bytes('file'), tree.fd, name), { code: 'EEXIST', syscall: 'renameat2' })
  }
  t.equal(tree.read('file'), 'keep me')
  t.strictSame(fs.readdirSync(tree.directory).sort(), ['dangling', 'file', 'link'])
})

t.test('a rename moves what nothing is in the way of', async (t) => {
  const tree = openTree(t)
  tree.write('file', 'x')
  makeDirectoryAt(tree.fd, bytes('directory'), 0o700)
  const directory = openDirectoryAt(tree.fd, bytes('directory'))
  renameAt(tree.fd, bytes('file'), directory, bytes(odd))
  t.equal(tree.read(`directory/${odd}`), 'x')
  t.throws(() => renameAt(tree.fd, bytes('none'), tree.fd, bytes('new')), { code: 'ENOENT' })
  closeFd(directory)
})

t.test('BK06 a directory takes the place of an empty one, and of nothing else', async (t) => {
  const tree = openTree(t)
  for (const name of ['new', 'empty', 'full', 'full/inner']) fs.mkdirSync(tree.pathOf(name))
  tree.write('new/file', 'x')
  tree.write('file', 'keep me')
  fs.symlinkSync('empty', tree.pathOf('link'))
  t.throws(() => renameDirectoryAt(tree.fd, bytes('new'), tree.fd, bytes('full')), { code: 'ENOTEMPTY' })
  t.throws(() => renameDirectoryAt(tree.fd, bytes('new'), tree.fd, bytes('file')), { code: 'ENOTDIR' })
  t.throws(() => renameDirectoryAt(tree.fd, bytes('new'), tree.fd, bytes('link')), { code: 'ENOTDIR' })
  t.throws(() => renameDirectoryAt(tree.fd, bytes('link'), tree.fd, bytes('file')), { code: 'ENOTDIR' })
  renameDirectoryAt(tree.fd, bytes('new'), tree.fd, bytes('empty'))
  t.strictSame([tree.read('empty/file'), tree.read('file')], ['x', 'keep me'])
  t.notOk(fs.existsSync(tree.pathOf('new')))
})

t.test('S15 a mode is exact whatever the mask, and never that of what a link leads to', async (t) => {
  const tree = openTree(t)
  tree.write('file')
  fs.chmodSync(tree.pathOf('file'), 0o600)
  fs.mkdirSync(tree.pathOf('directory'))
  fs.symlinkSync('file', tree.pathOf('link'))
  const mask = process.umask(0o777)
  t.throws(() => setModeAt(tree.fd, bytes('link'), 0o777), { code: 'ELOOP', syscall: 'fchmodat' })
  t.equal(fs.statSync(tree.pathOf('file')).mode & 0o7777, 0o600)
  for (const name of ['file', 'directory']) {
    setModeAt(tree.fd, bytes(name), 0o4753)
    t.equal(fs.statSync(tree.pathOf(name)).mode & 0o7777, 0o4753, name)
  }
  process.umask(mask)
})

t.test('the time of a link is its own, to the nanosecond and before 1970', async (t) => {
  const tree = openTree(t)
  tree.write('file')
  symlinkAt(bytes('file'), tree.fd, bytes('link'))
  const before = fs.statSync(tree.pathOf('file'), { bigint: true }).mtimeNs
  for (const [seconds, nanoseconds] of [
    [1_234_567_890n, 987_654_321],
    [-1n, 999_999_999],
    [0n, 0],
  ] as const) {
    setTimesAt(tree.fd, bytes('link'), seconds, nanoseconds)
    const record = statAt(tree.fd, bytes('link'))
    t.strictSame([record.readBigInt64LE(28), record.readUInt32LE(36)], [seconds, nanoseconds])
  }
  t.equal(fs.statSync(tree.pathOf('file'), { bigint: true }).mtimeNs, before)
  // UTIME_NOW and UTIME_OMIT among them.
  for (const nanoseconds of [1_000_000_000, 0x3fffffff, 0x3ffffffe])
    t.throws(() => setTimesAt(tree.fd, bytes('file'), 0n, nanoseconds), { code: 'EINVAL' })
})

t.test('a large file is made open, written as one likes, and finished', async (t) => {
  const tree = openTree(t)
  const mask = process.umask(0o777)
  const fd = createFileAt(tree.fd, bytes('file'))
  process.umask(mask)
  fs.ftruncateSync(fd, 2 ** 20)
  fs.writeSync(fd, 'end', 2 ** 20 - 3)
  const block = Buffer.alloc(statBlockBytes)
  block.writeUInt32LE(0o100444, 0)
  block.writeBigInt64LE(12n, 28)
  block.writeUInt32LE(34, 36)
  finishFile(fd, block, { withOwner: false, modeMask: 0o7777 })
  syncFileSystem(fd)
  closeFd(fd)
  const { mode, size, mtimeNs } = fs.statSync(tree.pathOf('file'), { bigint: true })
  t.strictSame([mode, size, mtimeNs], [0o100444n, 2n ** 20n, 12_000_000_034n])
  t.throws(() => finishFile(1_000_000, block, { withOwner: false, modeMask: 0o7777 }), {
    code: 'EBADF',
    syscall: 'fchmod',
  })
})

t.test('an attribute is taken away again', async (t) => {
  const tree = openTree(t)
  tree.write('file')
  const fd = openFileAt(tree.fd, bytes('file'))
  setXattr(fd, bytes('user.x'), bytes('y'))
  removeXattr(fd, bytes('user.x'))
  t.equal(getXattrs(fd), undefined)
  t.throws(() => removeXattr(fd, bytes('user.x')), { code: 'ENODATA' })
  // No name space of attributes is called so.
  t.throws(() => setXattr(fd, bytes('nonsense'), bytes('y')), { code: 'ENOTSUP' })
  closeFd(fd)
})

t.test('a link is removed, never what it leads to', async (t) => {
  const tree = openTree(t)
  tree.write('file')
  fs.mkdirSync(tree.pathOf('directory'))
  fs.symlinkSync('file', tree.pathOf('link'))
  fs.symlinkSync('directory', tree.pathOf('to-directory'))
  unlinkAt(tree.fd, bytes('link'))
  t.throws(() => removeDirectoryAt(tree.fd, bytes('to-directory')), { code: 'ENOTDIR' })
  t.throws(() => unlinkAt(tree.fd, bytes('directory')), { code: 'EISDIR' })
  removeDirectoryAt(tree.fd, bytes('directory'))
  t.strictSame(fs.readdirSync(tree.directory).sort(), ['file', 'to-directory'])
})
