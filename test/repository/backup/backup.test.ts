import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import * as fs from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { chunkIdOf } from '../../../src/repository/format/chunk-id.js'
import type { RepositoryProgress } from '../../../src/repository/progress.js'
import { QuietLog } from '../../fakes/quiet-log.js'
import { BackupWorld, volume } from './backup-world.js'

const mebibyte = 1024 * 1024

t.test('a backup holds everything that is in a directory', async (t) => {
  const path = t.testdir({
    'a.txt': 'hello',
    empty: '',
    sub: { 'b.txt': 'world' },
    link: t.fixture('symlink', 'a.txt'),
  })
  const large = randomBytes(3 * mebibyte)
  fs.writeFileSync(join(path, 'sub', 'large'), large)
  execFileSync('mkfifo', [join(path, 'queue')])
  const world = new BackupWorld()
  const { record, entries, contents } = await world.read(await world.backup(path))
  t.strictSame([...entries.keys()], ['.', 'a.txt', 'empty', 'link', 'queue', 'sub', 'sub/b.txt', 'sub/large'])
  t.strictSame([...entries.values()].map(({ type }) => type).join(''), 'dfflpdff')
  t.equal(contents.get('a.txt')?.toString(), 'hello')
  t.equal(contents.get('sub/b.txt')?.toString(), 'world')
  t.ok(contents.get('sub/large')?.equals(large))
  t.match(entries.get('link')?.body, { form: 'symlink', target: Buffer.from('a.txt') })
  t.match(record, { volume, isComplete: true, problemCount: 0, path, host: 'h1', tool: 'convoy test' })
  t.match(record.stats, { files: 4, directories: 2, others: 2, bytes: 10 + large.length, filesNew: 4 })
  t.strictSame(world.bucket.keys('leases/'), [])
})

t.test('names that are no text, long ones, and trees that are deep come into a backup as they are', async (t) => {
  const path = t.testdir()
  const odd = Buffer.concat([Buffer.from(`${path}/`), Buffer.from([0xff, 0x0a, 0x27])])
  fs.writeFileSync(odd, 'odd')
  fs.writeFileSync(join(path, 'n'.repeat(255)), 'long')
  const names = Array.from({ length: 100 }, (_, depth) => `${depth}`.padStart(10, 'd'))
  fs.mkdirSync(join(path, ...names), { recursive: true })
  fs.writeFileSync(join(path, ...names, 'leaf'), 'deep')
  const world = new BackupWorld()
  const { record, contents } = await world.read(await world.backup(path))
  t.strictSame(record.problems, [])
  t.equal(contents.get("\\xff\\n'")?.toString(), 'odd')
  t.equal(contents.get('n'.repeat(255))?.toString(), 'long')
  t.equal(contents.get([...names, 'leaf'].join('/'))?.toString(), 'deep')
})

t.test('a file with several names is stored once, and its other names lead to the first', async (t) => {
  const path = t.testdir({ one: 'shared', z: {} })
  fs.linkSync(join(path, 'one'), join(path, 'two'))
  fs.linkSync(join(path, 'one'), join(path, 'z', 'three'))
  const world = new BackupWorld()
  const { entries, record } = await world.read(await world.backup(path))
  t.equal(entries.get('one')?.type, 'f')
  for (const name of ['two', 'z/three'])
    t.match(entries.get(name), { type: 'h', body: { form: 'hard-link', first: Buffer.from('one') } }, name)
  t.equal(record.stats.bytes, 6)
  const next = await world.read(await world.backup(path))
  t.ok(next.record.tree.equals(record.tree), 'nothing about them changes with the next backup')
})

t.test('S23 holes are no data, neither in a file that is nearly all hole nor at its ends', async (t) => {
  const path = t.testdir()
  const fd = fs.openSync(join(path, 'sparse'), 'w')
  fs.writeSync(fd, 'begin', 200 * mebibyte)
  fs.writeSync(fd, 'end', 300 * mebibyte + 5)
  fs.ftruncateSync(fd, 600 * mebibyte)
  fs.closeSync(fd)
  const world = new BackupWorld()
  const { record, entries } = await world.read({ ...(await world.backup(path)) })
  t.equal(entries.get('sparse')?.sizeBytes, 600 * mebibyte)
  t.ok(record.stats.newBytes < 2 * mebibyte, `${record.stats.newBytes}`)
})

t.test('files that have not changed are not read again', async (t) => {
  const path = t.testdir({ small: 'x', sub: { other: 'y' } })
  fs.writeFileSync(join(path, 'large'), randomBytes(mebibyte))
  const world = new BackupWorld()
  const first = await world.backup(path)
  const stored = world.dataPacks
  const second = await world.backup(path)
  t.match(second.stats, { filesUnchanged: 3, filesNew: 0, filesChanged: 0, newBytes: 0, storedBytes: 0 })
  t.equal(second.parent, first.name)
  t.ok(second.tree.equals(first.tree))
  t.strictSame(world.dataPacks, stored)
})

