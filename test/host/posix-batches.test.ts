import { spawn } from 'node:child_process'
import { once } from 'node:events'
import * as fs from 'node:fs'
import t, { type Test } from 'tap'
import { closeFd, openDirectoryAt, packNames, readFilesAt } from '../../src/host/posix.js'
import { setXattrAt, writeFilesAt } from '../../src/host/posix-making.js'
import {
  mayHaveXattrs,
  recordAt,
  recordErrno,
  recordMode,
  recordSizeBytes,
  statBlockBytes,
  wasChanged,
} from '../../src/host/stat-record.js'
import { blockOf, bytes, openTree } from './posix-tree.js'

const { errno } = (await import('node:os')).constants

/** In no file. */
const untouched = '\xaa'

function read(directoryFd: number, names: readonly string[], limitBytes = 1_000, space = 10_000) {
  const into = Buffer.alloc(space, untouched, 'latin1')
  const directoryFds = new Int32Array(names.length).fill(directoryFd)
  const records = readFilesAt({ directoryFds, names: packNames(names.map(bytes)), limitBytes, into })
  let at = 0
  return names.map((_, index) => {
    const record = recordAt(records, index)
    const size = recordSizeBytes(record)
    const content = into.toString('latin1', at, (at += size))
    return { content, errno: recordErrno(record), isChanged: wasChanged(record), record }
  })
}

t.test('small files are read in one call, one after another, with what stat says', async (t) => {
  const tree = openTree(t)
  const contents = { a: 'first', b: '', '\xff': 'third', d: 'x'.repeat(1_000) }
  for (const [name, content] of Object.entries(contents)) tree.write(name, content)
  const results = read(tree.fd, Object.keys(contents))
  t.strictSame(
    results.map(({ content }) => content),
    Object.values(contents),
  )
  for (const [index, name] of Object.keys(contents).entries()) {
    const { record, isChanged } = results[index]!
    t.same(record.subarray(0, statBlockBytes), blockOf(fs.statSync(tree.pathOf(name), { bigint: true })), name)
    t.notOk(isChanged, name)
    t.notOk(mayHaveXattrs(record), name)
  }
})

t.test('files of several directories are read in one call', async (t) => {
  const tree = openTree(t)
  const fds = ['one', 'two'].map((name) => {
    fs.mkdirSync(tree.pathOf(name))
    tree.write(`${name}/file`, name)
    return openDirectoryAt(tree.fd, bytes(name))
  })
  const into = Buffer.alloc(6)
  const names = packNames([bytes('file'), bytes('file')])
  readFilesAt({ directoryFds: Int32Array.from(fds), names, limitBytes: 3, into })
  t.equal(into.toString(), 'onetwo')
  fds.forEach(closeFd)
})

t.test(
  'BK08 what vanished, became something else or is too large says so, and the rest is read',
  { timeout: 10_000 },
  async (t) => {
    const tree = openTree(t)
    tree.write('first', '1')
    tree.write('last', '2')
    tree.write('large', 'x'.repeat(1_001))
    tree.makeFifo('fifo')
    fs.mkdirSync(tree.pathOf('directory'))
    fs.symlinkSync('first', tree.pathOf('link'))
    const names = ['first', 'gone', 'large', 'fifo', 'directory', 'link', 'last']
    const results = read(tree.fd, names)
    t.strictSame(
      results.map((result) => result.errno),
      [0, errno.ENOENT, errno.EFBIG, errno.ESTALE, errno.ESTALE, errno.ELOOP, 0],
    )
    t.equal(results.map(({ content }) => content).join(), '1,,,,,,2')
    t.strictSame(
      results.map(({ record }) => recordMode(record) === 0),
      [false, true, true, true, true, true, false],
    )
  },
)

t.test('files that do not fit any more are told, and smaller ones after them are read', async (t) => {
  const tree = openTree(t)
  for (const [name, size] of [
    ['a', 6],
    ['b', 5],
    ['c', 4],
  ] as const)
    tree.write(name, name.repeat(size))
  const results = read(tree.fd, ['a', 'b', 'c'], 1_000, 10)
  t.strictSame(
    results.map((result) => [result.errno, result.content]),
    [
      [0, 'aaaaaa'],
      [errno.ENOBUFS, ''],
      [0, 'cccc'],
    ],
  )
})

t.test('files with attributes are marked, so that the others cost no call', async (t) => {
  const tree = openTree(t)
  tree.write('with')
  tree.write('without')
  setXattrAt(tree.fd, bytes('with'), bytes('user.x'), bytes('y'))
  const results = read(tree.fd, ['with', 'without'])
  t.strictSame(
    results.map(({ record }) => mayHaveXattrs(record)),
    [true, false],
  )
})

