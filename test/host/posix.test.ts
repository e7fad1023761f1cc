import { spawnSync } from 'node:child_process'
import * as fs from 'node:fs'
import { createServer } from 'node:net'
import { once } from 'node:events'
import t from 'tap'
import {
  closeFd,
  getXattrs,
  getXattrsAt,
  NameList,
  nextData,
  nextHole,
  openDirectoryAt,
  openFileAt,
  openRoot,
  packNames,
  readLinkAt,
  readNames,
  statAt,
  statFd,
  statNames,
} from '../../src/host/posix.js'
import { setXattr, setXattrAt } from '../../src/host/posix-making.js'
import {
  isMountRoot,
  recordAt,
  recordBlocks512,
  recordDevice,
  recordErrno,
  recordIno,
  recordLinkCount,
  recordMode,
  recordSizeBytes,
  statBlockBytes,
} from '../../src/host/stat-record.js'
import { blockOf, bytes, openTree } from './posix-tree.js'

const odd = ['\x01', ' ', '%2F', '-rf', 'a', 'a\nb', 'aa', 'b', '\xe9', '\xff\xfe', 'x'.repeat(255)]
const sorted = (names: readonly string[]) => [...names].sort((a, b) => Buffer.compare(bytes(a), bytes(b)))
const text = (names: readonly Buffer[]) => names.map((name) => name.toString('latin1'))

t.test('names are any bytes, in the order of their bytes', async (t) => {
  const tree = openTree(t)
  for (const name of odd) tree.write(name)
  t.strictSame(text(readNames(tree.fd)), sorted(odd))
  t.strictSame(text(readNames(tree.fd)), sorted(odd), 'again')
})

t.test('an empty directory has no names', async (t) => {
  const { fd } = openTree(t)
  t.strictSame(readNames(fd), [])
  t.equal(new NameList(fd).next(fd, 10), undefined)
})

t.test('a big directory is read in slices, each with what stat says', async (t) => {
  const tree = openTree(t)
  const names = Array.from({ length: 5_000 }, (_, index) => `${index}-${'long'.repeat(20)}`)
  for (const name of names) tree.write(name, name.slice(0, 4))
  const list = new NameList(tree.fd)
  t.equal(list.count, names.length)
  const found: string[] = []
  for (let slice = list.next(tree.fd, 999); slice !== undefined; slice = list.next(tree.fd, 999)) {
    found.push(...text(slice.names))
    t.same(slice.records, statNames(tree.fd, slice.names))
  }
  t.strictSame(found, sorted(names))
})

t.test('a record begins with the stat block of a manifest, and has the rest behind', async (t) => {
  const tree = openTree(t)
  tree.write('file', 'x'.repeat(10_000))
  fs.linkSync(tree.pathOf('file'), tree.pathOf('second'))
  fs.symlinkSync('somewhere', tree.pathOf('link'))
  fs.mkdirSync(tree.pathOf('directory'))
  fs.utimesSync(tree.pathOf('file'), -2, -1.25)
  const names = ['file', 'second', 'link', 'directory']
  const records = statNames(tree.fd, names.map(bytes))
  for (const [index, name] of names.entries()) {
    const status = fs.lstatSync(tree.pathOf(name), { bigint: true })
    const record = recordAt(records, index)
    t.same(record.subarray(0, statBlockBytes), blockOf(status), name)
    t.same(record, statAt(tree.fd, bytes(name)), name)
    t.strictSame(
      [recordMode(record), recordSizeBytes(record), recordLinkCount(record), recordBlocks512(record)],
      [status.mode, status.size, status.nlink, status.blocks].map(Number),
    )
    t.strictSame([recordDevice(record), recordIno(record)], [status.dev, status.ino])
    t.strictSame([recordErrno(record), isMountRoot(record)], [0, false])
  }
})

t.test('times have nanoseconds, those of links too', async (t) => {
  const tree = openTree(t)
  tree.write('file')
  fs.symlinkSync('nowhere', tree.pathOf('link'))
  for (const name of ['file', 'link']) {
    spawnSync('touch', ['-h', '-d', '2001-02-03 04:05:06.123456789Z', tree.pathOf(name).toString()])
    const record = statAt(tree.fd, bytes(name))
    t.equal(record.readBigInt64LE(28), 981_173_106n, name)
    t.equal(record.readUInt32LE(36), 123_456_789, name)
  }
})

