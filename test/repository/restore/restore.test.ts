import * as fs from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { chunkIdOf } from '../../../src/repository/format/chunk-id.js'
import type { EntryBody } from '../../../src/repository/format/entry-body.js'
import type { EntryType } from '../../../src/repository/format/entry-check.js'
import { ManifestEntry } from '../../../src/repository/format/manifest-entry.js'
import { Repository } from '../../../src/repository/repository.js'
import { restore, type RestoreDeps, type RestoreRequest } from '../../../src/repository/restore/restore.js'
import { encodeStat } from '../../../src/repository/format/stat-block.js'
import { parseTreePath } from '../../../src/repository/format/tree-path.js'
import { MemoryBucket, MemoryObjectStore, patientCall } from '../../fakes/memory-object-store.js'
import { memoryDirectory } from '../../host/memory-directory.js'
import { firstBackup as name, HandMadeRepository, volume } from '../hand-made-repository.js'
import { snapshotTree } from '../tree-snapshot.js'

const call = patientCall()

async function backedUp(t: Test, fill: (source: string) => void, store = new MemoryObjectStore()) {
  const directory = memoryDirectory(t)
  const source = join(directory, 'source')
  fs.mkdirSync(source)
  fill(source)
  const made = await HandMadeRepository.make(store)
  await made.backUp(source)
  return { source, ...restoring(made, directory) }
}

function restoring(made: HandMadeRepository, directory: string) {
  const to = join(directory, 'target')
  const run = (request: Partial<RestoreRequest> = {}, deps: RestoreDeps = {}, context = call) =>
    restore(
      made.repository,
      { volume, name, to, devices: false, keepHealthy: false, ...request },
      { threads: 1, isRoot: false, ...deps },
      context,
    )
  const left = () => fs.readdirSync(directory).filter((name) => name !== 'source')
  return { directory, made, to, run, left }
}

const fillSimply = (source: string) => {
  fs.mkdirSync(join(source, 'a/b'), { recursive: true })
  fs.writeFileSync(join(source, 'a/small'), 'small')
  fs.writeFileSync(join(source, 'a/b/large'), Buffer.alloc(300_000, 'x'))
  fs.writeFileSync(join(source, 'empty'), '')
  fs.symlinkSync('a/small', join(source, 'link'))
  fs.linkSync(join(source, 'a/small'), join(source, 'z'))
  fs.utimesSync(join(source, 'a'), 1, 2)
}

const wanted = (...typed: readonly string[]) => typed.map((text) => parseTreePath(Buffer.from(text)))

t.test('a tree is restored as it was, and tells what it did', async (t) => {
  const { source, to, run, left } = await backedUp(t, fillSimply)
  const phases = new Set<string>()
  const summary = await run({}, { onProgress: ({ phase }) => phases.add(phase) })
  t.strictSame(snapshotTree(to), snapshotTree(source))
  t.match(summary, {
    target: to,
    files: 3,
    directories: 2,
    others: 2,
    bytes: 300_005,
    problemCount: 0,
    hasOwners: false,
  })
  t.strictSame([...phases], ['copy', 'finish'])
  t.strictSame(left(), ['target'], 'nothing else is left')
})

t.test('a tree of any depth needs few descriptors, on the way down and on the way up', async (t) => {
  const depth = 400
  const { source, to, run } = await backedUp(t, (source) => {
    let path = source
    for (let level = 0; level < depth; level += 1) {
      path = join(path, 'd')
      fs.mkdirSync(path)
      fs.writeFileSync(join(path, 'e'), `${level}`)
      fs.symlinkSync('e', join(path, 'f'))
    }
  })
  const before = fs.readdirSync('/proc/self/fd').length
  let most = 0
  await run({}, { onProgress: () => (most = Math.max(most, fs.readdirSync('/proc/self/fd').length)) })
  t.strictSame(snapshotTree(to), snapshotTree(source))
  // Directories that still wait for a file, and the way to them.
  t.ok(most > before && most - before < depth + 150, `${most - before} more`)
  const after = fs.readdirSync('/proc/self/fd').length
  t.ok(after <= before + 2, `${before} before, ${after} after`)
})

