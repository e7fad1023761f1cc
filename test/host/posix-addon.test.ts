import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'
import fc from 'fast-check'
import t from 'tap'
import { addon } from '../../src/host/posix-addon.js'
import { bytes, openTree } from './posix-tree.js'

/** Everything that the addon can do, whatever it is given. */
const functions = Object.entries(addon) as unknown as (readonly [string, (...given: unknown[]) => unknown])[]

const addonPath = fileURLToPath(new URL('../../../src/native/build/Release/posix.node', import.meta.url))

t.test('every function wants its arguments', async (t) => {
  t.ok(functions.length > 30)
  for (const [name, call] of functions) {
    t.throws(() => call(), { name: 'TypeError', code: 'ERR_INVALID_ARG_TYPE' }, `${name} with nothing`)
    const nonsense = Array.from({ length: 7 }, () => Symbol('nonsense'))
    t.throws(() => call(...nonsense), { name: 'TypeError' }, `${name} with nonsense`)
  }
})

t.test('a descriptor is an integer that is not negative', async (t) => {
  for (const fd of [-1, -100, 0.5, NaN, Infinity, 2 ** 31, 2 ** 53, '3', null, undefined, 3n, {}]) {
    t.throws(() => addon.readNames(fd as number), { name: 'TypeError' }, typeof fd)
    t.throws(() => addon.openFileAt(fd as number, bytes('x')), { name: 'TypeError' }, typeof fd)
  }
  // The second would be the working directory.
  for (const fd of [-1, -100]) {
    const read = () => addon.readFilesAt(Int32Array.of(1_000_000, fd), bytes('a\0b\0'), 1, Buffer.alloc(1))
    t.throws(read, { name: 'TypeError' }, String(fd))
  }
})

t.test('a typed array is of the kind that is needed', async (t) => {
  const arrays: readonly unknown[] = [
    new Uint8Array(8),
    new Float64Array(1),
    new Uint32Array(1),
    new Int8Array(1),
    Buffer.alloc(4),
    [3],
  ]
  for (const array of arrays) {
    const read = () => addon.readFilesAt(array as Int32Array, bytes('a\0'), 1, Buffer.alloc(1))
    t.throws(read, { name: 'TypeError' })
  }
})

t.test('S25 a name leads nowhere else', async (t) => {
  const tree = openTree(t)
  for (const name of ['', '.', '..', '/', 'a/b', '/etc', '../x', 'a\0', '\0', 'x'.repeat(4096)]) {
    for (const call of [
      () => addon.openFileAt(tree.fd, bytes(name)),
      () => addon.statNames(tree.fd, [bytes('fine'), bytes(name)]),
      () => addon.makeDirectoryAt(tree.fd, bytes(name), 0o700),
      () => addon.linkAt(tree.fd, bytes('x'), tree.fd, bytes(name)),
      () => addon.getXattrsAt(tree.fd, bytes(name)),
    ])
      t.throws(call, { name: 'TypeError' }, JSON.stringify(name))
  }
  t.strictSame(readdirSync(tree.directory), [])
})

t.test('S25 packed names lead nowhere else, and are as many as there are directories', async (t) => {
  const tree = openTree(t)
  const into = Buffer.alloc(10)
  for (const names of [
    '',
    'a',
    'a\0',
    'a\0b',
    'a\0b\0c\0',
    '\0\0',
    'a\0\0',
    'a\0..\0',
    'a\0b/c\0',
    `a\0${'x'.repeat(4096)}\0`,
  ])
    t.throws(
      () => addon.readFilesAt(Int32Array.of(tree.fd, tree.fd), bytes(names), 10, into),
      { name: 'TypeError' },
      JSON.stringify(names),
    )
})

/** EINVAL */
const invalid = 22

t.test('contents lie within their data', async (t) => {
  const tree = openTree(t)
  const write = (size: bigint, offset: number, blockBytes = 52, offsets = 1) => {
    const blocks = Buffer.alloc(blockBytes)
    if (blockBytes >= 28) blocks.writeBigUInt64LE(size, 20)
    const at = new Uint32Array(offsets).fill(offset)
    return addon.writeFilesAt(Int32Array.of(tree.fd), bytes('file\0'), blocks, Buffer.alloc(10), at, 0, 0)
  }
  for (const [size, offset] of [
    [11n, 0],
    [1n, 10],
    [0n, 11],
    [2n ** 64n - 1n, 1],
    [2n ** 64n - 10n, 10],
    [0n, 2 ** 32 - 1],
  ] as const)
    t.same(write(size, offset), Int32Array.of(invalid, 1), `${size} at ${offset}`)
  t.throws(() => write(1n, 0, 51), { name: 'TypeError' })
  t.throws(() => write(1n, 0, 53), { name: 'TypeError' })
  t.throws(() => write(1n, 0, 52, 2), { name: 'TypeError' })
  t.throws(() => addon.finishFile(tree.fd, Buffer.alloc(51), 0, 0), { name: 'TypeError' })
  t.strictSame(readdirSync(tree.directory), [])
  t.equal(write(1n, 9), undefined)
})