t.test('a name that has vanished has a record that says so, and the others are as they are', async (t) => {
  const tree = openTree(t)
  tree.write('there', 'abc')
  const records = statNames(tree.fd, ['gone', 'there', 'y'.repeat(300)].map(bytes))
  const all = [0, 1, 2].map((index) => recordAt(records, index))
  t.strictSame(all.map(recordErrno), [2, 0, 36])
  t.strictSame(all.map(recordMode).map(Boolean), [false, true, false])
  t.same(recordAt(records, 0).subarray(0, statBlockBytes), Buffer.alloc(statBlockBytes))
})

t.test('what is mounted is told from what only lies there', async (t) => {
  const root = openRoot('/')
  const isMounted = fs.statSync('/proc').dev !== fs.statSync('/').dev
  t.equal(isMountRoot(statAt(root, bytes('proc'))), isMounted)
  t.equal(isMountRoot(statAt(root, bytes('usr'))), fs.statSync('/usr').dev !== fs.statSync('/').dev)
  closeFd(root)
})

t.test('S14 nothing is opened behind a link', async (t) => {
  const tree = openTree(t)
  tree.write('file', 'x')
  fs.mkdirSync(tree.pathOf('directory'))
  fs.symlinkSync('file', tree.pathOf('to-file'))
  fs.symlinkSync('directory', tree.pathOf('to-directory'))
  t.throws(() => openFileAt(tree.fd, bytes('to-file')), { code: 'ELOOP', syscall: 'openat', path: 'to-file' })
  t.throws(() => openDirectoryAt(tree.fd, bytes('to-directory')), { code: 'ENOTDIR' })
  t.throws(() => openDirectoryAt(tree.fd, bytes('file')), { code: 'ENOTDIR' })
})

t.test('the directory that this one is in is opened, and by no other call', async (t) => {
  const tree = openTree(t)
  fs.mkdirSync(tree.pathOf('directory'))
  const child = openDirectoryAt(tree.fd, bytes('directory'))
  const parent = openDirectoryAt(child, bytes('..'))
  t.same(statFd(parent), statFd(tree.fd))
  for (const name of ['.', '', '../..', '/']) t.throws(() => openDirectoryAt(child, bytes(name)), { name: 'TypeError' })
  t.throws(() => openFileAt(child, bytes('..')), { name: 'TypeError' })
  for (const fd of [parent, child]) closeFd(fd)
})

t.test('S23 a FIFO and a socket keep nobody waiting', { timeout: 10_000 }, async (t) => {
  const tree = openTree(t)
  tree.makeFifo('fifo')
  const server = createServer().listen(`${tree.directory}/socket`)
  await once(server, 'listening')
  const fifo = openFileAt(tree.fd, bytes('fifo'))
  t.equal(recordMode(statFd(fifo)) & fs.constants.S_IFMT, fs.constants.S_IFIFO)
  closeFd(fifo)
  t.throws(() => openFileAt(tree.fd, bytes('socket')), { code: 'ENXIO' })
  t.equal(recordMode(statAt(tree.fd, bytes('socket'))) & fs.constants.S_IFMT, fs.constants.S_IFSOCK)
  server.close()
})

t.test('errors are as those of Node', async (t) => {
  const { fd } = openTree(t)
  t.throws(() => openFileAt(fd, bytes('none')), {
    code: 'ENOENT',
    errno: -2,
    syscall: 'openat',
    path: 'none',
    message: "ENOENT: no such file or directory, openat 'none'",
  })
  t.throws(() => openRoot('/none/such'), { code: 'ENOENT', path: '/none/such' })
  t.throws(() => closeFd(1_000_000), { code: 'EBADF', syscall: 'close' })
  t.throws(() => readNames(1_000_000), { code: 'EBADF' })
  t.throws(() => statFd(1_000_000), { code: 'EBADF' })
  t.throws(() => statAt(fd, bytes('none')), { code: 'ENOENT', syscall: 'statx' })
})

t.test('S22 a tree of any depth is reached, where no path would do', async (t) => {
  const { fd } = openTree(t)
  const name = bytes('d'.repeat(200))
  const depth = 100
  let deepest = fd
  for (let level = 0; level < depth; level++) {
    fs.mkdirSync(Buffer.concat([Buffer.from(`/proc/self/fd/${deepest}/`), name]))
    const next = openDirectoryAt(deepest, name)
    if (deepest !== fd) closeFd(deepest)
    deepest = next
  }
  fs.writeFileSync(`/proc/self/fd/${deepest}/file`, 'deep')
  t.strictSame(text(readNames(deepest)), ['file'])
  t.equal(recordSizeBytes(statAt(deepest, bytes('file'))), 4)
  t.equal(getXattrsAt(deepest, bytes('file')), undefined)
  closeFd(deepest)
})