/** Another process writes and truncates a file all the time; for a minute at most, should this one be killed. */
async function restless(t: Test, path: string) {
  const script = `const fs = require('node:fs'); const fd = fs.openSync(process.argv[1], 'r+'); console.log('on')
    for (const end = Date.now() + 60000; Date.now() < end;) { fs.writeSync(fd, Buffer.alloc(60000, 1), 0, 60000, 0); fs.ftruncateSync(fd, 1000) }`
  const child = spawn(process.execPath, ['-e', script, path], { stdio: ['ignore', 'pipe', 'inherit'] })
  t.teardown(() => child.kill('SIGKILL'))
  await once(child.stdout, 'data')
}

t.test('BK08 a file that shrinks and grows while it is read is marked, and its size is what was read', async (t) => {
  const tree = openTree(t)
  tree.write('file', Buffer.alloc(60_000, 1))
  await restless(t, tree.pathOf('file').toString())
  let changed = 0
  // Ends when it was seen often enough; the timeout of the test is the limit.
  while (changed < 200) {
    const [result] = read(tree.fd, ['file'], 100_000, 100_000)
    if (!result!.isChanged) continue
    changed++
    if (result!.content.includes(untouched)) t.fail(`${result!.content.length} bytes are more than were read`)
  }
  t.pass('it was read while it changed')
})

const everything = { withOwner: false, modeMask: 0o7777 }

function block(mode: number, size: number, seconds = 1_000_000_000n, nanoseconds = 1): Buffer {
  const bytes = Buffer.alloc(statBlockBytes)
  bytes.writeUInt32LE(mode, 0)
  bytes.writeBigUInt64LE(BigInt(size), 20)
  bytes.writeBigInt64LE(seconds, 28)
  bytes.writeUInt32LE(nanoseconds, 36)
  return bytes
}

interface Wanted {
  readonly name: string
  readonly mode: number
  readonly content: string
}

function write(directoryFd: number, files: readonly Wanted[], options = everything) {
  const offsets: number[] = []
  let data = '..'
  for (const { content } of files) {
    offsets.push(data.length)
    data += content
  }
  return writeFilesAt(
    {
      directoryFds: new Int32Array(files.length).fill(directoryFd),
      names: packNames(files.map(({ name }) => bytes(name))),
      blocks: Buffer.concat(files.map(({ mode, content }) => block(mode, content.length))),
      data: bytes(data),
      offsets: Uint32Array.from(offsets),
    },
    options,
  )
}

t.test('small files are written in one call, with exact modes and times', async (t) => {
  const tree = openTree(t)
  const files = [
    { name: 'a', mode: 0o100666, content: 'first' },
    { name: '\xff', mode: 0o100000, content: '' },
    { name: 'c', mode: 0o104755, content: 'third' },
  ]
  const mask = process.umask(0o777)
  t.strictSame(write(tree.fd, files), [])
  process.umask(mask)
  for (const { name, mode, content } of files) {
    const status = fs.statSync(tree.pathOf(name), { bigint: true })
    t.strictSame([status.mode, status.mtimeNs], [BigInt(mode), 1_000_000_000_000_000_001n], name)
    fs.chmodSync(tree.pathOf(name), 0o600)
    t.equal(tree.read(name), content)
  }
})

t.test('S25 setuid and setgid can be left away', async (t) => {
  const tree = openTree(t)
  write(tree.fd, [{ name: 'file', mode: 0o107755, content: '' }], { withOwner: false, modeMask: 0o1777 })
  t.equal(fs.statSync(tree.pathOf('file')).mode, 0o101755)
})

t.test('S17 nothing that exists is written to, and nothing behind a link', async (t) => {
  const tree = openTree(t)
  tree.write('file', 'keep me')
  fs.symlinkSync('made-by-link', tree.pathOf('dangling'))
  fs.symlinkSync('file', tree.pathOf('link'))
  const names = ['file', 'dangling', 'link', 'new']
  const failures = write(
    tree.fd,
    names.map((name) => ({ name, mode: 0o100644, content: 'new' })),
  )
  t.match(
    failures,
    [0, 1, 2].map((index) => ({ index, error: { code: 'EEXIST', syscall: 'openat' } })),
  )
  t.strictSame(fs.readdirSync(tree.directory).sort(), ['dangling', 'file', 'link', 'new'])
  t.strictSame([tree.read('file'), tree.read('new')], ['keep me', 'new'])
})

t.test('a time that is none is told, and the file is whole otherwise', async (t) => {
  const tree = openTree(t)
  const failures = writeFilesAt(
    {
      directoryFds: Int32Array.of(tree.fd),
      names: bytes('file\0'),
      blocks: block(0o100640, 3, 0n, 0x3fffffff),
      data: bytes('abc'),
      offsets: Uint32Array.of(0),
    },
    everything,
  )
  t.match(failures, [{ index: 0, error: { code: 'EINVAL', syscall: 'futimens' } }])
  t.strictSame([tree.read('file'), fs.statSync(tree.pathOf('file')).mode], ['abc', 0o100640])
})
