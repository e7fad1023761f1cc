import { execFileSync } from 'node:child_process'
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import type { FileHandle } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { BytePace } from '../../../src/host/byte-pace.js'
import { DirectoryStore } from '../../../src/object-stores/directory/directory-store.js'
import { listAll, objectStoreConformance } from '../../conformance/object-store.js'
import { patientCall } from '../../fakes/memory-object-store.js'
import { memoryDirectory } from '../../host/memory-directory.js'
import { duringTest, errno } from './file-calls.js'

objectStoreConformance(t, 'directory', async (t) => {
  const path = `${memoryDirectory(t)}/backups`
  return { open: () => DirectoryStore.open(path, { url: `vfs://${path}` }), many: 300 }
})

const call = patientCall()
const bytes = Buffer.from('content')
const keysOf = async (store: DirectoryStore) => (await listAll(store)).map(({ key }) => key)

/** A store on a fresh directory, and where its objects lie. */
async function openStore(t: Test): Promise<{ store: DirectoryStore; base: string; root: string }> {
  const base = memoryDirectory(t)
  const store = await DirectoryStore.open(base, { url: `vfs://${base}` })
  t.teardown(() => store.close())
  return { store, base, root: join(base, 'convoy2') }
}

t.test('reading from a destination makes nothing there', async (t) => {
  const { store, base } = await openStore(t)
  await t.rejects(store.get('config.json', undefined, call), { code: 'not-found' })
  t.equal(await store.head('config.json', call), undefined)
  await store.remove(['config.json'], call)
  t.strictSame(await keysOf(store), [])
  t.strictSame(readdirSync(base), [])
})

t.test('a destination is made with its first object, below a directory that is there only', async (t) => {
  const base = memoryDirectory(t)
  const path = join(base, 'backups')
  const store = await DirectoryStore.open(path, { url: 'vfs:' })
  t.teardown(() => store.close())
  t.notOk(existsSync(path))
  await store.put('data/ab/1', bytes, {}, call)
  t.equal(readFileSync(join(path, 'convoy2/data/ab/1'), 'utf8'), 'content')
  t.equal(lstatSync(join(path, 'convoy2/data/ab/1')).mode & 0o777, 0o600)
  t.equal(lstatSync(join(path, 'convoy2/data')).mode & 0o777, 0o700)
  await t.rejects(DirectoryStore.open(join(base, 'not-mounted/backups'), { url: 'vfs:' }), {
    code: 'not-found',
    hint: /mount/,
  })
  await t.rejects(DirectoryStore.open(join(path, 'convoy2/data/ab/1'), { url: 'vfs:' }), { code: 'invalid-argument' })
})

t.test('a destination whose mountpoint is bare again is not gone on with there', async (t) => {
  const { store, base } = await openStore(t)
  await store.put('data/ab/1', bytes, {}, call)
  // What an unmount does to a path.
  renameSync(base, `${base}-away`)
  t.teardown(() => execFileSync('/bin/rm', ['-rf', `${base}-away`]))
  mkdirSync(base)
  await store.put('data/cd/2', bytes, {}, call)
  t.strictSame(readdirSync(base), [])
  t.strictSame(await keysOf(store), ['data/ab/1', 'data/cd/2'])
})

t.test('S27: a symbolic link in a repository is never followed', async (t) => {
  const { store, base, root } = await openStore(t)
  await store.put('data/ab/1', bytes, {}, call)
  mkdirSync(join(base, 'outside'))
  writeFileSync(join(base, 'outside/secret'), 'secret')
  symlinkSync(join(base, 'outside'), join(root, 'data/cd'))
  symlinkSync(join(base, 'outside/secret'), join(root, 'data/ab/2'))
  const refused = { code: 'invalid-argument', hint: String }
  await t.rejects(store.get('data/ab/2', undefined, call), refused)
  await t.rejects(store.get('data/cd/secret', undefined, call), refused)
  await t.rejects(store.head('data/cd/secret', call), refused)
  await t.rejects(store.put('data/cd/planted', bytes, {}, call), refused)
  await t.rejects(store.remove(['data/cd/secret'], call), refused)
  t.equal(await store.head('data/ab/2', call), undefined)
  t.strictSame(await keysOf(store), ['data/ab/1'])
  // In place of a link comes the object, not what it leads to.
  await store.put('data/ab/2', bytes, {}, call)
  t.strictSame(readdirSync(join(base, 'outside')), ['secret'])
  t.equal(readFileSync(join(base, 'outside/secret'), 'utf8'), 'secret')
  t.equal(String(await store.get('data/ab/2', undefined, call)), 'content')
})