t.test('it goes to a place that is not there, or is empty, and to no other', async (t) => {
  const { directory, source, to, run, left } = await backedUp(t, fillSimply)
  fs.mkdirSync(to, { mode: 0o711 })
  await run()
  t.strictSame(snapshotTree(to), snapshotTree(source), 'an empty directory is replaced')

  const before = snapshotTree(to)
  await t.rejects(run(), { code: 'already-exists', message: /target: it is there already/ })
  t.strictSame(snapshotTree(to), before, 'what is there stays')
  await t.rejects(run({ to: join(directory, 'none/target') }), { code: 'not-found', message: /none is no directory/ })
  await t.rejects(run({ to: '/' }), { code: 'already-exists' })
  fs.mkdirSync(join(directory, 'empty'))
  fs.symlinkSync('empty', join(directory, 'link'))
  await t.rejects(run({ to: join(directory, 'link') }), { code: 'already-exists' }, 'a link is no directory')
  fs.writeFileSync(join(directory, 'file'), '')
  await t.rejects(run({ to: join(directory, 'file') }), { code: 'already-exists' })
  t.strictSame(left().sort(), ['empty', 'file', 'link', 'target'])
})

t.test('what comes into its place meanwhile is not replaced', async (t) => {
  const { to, run, left } = await backedUp(t, fillSimply)
  const onProgress = () => fs.mkdirSync(join(to, 'new'), { recursive: true })
  await t.rejects(run({}, { onProgress }), { code: 'unavailable', message: /such a name already|cannot move/ })
  t.strictSame(left(), ['target'])
  t.strictSame(fs.readdirSync(to), ['new'])
})

t.test('only what is asked for is restored, where it was', async (t) => {
  const { source, to, run, left } = await backedUp(t, fillSimply)
  await run({ paths: wanted('/a/b/', 'a/b/large', 'link') })
  const all = snapshotTree(source)
  const kept = ['.', 'a', 'a/b', 'a/b/large', 'link']
  t.strictSame(snapshotTree(to), Object.fromEntries(kept.map((path) => [path, all[path]])))
  fs.rmSync(to, { recursive: true })
  await t.rejects(run({ paths: wanted('a', 'none') }), { code: 'not-found', message: /no "none" in the backup/ })
  t.strictSame(left(), [])
})

t.test('a hard link whose first name is not asked for is a file of its own', async (t) => {
  const { to, run } = await backedUp(t, (source) => {
    fs.mkdirSync(join(source, 'd'))
    fs.writeFileSync(join(source, 'a'), 'the content')
    fs.linkSync(join(source, 'a'), join(source, 'd/b'))
    fs.linkSync(join(source, 'a'), join(source, 'd/c'))
  })
  await run({ paths: wanted('d') })
  t.strictSame(fs.readdirSync(to), ['d'])
  t.equal(fs.readFileSync(join(to, 'd/c'), 'utf8'), 'the content')
  t.equal(fs.statSync(join(to, 'd/b')).ino, fs.statSync(join(to, 'd/c')).ino, 'and the others are links to it')
})