t.test(
  'a file that was written to just before the parent began is read again, because it may have changed since',
  async (t) => {
    const path = t.testdir({ small: 'x' })
    const world = new BackupWorld()
    const { ctimeMs } = fs.statSync(join(path, 'small'))
    world.now = () => Math.ceil(ctimeMs) + 10
    await world.backup(path)
    const { stats } = await world.backup(path)
    t.match(stats, { filesUnchanged: 0, filesChanged: 1, newBytes: 0 }, 'what it holds is known by its hash')
  },
)

t.test('a file that was touched costs a read and nothing else', async (t) => {
  const path = t.testdir({ one: 'first', two: 'second' })
  const world = new BackupWorld()
  const first = await world.read(await world.backup(path))
  fs.utimesSync(join(path, 'one'), 1, 1)
  const { record, entries } = await world.read(await world.backup(path))
  t.match(record.stats, { filesChanged: 1, filesUnchanged: 1, newBytes: 0 })
  t.strictSame(entries.get('one')?.body, first.entries.get('one')?.body)
})

t.test('a chunk that the repository has lost is stored again, although its file has not changed', async (t) => {
  const path = t.testdir({ small: 'x' })
  fs.writeFileSync(join(path, 'large'), randomBytes(mebibyte))
  const world = new BackupWorld()
  await world.backup(path)
  for (const key of world.dataPacks) world.bucket.objects.delete(key)
  const { contents } = await world.read(await world.backup(path))
  t.equal(contents.get('small')?.toString(), 'x')
  t.equal(contents.get('large')?.length, mebibyte)
})

t.test('a part of a large file that was rewritten in place costs about as much as it is', async (t) => {
  const path = t.testdir()
  const file = join(path, 'table')
  fs.writeFileSync(file, randomBytes(70 * mebibyte))
  const world = new BackupWorld()
  await world.backup(path)
  const fd = fs.openSync(file, 'r+')
  const change = randomBytes(mebibyte)
  fs.writeSync(fd, change, 0, change.length, 65 * mebibyte + 4711)
  fs.closeSync(fd)
  const { record, contents } = await world.read(await world.backup(path))
  // And what was in the chunks at its two ends, which are anything up to half a mebibyte long.
  t.ok(record.stats.newBytes >= mebibyte && record.stats.newBytes <= 2 * mebibyte, `${record.stats.newBytes}`)
  t.ok(chunkIdOf(contents.get('table') ?? Buffer.alloc(0)).equals(chunkIdOf(fs.readFileSync(file))))
})

t.test('the same contents are stored once, in whichever volume they are', async (t) => {
  const content = randomBytes(mebibyte)
  const path = t.testdir()
  for (const name of ['one', 'two']) fs.writeFileSync(join(path, name), content)
  const world = new BackupWorld()
  const first = await world.backup(path)
  t.equal(first.stats.newBytes, mebibyte)
  const { stats } = await world.backup(path, { request: { volume: 'db2' as typeof volume } })
  t.match(stats, { filesNew: 2, newBytes: 0 })
})

t.test('small files that are twins are stored once', async (t) => {
  const twin = randomBytes(50_000)
  const path = t.testdir()
  for (const name of ['a', 'b', 'c']) fs.writeFileSync(join(path, name), name === 'b' ? 'between' : twin)
  const world = new BackupWorld()
  const { record, contents } = await world.read(await world.backup(path))
  t.equal(record.stats.newBytes, 50_007)
  t.ok(contents.get('c')?.equals(twin))
})

t.test('what is excluded is neither in the backup nor looked into', async (t) => {
  const path = t.testdir({
    keep: 'x',
    'a.log': 'x',
    cache: { deep: 'x' },
    sub: { cache: 'a file', 'b.log': 'x', 'c.log': 'x' },
  })
  const world = new BackupWorld()
  const record = await world.backup(path, { request: { excludes: ['*.log', '!c.log', 'cache/'] } })
  const { entries } = await world.read(record)
  t.strictSame([...entries.keys()], ['.', 'keep', 'sub', 'sub/c.log', 'sub/cache'])
  t.strictSame(record.excludes, ['*.log', '!c.log', 'cache/'])
})

t.test('what vanishes while a backup runs is one of its problems, and the rest is there', async (t) => {
  const path = t.testdir({ gone: 'x', kept: 'y', sub: { z: 'z' } })
  const world = new BackupWorld()
  const before = (step: string) => {
    if (step.startsWith('put leases/')) fs.rmSync(join(path, 'gone'), { force: true })
  }
  const { record, contents } = await world.read(await world.backup(path, { store: { before } }))
  t.match(record, { isComplete: false, problemCount: 1, problems: [{ path: 'gone', code: 'ENOENT' }] })
  t.strictSame([...contents.keys()], ['kept', 'sub/z'])
})