t.test('S27: a repository that is itself a symbolic link is refused', async (t) => {
  const { store, base, root } = await openStore(t)
  mkdirSync(join(base, 'elsewhere'))
  symlinkSync(join(base, 'elsewhere'), root)
  await t.rejects(store.put('data/ab/1', bytes, {}, call), { code: 'invalid-argument' })
  await t.rejects(listAll(store), { code: 'invalid-argument' })
})

t.test('S23: what is neither file nor folder is no object, and holds nobody', async (t) => {
  const { store, root } = await openStore(t)
  await store.put('data/ab/1', bytes, {}, call)
  execFileSync('mkfifo', [join(root, 'data/ab/fifo')])
  mkdirSync(join(root, 'data/ab/folder'))
  t.strictSame(await keysOf(store), ['data/ab/1'])
  await t.rejects(store.get('data/ab/fifo', undefined, call), { code: 'not-found' })
  await t.rejects(store.put('data/ab/folder', bytes, {}, call), { code: 'invalid-argument' })
  await t.rejects(store.put('data/ab/1/deeper', bytes, {}, call), { code: 'invalid-argument' })
  t.strictSame(readdirSync(join(root, 'data/ab')).sort(), ['1', 'fifo', 'folder'])
})

t.test('files of others beside the objects are left out of lists and left alone', async (t) => {
  const { store, root } = await openStore(t)
  await store.put('data/ab/1', bytes, {}, call)
  for (const name of ['.nfs0001', '.hidden', 'with space', 'ä']) writeFileSync(join(root, 'data/ab', name), '')
  mkdirSync(join(root, '.snapshot'))
  t.strictSame(await keysOf(store), ['data/ab/1'])
  t.equal(readdirSync(join(root, 'data/ab')).length, 5)
})

t.test('S26: a file that is too large for an object is not read as one', async (t) => {
  const { store, root } = await openStore(t)
  await store.put('config.json', bytes, {}, call)
  execFileSync('truncate', ['-s', '1T', join(root, 'config.json')])
  await t.rejects(store.get('config.json', undefined, call), { code: 'unsupported' })
  t.equal((await store.get('config.json', { last: 5 }, call)).length, 5)
})

t.test('a temporary file of somebody who died is removed after a day by the clock of the file system', async (t) => {
  const { store, root } = await openStore(t)
  mkdirSync(join(root, 'data/ab'), { recursive: true })
  const [old, young] = ['.tmp-0000000000000001', '.tmp-0000000000000002']
  const leftovers = () => readdirSync(join(root, 'data/ab')).filter((name) => name.startsWith('.tmp-'))
  for (const name of [old, young]) writeFileSync(join(root, 'data/ab', name), 'half')
  await store.put('data/cd/1', bytes, {}, call)
  const nowSeconds = lstatSync(join(root, 'data/cd/1')).mtimeMs / 1000
  utimesSync(join(root, 'data/ab', old), nowSeconds, nowSeconds - 86_460)
  utimesSync(join(root, 'data/ab', young), nowSeconds, nowSeconds - 86_340)

  // Whoever only reads does not know the time there.
  const reader = await DirectoryStore.open(join(root, '..'), { url: 'vfs:' })
  t.teardown(() => reader.close())
  t.strictSame(await keysOf(reader), ['data/cd/1'])
  t.strictSame(leftovers(), [old, young])
  t.strictSame(await keysOf(store), ['data/cd/1'])
  t.strictSame(leftovers(), [young])
})

t.test('BK02: an object is durable before it has its name, and its name before the put ends', async (t) => {
  const { store, base } = await openStore(t)
  const log: string[] = []
  await duringTest(t, async (name, [subject], act) => {
    if (name === 'sync') log.push(describeSync(base, (subject as FileHandle).fd))
    const result = await act()
    if (['link', 'rename'].includes(name)) log.push(name)
    return result
  })
  await store.put('data/ab/1', bytes, {}, call)
  t.strictSame(log.splice(0), [
    '/: convoy2',
    '/convoy2: data',
    '/convoy2/data: ab',
    '/convoy2/data/ab/.tmp: content',
    'rename',
    '/convoy2/data/ab: 1',
  ])
  await store.put('data/ab/2', bytes, { createOnly: true }, call)
  t.strictSame(log.splice(0), ['/convoy2/data/ab/.tmp: content', 'link', '/convoy2/data/ab: 1 2'])
  await store.remove(['data/ab/1'], call)
  t.strictSame(log.splice(0), ['/convoy2/data/ab: 2'])
  // A folder that somebody else made may not be durable.
  mkdirSync(join(base, 'convoy2/data/cd'))
  await store.put('data/cd/1', bytes, {}, call)
  t.equal(log[0], '/convoy2/data: ab cd')
})