t.test('the target of a link is any bytes', async (t) => {
  const tree = openTree(t)
  for (const target of ['x', '\xff\n', '/', 'z'.repeat(4095)]) {
    const name = `link-${target.length}-${target.charCodeAt(0)}`
    fs.symlinkSync(bytes(target), tree.pathOf(name))
    t.same(readLinkAt(tree.fd, bytes(name)), bytes(target))
  }
  tree.write('file')
  t.throws(() => readLinkAt(tree.fd, bytes('file')), { code: 'EINVAL', syscall: 'readlinkat' })
})

t.test('the access time of what is read stays', async (t) => {
  const tree = openTree(t)
  tree.write('file', 'x')
  fs.utimesSync(tree.pathOf('file'), 1, 2)
  const fd = openFileAt(tree.fd, bytes('file'))
  fs.readSync(fd, Buffer.alloc(1), 0, 1, 0)
  closeFd(fd)
  t.equal(fs.statSync(tree.pathOf('file')).atimeMs, 1_000)
})

t.test('extended attributes are told in the order of their names, or that there are none', async (t) => {
  const tree = openTree(t)
  tree.write('file')
  const fd = openFileAt(tree.fd, bytes('file'))
  t.equal(getXattrs(fd), undefined)
  t.equal(getXattrsAt(tree.fd, bytes('file')), undefined)
  const xattrs = [
    ['user.a', Buffer.alloc(0)],
    ['user.b', Buffer.from([0, 255, 0])],
    ['user.\xff', Buffer.alloc(1_000, 7)],
    ...Array.from({ length: 30 }, (_, index) => [`user.${'n'.repeat(100)}${100 + index}`, bytes('v')] as const),
  ] as const
  for (const [name, value] of [...xattrs].reverse()) setXattr(fd, bytes(name), value)
  const expected = [...xattrs.map(([name, value]) => [bytes(name), value] as const)].sort(([a], [b]) => a.compare(b))
  t.same(getXattrs(fd), expected)
  t.same(getXattrsAt(tree.fd, bytes('file')), expected)
  closeFd(fd)
})

t.test('the attributes of a link are its own', async (t) => {
  const tree = openTree(t)
  tree.write('file')
  setXattrAt(tree.fd, bytes('file'), bytes('user.of'), bytes('file'))
  fs.symlinkSync('file', tree.pathOf('link'))
  t.equal(getXattrsAt(tree.fd, bytes('link')), undefined)
  t.same(getXattrsAt(tree.fd, bytes('file')), [[bytes('user.of'), bytes('file')]])
  t.throws(() => getXattrsAt(tree.fd, bytes('none')), { code: 'ENOENT' })
})

t.test('holes are found, and files that have none are all data', async (t) => {
  const mebibyte = 2 ** 20
  const tree = openTree(t)
  const file = fs.openSync(tree.pathOf('sparse'), 'w')
  fs.ftruncateSync(file, 10 * mebibyte)
  for (const at of [2, 7]) fs.writeSync(file, Buffer.alloc(mebibyte, 1), 0, mebibyte, at * mebibyte)
  fs.closeSync(file)
  tree.write('full', Buffer.alloc(mebibyte, 1))
  tree.write('empty')

  const ranges = (name: string) => {
    const fd = openFileAt(tree.fd, bytes(name))
    const found: number[][] = []
    for (let data = nextData(fd, 0); data !== undefined; data = nextData(fd, found.at(-1)![1]!))
      found.push([data, nextHole(fd, data)])
    closeFd(fd)
    return found
  }
  t.strictSame(
    ranges('sparse'),
    [
      [2, 3],
      [7, 8],
    ].map((range) => range.map((at) => at * mebibyte)),
  )
  t.strictSame(ranges('full'), [[0, mebibyte]])
  t.strictSame(ranges('empty'), [])
})

t.test('a file that ends before the offset has neither data nor a hole there', async (t) => {
  const tree = openTree(t)
  tree.write('file', 'x')
  const fd = openFileAt(tree.fd, bytes('file'))
  t.equal(nextData(fd, 2 ** 52), undefined)
  t.equal(nextHole(fd, 2 ** 52), 2 ** 52)
  t.throws(() => nextData(1_000_000, 0), { code: 'EBADF' })
  closeFd(fd)
})

t.test('packed names end with a 0 each', async (t) => {
  t.same(packNames(['ab', '\xff'].map(bytes)), bytes('ab\0\xff\0'))
  t.same(packNames([]), Buffer.alloc(0))
})