t.test('whatever is given, there is a result or a TypeError', async () => {
  const number = fc.oneof(fc.constantFrom(1_000_000, 2 ** 31 - 1, 2 ** 32 - 1, -1, 2 ** 40, NaN), fc.double())
  const binary = fc.oneof(
    fc.uint8Array({ maxLength: 200 }).map((array) => Buffer.from(array)),
    fc.constantFrom(0, 52, 88, 5_000).map((length) => Buffer.alloc(length, 'a')),
    fc.constantFrom(bytes('a\0b\0'), new Int32Array(2).fill(1_000_000), new Int32Array(0), new Uint32Array(2)),
    fc.constantFrom(new Float64Array(1), new DataView(new ArrayBuffer(3)), new ArrayBuffer(8)),
  )
  const argument = fc.oneof(number, binary, fc.bigInt(), fc.array(binary, { maxLength: 3 }), fc.anything())
  const call = fc.tuple(fc.constantFrom(...functions), fc.array(argument, { minLength: 1, maxLength: 8 }))
  const check = fc.property(call, ([[, call], given]) => {
    // It could be open.
    if (given.some((one) => typeof one === 'number' && one >= 0 && one < 1_000_000)) return
    try {
      call(...given)
    } catch (thrown) {
      if (!(thrown instanceof TypeError)) throw thrown
    }
  })
  fc.assert(check, { numRuns: 20_000 })
})

t.test('arrays that change while they are read do no harm', async (t) => {
  const tree = openTree(t)
  const names: unknown[] = [bytes('a'), bytes('b')]
  Object.defineProperty(names, 0, { get: () => ((names.length = 0), bytes('x')) })
  t.throws(() => addon.statNames(tree.fd, names as Buffer[]), { name: 'TypeError' })
  const throwing = Object.defineProperty([], 0, {
    get: () => {
      throw new RangeError('mine')
    },
  })
  t.throws(() => addon.statNames(tree.fd, throwing))
})

t.test('every thread has it, with the descriptors of all', async (t) => {
  const tree = openTree(t)
  tree.write('file', 'content')
  const text = `const { parentPort, workerData } = require('node:worker_threads')
    const addon = require(workerData.path), into = Buffer.alloc(7)
    addon.readFilesAt(Int32Array.of(workerData.fd), Buffer.from('file\\0'), 7, into)
    parentPort.postMessage(into.toString())`
  for (let round = 0; round < 3; round++) {
    const workers = [1, 2].map(() => new Worker(text, { eval: true, workerData: { path: addonPath, fd: tree.fd } }))
    const answers = await Promise.all(workers.map((worker) => once(worker, 'message')))
    t.strictSame(answers, [['content'], ['content']])
    await Promise.all(workers.map((worker) => worker.terminate()))
  }
})

t.test('nothing leaks: neither memory nor descriptors, when calls fail too', async (t) => {
  const { directory } = openTree(t)
  const script = `
    const fs = require('node:fs')
    const [, path, directory] = process.argv
    const addon = require(path), fd = addon.openRoot(Buffer.from(directory))
    for (let i = 0; i < 150; i++) fs.writeFileSync(directory + '/' + 'name'.repeat(50) + i, 'x'.repeat(100))
    const own = addon.openFileAt(fd, Buffer.from('name'.repeat(50) + '0'))
    addon.setXattr(own, Buffer.from('user.x'), Buffer.alloc(2000))
    for (let i = 0; i < 20; i++) addon.setXattr(own, Buffer.from('user.' + 'n'.repeat(90) + i), Buffer.alloc(10))
    addon.makeDirectoryAt(fd, Buffer.from('many'), 0o700)
    const many = addon.openDirectoryAt(fd, Buffer.from('many'))
    for (let i = 0; i < 1000; i++) addon.closeFd(addon.createFileAt(many, Buffer.from('' + i)))
    const into = Buffer.alloc(100000)
    const round = () => {
      const [names, count] = addon.readNames(fd)
      const fds = new Int32Array(count).fill(fd)
      addon.statPackedNames(fd, names, count)
      addon.readFilesAt(fds, names, 1000, into)
      addon.readFilesAt(fds, names, 10, into)
      addon.writeFilesAt(fds, names, Buffer.alloc(52 * count), into, new Uint32Array(count), 0, 0)
      for (let i = 0; i < 40; i++) {
        addon.readNames(many)
        addon.getXattrs(own)
        addon.openFileAt(fd, Buffer.from('none'))
        addon.readNames(own)
        addon.setModeAt(fd, Buffer.from('none'), 0)
        addon.setModeAt(fd, Buffer.from('name'.repeat(50) + '0'), 0o600)
        try { addon.readFilesAt(fds, Buffer.from('x'), 1, into) } catch {}
        try { addon.statNames(fd, [Buffer.from('x'), 1]) } catch {}
      }
    }
    const measure = () => {
      for (let i = 0; i < 20; i++) round()
      gc(); gc()
      return [process.memoryUsage.rss(), fs.readdirSync('/proc/self/fd').length]
    }
    measure(); measure()
    const [before, openBefore] = measure()
    for (let i = 0; i < 3; i++) measure()
    const [after, openAfter] = measure()
    console.log(JSON.stringify({ grownBytes: after - before, opened: openAfter - openBefore }))`
  const { stdout, stderr } = spawnSync(process.execPath, ['--expose-gc', '-e', script, addonPath, directory], {
    encoding: 'utf8',
  })
  t.equal(stderr, '')
  const { grownBytes, opened } = JSON.parse(stdout) as { grownBytes: number; opened: number }
  t.equal(opened, 0)
  // The smallest of the addon's allocations, if it were not freed, would be 25 MB in all.
  t.ok(grownBytes < 12_000_000, `${grownBytes} bytes more`)
})