/** What fsync is called for: the path with what is in it. */
function describeSync(base: string, fd: number): string {
  const path = readlinkSync(`/proc/self/fd/${fd}`)
  const content = lstatSync(path).isDirectory() ? readdirSync(path).sort().join(' ') : readFileSync(path, 'utf8')
  return `${path.slice(base.length).replace(/(\.tmp)-[0-9a-f]{16}/, '$1') || '/'}: ${content}`
}

for (const [code, step] of [
  ['ENOSPC', 'write'],
  ['ENOSPC', 'sync'],
  ['EDQUOT', 'sync'],
  ['EIO', 'sync'],
  ['EROFS', 'open'],
  ['ESTALE', 'mkdir'],
] as const)
  t.test(`a put that fails with ${code} at ${step} says so, and leaves nothing`, async (t) => {
    const { store, root } = await openStore(t)
    await store.put('config.json', bytes, {}, call)
    await duringTest(t, (name, [subject], act) => {
      const isFile = name !== 'open' || String(subject).includes('.tmp-')
      return name === step && isFile ? Promise.reject(errno(code, step)) : act()
    })
    const key = step === 'mkdir' ? 'data/1' : '1'
    await t.rejects(store.put(key, bytes, {}, call), {
      code: 'unavailable',
      message: new RegExp(`cannot store ${key} in vfs:`),
      hint: String,
    })
    t.strictSame(readdirSync(root), ['config.json'])
  })

t.test('a directory that cannot be synced, as on some shares, is no failure', async (t) => {
  const { store } = await openStore(t)
  await duringTest(t, (name, [subject], act) => {
    const isFolder =
      name === 'sync' && lstatSync(readlinkSync(`/proc/self/fd/${(subject as FileHandle).fd}`)).isDirectory()
    return isFolder ? Promise.reject(errno('EINVAL', 'fsync')) : act()
  })
  await store.put('data/ab/1', bytes, {}, call)
  t.strictSame(await keysOf(store), ['data/ab/1'])
})

t.test('BK11: a share that repeats a request whose answer was lost has done it all the same', async (t) => {
  const { store, root } = await openStore(t)
  await duringTest(t, async (name, _, act) => {
    const result = await act()
    if (name === 'link') throw errno('EEXIST', 'link')
    if (name === 'rename') throw errno('ENOENT', 'rename')
    return result
  })
  await store.put('one', bytes, {}, call)
  await store.put('two', bytes, { createOnly: true }, call)
  t.strictSame(readdirSync(root).sort(), ['one', 'two'])
})

t.test('without hard links a store says that creating is racy, and still refuses what is there', async (t) => {
  const { store, root } = await openStore(t)
  await duringTest(t, (name, _, act) => (name === 'link' ? Promise.reject(errno('EPERM', 'link')) : act()))
  t.equal(store.createOnly, 'atomic')
  await store.put('one', bytes, { createOnly: true }, call)
  t.equal(store.createOnly, 'racy')
  await t.rejects(store.put('one', Buffer.from('other'), { createOnly: true }, call), { code: 'already-exists' })
  t.equal(String(await store.get('one', undefined, call)), 'content')
  t.strictSame(readdirSync(root), ['one'])
})

t.test('a put that is given up in the middle leaves nothing', async (t) => {
  const { store, root } = await openStore(t)
  await store.put('config.json', bytes, {}, call)
  const giveUp = new AbortController()
  await duringTest(t, (name, _, act) => {
    if (name === 'write') giveUp.abort()
    return act()
  })
  const large = Buffer.alloc(9 * 2 ** 20)
  await t.rejects(store.put('large', large, {}, { ...call, signal: giveUp.signal }), { code: 'deadline-exceeded' })
  t.strictSame(readdirSync(root), ['config.json'])
})

t.test('what is written keeps to its pace', async (t) => {
  let nowMs = 0
  const pace = new BytePace(100_000, {
    nowMs: () => nowMs,
    pause: (ms) => {
      nowMs += ms
      return Promise.resolve()
    },
  })
  const base = memoryDirectory(t)
  const store = await DirectoryStore.open(base, { url: 'vfs:', pace })
  t.teardown(() => store.close())
  await store.put('data/1', Buffer.alloc(500_000, 'x'), {}, call)
  t.ok(Math.abs(nowMs - 5000) < 110, `${nowMs} ms`)
  t.ok((await store.get('data/1', undefined, call)).equals(Buffer.alloc(500_000, 'x')))
})