t.test('a destination inside the source is refused, whatever it is called', async (t) => {
  const path = t.testdir({
    data: { backups: { convoy2: {} } },
    elsewhere: {},
    link: t.fixture('symlink', 'data/backups'),
  })
  const world = new BackupWorld()
  const source = join(path, 'data')
  const refused = { code: 'invalid-argument', message: /lies in/, hint: /another place/ }
  const notYet = ['data/not-yet', 'data/not-yet/new', 'data/not/yet/new', 'link/not-yet/new'].map((name) =>
    join(path, name),
  )
  for (const destinationPath of [join(path, 'link'), join(source, 'backups/convoy2'), source, ...notYet])
    await t.rejects(world.backup(source, { request: { destinationPath } }), refused, destinationPath)
  await t.resolves(world.backup(source, { request: { destinationPath: join(path, 'elsewhere/not/yet') } }))
  await t.resolves(world.backup(join(source, 'backups'), { request: { destinationPath: join(path, 'elsewhere') } }))
})

t.test('a source that is none is refused', async (t) => {
  const path = t.testdir({ file: '' })
  const world = new BackupWorld()
  await t.rejects(world.backup(join(path, 'nothing')), { code: 'not-found' })
  await t.rejects(world.backup(join(path, 'file')), { code: 'invalid-argument' })
  t.strictSame(world.bucket.keys('leases/'), [])
})

t.test('two backups at the same time are both whole', async (t) => {
  const path = t.testdir()
  for (let file = 0; file < 8; file++) fs.writeFileSync(join(path, `f${file}`), randomBytes(mebibyte))
  const world = new BackupWorld()
  await world.open()
  await Promise.all([world.backup(path), world.backup(path)])
  const all = await world.readAll()
  t.equal(all.length, 2)
  for (const { contents } of all) t.equal(contents.size, 8)
})

t.test('progress grows, and ends with all there is', async (t) => {
  const path = t.testdir()
  for (let file = 0; file < 4; file++) fs.writeFileSync(join(path, `f${file}`), randomBytes(mebibyte))
  const told: RepositoryProgress[] = []
  const world = new BackupWorld()
  await world.backup(path, { deps: { onProgress: (progress) => told.push(progress) } })
  t.strictSame([...new Set(told.map(({ phase }) => phase))], ['copy', 'finish'])
  t.match(told.at(-1), { filesDone: 4, bytesDone: 4 * mebibyte })
  t.strictSame(
    told.map(({ bytesDone }) => bytesDone).sort((a, b) => a - b),
    told.map(({ bytesDone }) => bytesDone),
  )
})

t.test('progress goes on while the last packs are stored', async (t) => {
  const path = t.testdir()
  for (let file = 0; file < 6; file++) fs.writeFileSync(join(path, `f${file}`), randomBytes(mebibyte))
  const told: RepositoryProgress[] = []
  let nowMs = Date.now()
  const deps = { now: () => (nowMs += 1000), onProgress: (progress: RepositoryProgress) => told.push(progress) }
  const { stats } = await new BackupWorld().backup(path, { deps })
  const stored = told.filter(({ phase }) => phase === 'finish').map(({ storedBytes }) => storedBytes)
  t.ok(new Set(stored).size > 2, `${stored.join(' ')}: with each pack`)
  t.equal(stored.at(-1), stats.storedBytes)
  const all = told.map(({ storedBytes }) => storedBytes)
  t.strictSame(
    all.toSorted((a, b) => a - b),
    all,
  )
})

t.test('a backup that is stopped keeps what it has stored, tells how to go on, and is not there', async (t) => {
  const path = t.testdir()
  for (let file = 0; file < 24; file++) fs.writeFileSync(join(path, `f${file}`), randomBytes(mebibyte))
  const world = new BackupWorld()
  const stop = new AbortController()
  const before = (step: string) => {
    if (step.startsWith('put data/')) stop.abort()
  }
  const call = { signal: stop.signal, log: new QuietLog() }
  await t.rejects(world.backup(path, { store: { before }, call }), { code: 'unavailable', hint: /start it again/ })
  t.strictSame(await world.readAll(), [])
  t.strictSame(world.bucket.keys('leases/'), [])
  t.equal(world.bucket.keys('index/').length, 1, 'what has arrived is listed')
  const { stats } = await world.backup(path)
  t.ok(stats.newBytes < 24 * mebibyte, `${stats.newBytes}`)
  const [only] = await world.readAll()
  t.equal(only?.contents.size, 24)
})