t.test('a backup that is not there, or was stopped, or cannot be read leaves nothing', async (t) => {
  const store = new MemoryObjectStore()
  const { directory, run, left } = await backedUp(t, fillSimply, store)
  await t.rejects(run({ name: 'backup-0000000000000002' }), { code: 'not-found' })
  const stop = new AbortController()
  const onProgress = () => stop.abort()
  await t.rejects(run({}, { onProgress }, { ...call, signal: stop.signal }), { code: 'deadline-exceeded' })
  t.strictSame(left(), [])
  const keys = store.bucket.keys().filter((key) => /^(?:data|meta|index|backups)\//.test(key))
  t.ok(keys.length >= 4)
  for (const key of keys) {
    const broken = new MemoryObjectStore({ bucket: store.bucket })
    const repository = await Repository.open(broken, {}, call)
    broken.injector.arm({ step: `get ${key}`, when: 'before', how: 'fail' })
    const request = { volume, name, to: join(directory, 'target'), devices: false, keepHealthy: true }
    await t.rejects(restore(repository, request, { threads: 1 }, call), { code: 'unavailable' }, key)
    t.strictSame(left(), [])
  }
})

t.test('what a prune moves to another pack meanwhile is read there', async (t) => {
  const bucket = new MemoryBucket()
  let prune = () => undefined as unknown
  const store = new MemoryObjectStore({
    bucket,
    before: (step) => (step.startsWith('get data/') ? void prune() : undefined),
  })
  const { made, source, to, run } = await backedUp(t, fillSimply, store)
  const before = [...bucket.keys('data/'), ...bucket.keys('index/')]
  const copy = made.anew()
  await copy.putBlob('data', Buffer.from('beforesmall'))
  for (let at = 0; at < 300_000; at += 65_536)
    await copy.putBlob('data', Buffer.alloc(Math.min(65_536, 300_000 - at), 'x'))
  await copy.flush()
  // The index that the restore reads first does not know the copy yet.
  const [segment = ''] = bucket.keys('index/').filter((key) => !before.includes(key))
  const object = bucket.objects.get(segment)
  bucket.objects.delete(segment)
  prune = () => {
    prune = () => undefined
    if (object !== undefined) bucket.objects.set(segment, object)
    for (const key of before) if (key.startsWith('data/')) bucket.objects.delete(key)
  }
  await run()
  t.strictSame(snapshotTree(to), snapshotTree(source))
})

t.test('a file that a manifest describes wrongly is damaged, though its chunk is healthy', async (t) => {
  const made = await HandMadeRepository.make()
  const chunk = await made.putBlob('data', Buffer.from('0123456789'))
  const other = await made.putBlob('data', Buffer.from('another'))
  const stat = { uid: 0, gid: 0, ino: 1n, mtimeSec: 5n, mtimeNs: 6, ctimeSec: 0n, ctimeNs: 0 }
  const file = (path: string, size: number, body: EntryBody) =>
    ManifestEntry.of({ path: Buffer.from(path), type: 'f', stat: encodeStat({ ...stat, mode: 0o100644, size }), body })
  const root = encodeStat({ ...stat, mode: 0o040755, size: 0 })
  const sha256 = (text: string) => chunkIdOf(Buffer.from(text))
  const chunks = (...lengths: readonly number[]): EntryBody => ({
    form: 'chunks',
    averageLog2: 17,
    chunks: lengths.map((lengthBytes) => ({ id: chunk, lengthBytes })),
  })
  const tree = await made.putTree([
    ManifestEntry.of({ path: Buffer.alloc(0), type: 'd', stat: root, body: { form: 'none' } }),
    file('beyond', 9, { form: 'bundled', chunk, offset: 2, sha256: sha256('23456789') }),
    file('longer', 21, chunks(10, 11)),
    file('right', 3, { form: 'bundled', chunk, offset: 2, sha256: sha256('234') }),
    file('shorter', 9, chunks(9)),
    file('twice', 20, chunks(10, 10)),
    file('unknown', 1, { form: 'bundled', chunk: sha256('nowhere'), offset: 0, sha256: sha256('x') }),
    file('wrong', 3, { form: 'bundled', chunk: other, offset: 0, sha256: sha256('234') }),
  ])
  await made.putBackup(name, tree)
  const { to, run } = restoring(made, memoryDirectory(t))
  const { problems } = await run({ keepHealthy: true })
  t.strictSame(problems.map(({ path }) => path).sort(), ['beyond', 'longer', 'shorter', 'unknown', 'wrong'])
  t.strictSame(fs.readdirSync(to), ['right', 'twice'])
  t.equal(fs.readFileSync(join(to, 'right'), 'utf8'), '234')
  t.equal(fs.readFileSync(join(to, 'twice'), 'utf8'), '01234567890123456789')
})

/** A tree that nobody could have backed up here. */
async function handMade(
  t: Test,
  entries: readonly {
    readonly path: string
    readonly type: EntryType
    readonly mode: number
    readonly body: EntryBody
  }[],
) {
  const made = await HandMadeRepository.make()
  const root = { path: '', type: 'd', mode: 0o040755, body: { form: 'none' } } as const
  const all = [root, ...entries].map(({ path, type, mode, body }) => {
    const stat = encodeStat({
      mode,
      uid: 0,
      gid: 0,
      ino: 1n,
      size: 0,
      mtimeSec: 5n,
      mtimeNs: 6,
      ctimeSec: 0n,
      ctimeNs: 0,
    })
    return ManifestEntry.of({ path: parseTreePath(Buffer.from(path)), type, stat, body })
  })
  await made.putBackup(name, await made.putTree(all))
  return restoring(made, memoryDirectory(t))
}

t.test('devices are left out, and said to be', async (t) => {
  const { to, run } = await handMade(t, [
    { path: 'null', type: 'c', mode: 0o020666, body: { form: 'device', major: 1, minor: 3 } },
    { path: 'pipe', type: 'p', mode: 0o010644, body: { form: 'none' } },
  ])
  const summary = await run({ devices: true })
  t.strictSame(fs.readdirSync(to), ['pipe'])
  t.match(summary.problems, [{ path: 'null', code: 'skipped' }])
})

t.test('who is not root makes nobody a file that runs as its owner', async (t) => {
  const { to, run } = await handMade(t, [
    { path: 'file', type: 'f', mode: 0o106755, body: { form: 'empty' } },
    { path: 'folder', type: 'd', mode: 0o043777, body: { form: 'none' } },
  ])
  await run()
  t.equal(fs.statSync(join(to, 'file')).mode & 0o7777, 0o755)
  t.equal(fs.statSync(join(to, 'folder')).mode & 0o7777, 0o1777)
})

t.test('a hard link to what is not there is told, and the rest is restored when that is wanted', async (t) => {
  const { to, run, left } = await handMade(t, [
    { path: 'folder', type: 'd', mode: 0o040755, body: { form: 'none' } },
    { path: 'link', type: 'h', mode: 0o100644, body: { form: 'hard-link', first: Buffer.from('folder\0none') } },
    { path: 'plain', type: 'f', mode: 0o100644, body: { form: 'empty' } },
    { path: 'to-folder', type: 'l', mode: 0o120777, body: { form: 'symlink', target: Buffer.from('folder') } },
    { path: 'zlink', type: 'h', mode: 0o100644, body: { form: 'hard-link', first: Buffer.from('to-folder\0none') } },
  ])
  await t.rejects(run(), { code: 'damaged', message: /link: "folder\/none"/ })
  t.strictSame(left(), [])
  const summary = await run({ keepHealthy: true })
  t.match(summary.problems, [
    { path: 'link', code: 'damaged' },
    { path: 'zlink', code: 'damaged' },
  ])
  t.strictSame(fs.readdirSync(to), ['folder', 'plain', 'to-folder'])
})

t.test('a hard link to a directory does not stop the rest', async (t) => {
  const { run, left } = await handMade(t, [
    { path: 'folder', type: 'd', mode: 0o040755, body: { form: 'none' } },
    { path: 'link', type: 'h', mode: 0o100644, body: { form: 'hard-link', first: Buffer.from('folder') } },
  ])
  await t.rejects(run(), { code: 'unavailable', message: /cannot restore "link": not permitted/ })
  t.strictSame(left(), [])
})
