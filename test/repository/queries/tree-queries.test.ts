import { randomBytes } from 'node:crypto'
import * as fs from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { openBackupTree } from '../../../src/repository/backup-tree.js'
import { diffTrees } from '../../../src/repository/queries/diff-trees.js'
import { findEntries, type FindQuery } from '../../../src/repository/queries/find-entries.js'
import { listTree } from '../../../src/repository/queries/list-tree.js'
import { readFile } from '../../../src/repository/queries/read-file.js'
import { parseTreePath, showPath } from '../../../src/repository/format/tree-path.js'
import { MemoryObjectStore, patientCall } from '../../fakes/memory-object-store.js'
import { memoryDirectory } from '../../host/memory-directory.js'
import { firstBackup, HandMadeRepository, volume } from '../hand-made-repository.js'

const call = patientCall()
const secondBackup = 'backup-0000000000000002'

async function backedUp(t: Test) {
  const source = join(memoryDirectory(t), 'source')
  fs.mkdirSync(join(source, 'etc/conf.d'), { recursive: true })
  fs.mkdirSync(join(source, 'etc.old'))
  fs.writeFileSync(join(source, 'etc/a.conf'), 'a')
  fs.writeFileSync(join(source, 'etc/conf.d/b.conf'), 'bb')
  fs.writeFileSync(join(source, 'etc.old/a.conf'), 'old')
  fs.writeFileSync(join(source, 'large'), randomBytes(1_300_000))
  fs.truncateSync(join(source, 'large'), 2_000_000)
  fs.symlinkSync('large', join(source, 'link'))
  fs.linkSync(join(source, 'etc/a.conf'), join(source, 'same'))
  const store = new MemoryObjectStore()
  const made = await HandMadeRepository.make(store, 100_000)
  await made.backUp(source)
  const open = (name = firstBackup) => openBackupTree(made.repository, { volume, name }, call)
  return { source, made, open, bucket: store.bucket }
}

const treePath = (text: string) => parseTreePath(Buffer.from(text))

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = []
  for await (const item of items) list.push(item)
  return list
}

async function paths(entries: AsyncIterable<{ readonly path: Buffer }>): Promise<readonly string[]> {
  return (await all(entries)).map(({ path }) => showPath(path))
}

t.test('ls shows what is in a directory, or all below it, or a file itself', async (t) => {
  const { open } = await backedUp(t)
  const tree = await open()
  const ls = (path: string, recursive = false) => paths(listTree(tree, { path: treePath(path), recursive }))
  t.strictSame(await ls('/'), ['etc', 'etc.old', 'large', 'link', 'same'])
  t.strictSame(await ls('etc'), ['etc/a.conf', 'etc/conf.d'])
  t.strictSame(await ls('etc', true), ['etc/a.conf', 'etc/conf.d', 'etc/conf.d/b.conf'])
  t.equal((await ls('.', true)).length, 9)
  t.strictSame(await ls('etc/a.conf'), ['etc/a.conf'])
  await t.rejects(ls('etc/none'), { code: 'not-found', message: /no "etc\/none" in the backup/ })
})

t.test('cat gives the bytes of a file, through a hard link too, and of nothing else', async (t) => {
  const { source, open } = await backedUp(t)
  const tree = await open()
  const cat = async (path: string) => Buffer.concat(await all(readFile(tree, treePath(path), call)))
  t.ok((await cat('large')).equals(fs.readFileSync(join(source, 'large'))), 'holes are zeros')
  t.equal(String(await cat('etc/a.conf')), 'a')
  t.equal(String(await cat('same')), 'a')
  await t.rejects(cat('link'), { code: 'invalid-argument', message: '"link" is no regular file' })
  await t.rejects(cat('etc'), { code: 'invalid-argument' })
  await t.rejects(cat('none'), { code: 'not-found' })
})

t.test('cat ends before what is damaged', async (t) => {
  const { open, bucket } = await backedUp(t)
  const tree = await open()
  for (const key of bucket.keys('data/'))
    bucket.damage(key, (bytes) => {
      bytes[60] = (bytes[60] ?? 0) ^ 1
      return bytes
    })
  await t.rejects(all(readFile(tree, treePath('large'), call)), { code: 'damaged' })
})

t.test('find finds by pattern, type and size', async (t) => {
  const { open } = await backedUp(t)
  const tree = await open()
  const find = (query: FindQuery) => paths(findEntries(tree, query))
  t.strictSame(await find({ patterns: ['*.conf'] }), ['etc/a.conf', 'etc/conf.d/b.conf', 'etc.old/a.conf'])
  t.strictSame(await find({ patterns: ['/etc/*.conf'] }), ['etc/a.conf'])
  t.strictSame(await find({ patterns: ['conf.d/'] }), ['etc/conf.d', 'etc/conf.d/b.conf'])
  t.strictSame(await find({ patterns: [], types: new Set(['l', 'h']) }), ['link', 'same'])
  t.strictSame(await find({ patterns: [], leastBytes: 2, mostBytes: 3 }), ['etc/conf.d/b.conf', 'etc.old/a.conf'])
})

t.test('diff tells what was added, removed and changed, and nothing else', async (t) => {
  const { source, made, open } = await backedUp(t)
  fs.writeFileSync(join(source, 'etc/new'), 'new')
  fs.rmSync(join(source, 'etc.old'), { recursive: true })
  fs.writeFileSync(join(source, 'etc/conf.d/b.conf'), 'BB')
  fs.chmodSync(join(source, 'large'), 0o600)
  fs.rmSync(join(source, 'link'))
  fs.mkdirSync(join(source, 'link'))
  fs.renameSync(join(source, 'same'), join(source, 'same.tmp'))
  fs.renameSync(join(source, 'same.tmp'), join(source, 'same'))
  await made.backUp(source, secondBackup)
  const differences: string[] = []
  for await (const { path, change } of diffTrees(await open(), await open(secondBackup)))
    differences.push(`${change} ${showPath(path)}`)
  t.strictSame(differences, [
    'metadata .',
    'metadata etc',
    'content etc/conf.d/b.conf',
    'added etc/new',
    'removed etc.old',
    'removed etc.old/a.conf',
    'metadata large',
    'content link',
  ])
})

t.test('what two backups have in common is not read to tell how they differ', async (t) => {
  const { made, open, source } = await backedUp(t)
  await made.backUp(source, secondBackup)
  const trees = [await open(), await open(secondBackup)] as const
  const read = trees[0].manifest.readShard.bind(trees[0].manifest)
  let shards = 0
  trees[0].manifest.readShard = (shard) => {
    shards += 1
    return read(shard)
  }
  t.strictSame(await all(diffTrees(...trees)), [])
  t.equal(shards, 0)
})
