import t from 'tap'
import { chunkIdOf } from '../../src/repository/format/chunk-id.js'
import { newCondemnedKey, putCondemnedList } from '../../src/repository/condemned.js'
import type { IndexedPack } from '../../src/repository/format/index-segment.js'
import { packObjectKey } from '../../src/repository/format/pack-kind.js'
import { Repository } from '../../src/repository/repository.js'
import { type IndexPurpose, type PackState, RepositoryIndex } from '../../src/repository/repository-index.js'
import { type MemoryBucket, MemoryObjectStore, patientCall } from '../fakes/memory-object-store.js'
import { initSample, sampleBytes, sampleKey, SamplePacker } from './sample-repository.js'

const call = patientCall()
const load = (repository: Repository, purpose: IndexPurpose = 'write') =>
  RepositoryIndex.load(repository, { purpose }, call)
const keyOf = ({ kind, id }: IndexedPack) => packObjectKey(kind, id)
const rawOf = (seed: number) => sampleBytes(300, seed)
const idOf = (seed: number) => chunkIdOf(rawOf(seed))

/** A pack of these blobs, which lies in the store and in no index. */
async function storePack(repository: Repository, ...seeds: readonly number[]): Promise<IndexedPack> {
  const packer = new SamplePacker(repository)
  for (const seed of seeds) await packer.put('data', rawOf(seed), call)
  const [pack] = await packer.finish(call)
  return pack!
}

async function sample() {
  const store = new MemoryObjectStore({ pageSize: 3 })
  const repository = await initSample(store, call)
  const packs = [
    await storePack(repository, 1, 2),
    await storePack(repository, 3),
    await storePack(repository, 4, 5),
  ] as const
  await repository.putIndex(packs.slice(0, 2), call)
  await repository.putIndex(packs.slice(2), call)
  return { store, repository, packs, bucket: store.bucket }
}

t.test('the index says where every chunk lies', async (t) => {
  const { repository, packs } = await sample()
  const index = await load(repository)
  t.equal(index.table.size, 5)
  for (const [seed, pack] of [
    [1, 0],
    [2, 0],
    [3, 1],
    [4, 2],
    [5, 2],
  ] as const)
    t.match(index.locate(idOf(seed)), {
      pack: { id: packs[pack].id, state: 'there' },
      entry: { id: idOf(seed), rawBytes: 300, type: 'data' },
    })
  t.equal(index.locate(idOf(6)), undefined)
  t.strictSame(index.segments.map(({ packs }) => packs.length).sort(), [1, 2])
  t.strictSame([index.orphans, index.damage], [[], []])
  for (const { storedAtMs, chunks } of index.packs) t.ok(storedAtMs !== undefined && chunks > 0)
})

const harms: Readonly<
  Record<Exclude<PackState, 'there'>, (bucket: MemoryBucket, pack: IndexedPack, repository: Repository) => unknown>
> = {
  missing: (bucket, pack) => bucket.objects.delete(keyOf(pack)),
  'wrong-size': (bucket, pack) => bucket.damage(keyOf(pack), (bytes) => bytes.subarray(1)),
  damaged: (_, pack, { store }) => store.put(`damaged/${pack.id.toString('hex')}`, Buffer.from('x'), {}, call),
  condemned: (_, pack, repository) => putCondemnedList(repository, { key: newCondemnedKey(), packs: [pack] }, call),
}

for (const [state, harm] of Object.entries(harms) as [PackState, (typeof harms)['missing']][])
  t.test(`what lies in a pack that is ${state} is not referred to again, and named`, async (t) => {
    const { repository, packs, bucket } = await sample()
    await harm(bucket, packs[0], repository)
    const writing = await load(repository)
    t.equal(writing.table.has(idOf(1)), false)
    t.equal(writing.table.has(idOf(3)), true)
    const states = new Map(writing.packs.map((pack) => [pack.id.toString('hex'), pack.state]))
    t.strictSame(
      packs.map(({ id }) => states.get(id.toString('hex'))),
      [state, 'there', 'there'],
    )
    t.strictSame(writing.orphans, [])
    const reading = await load(repository, 'read')
    t.equal(reading.table.has(idOf(1)), state !== 'missing', 'readers look there all the same')
  })

t.test('a chunk that lies in two packs is read from the one that is healthy', async (t) => {
  const { repository, packs, bucket } = await sample()
  const again = await storePack(repository, 1, 2)
  await repository.putIndex([again], call)
  t.equal((await load(repository)).table.size, 5)
  for (const [doubtful, healthy] of [
    [packs[0], again],
    [again, packs[0]],
  ] as const) {
    await harms.damaged(bucket, doubtful, repository)
    t.strictSame((await load(repository, 'read')).locate(idOf(1))?.pack.id, healthy.id)
    bucket.objects.delete(`damaged/${doubtful.id.toString('hex')}`)
  }
})

t.test('a pack that several segments list is there once', async (t) => {
  const { repository, packs } = await sample()
  await repository.putIndex(packs, call)
  const index = await load(repository)
  t.equal(index.packs.length, 3)
  t.strictSame(index.segments.map(({ packs }) => packs.length).sort(), [1, 2, 3])
})

t.test('packs that no segment lists are adopted, and then there', async (t) => {
  const { repository } = await sample()
  const orphan = await storePack(repository, 7, 8)
  const index = await load(repository)
  t.match(index.orphans, [{ id: orphan.id, kind: 'data', sizeBytes: orphan.packBytes }])
  t.equal(index.table.has(idOf(7)), false)
  t.strictSame(await index.adoptOrphans(repository, call), [orphan])
  t.match(index.locate(idOf(8)), { pack: { id: orphan.id, state: 'there' } })
  t.strictSame(index.orphans, [])
  await repository.putIndex([orphan], call)
  t.strictSame((await load(repository)).orphans, [])
})

t.test('an orphan that is condemned or damaged is not adopted', async (t) => {
  const { repository, bucket } = await sample()
  await harms.condemned(bucket, await storePack(repository, 7), repository)
  await harms.damaged(bucket, await storePack(repository, 8), repository)
  t.strictSame((await load(repository)).orphans, [])
})

t.test('an orphan that does not open is left, and named; one that has gone is forgotten', async (t) => {
  const { repository, bucket } = await sample()
  const [broken, gone] = [await storePack(repository, 7), await storePack(repository, 8)]
  bucket.damage(keyOf(broken), (bytes) => bytes.fill(0, bytes.length - 60, bytes.length - 40))
  const index = await load(repository)
  bucket.objects.delete(keyOf(gone))
  t.strictSame(await index.adoptOrphans(repository, call), [])
  t.strictSame(
    index.orphans.map(({ id }) => id),
    [broken.id],
  )
  t.match(index.damage, [{ key: keyOf(broken), message: /does not open/ }])
})

t.test('an orphan with a footer that is larger than what is asked for first is adopted as well', async (t) => {
  const { repository } = await sample()
  const packer = new SamplePacker(repository, 2 ** 24)
  for (let seed = 1; seed <= 2000; seed++) await packer.put('data', sampleBytes(20, seed), call)
  const [orphan] = await packer.finish(call)
  const index = await load(repository)
  t.strictSame(await index.adoptOrphans(repository, call), [orphan])
  t.equal(index.table.size, 2005)
})

t.test('a segment that does not open is named, and its packs are orphans', async (t) => {
  const { repository, bucket } = await sample()
  const keys = bucket.keys('index/')
  const [listed] = (await load(repository)).segments.filter(({ key }) => key === keys[0])
  bucket.damage(keys[0]!, (bytes) => bytes.fill(1, 50, 60))
  const index = await load(repository)
  t.match(index.damage, [{ key: keys[0], message: /does not open/ }])
  t.equal(index.orphans.length, listed?.packs.length)
  await index.adoptOrphans(repository, call)
  t.equal(index.table.size, 5)
})

t.test('a list of condemned packs that does not open stops writers, and no reader', async (t) => {
  const { repository, bucket, store } = await sample()
  await store.put('condemned/00', Buffer.from('x'), {}, call)
  await t.rejects(load(repository), { code: 'damaged' })
  const index = await load(repository, 'read')
  t.equal(index.table.size, 5)
  t.match(index.damage, [{ message: /condemned/ }])
  t.equal(bucket.keys('condemned/').length, 1)
})

t.test('when a segment is replaced while the index is read, it is read anew', async (t) => {
  const { repository, packs, bucket } = await sample()
  let left = 2
  const before = async (step: string) => {
    const [old] = bucket.keys('index/')
    if (!step.startsWith('get index/') || left-- <= 0) return
    await repository.putIndex(packs, call)
    bucket.objects.delete(old!)
    bucket.objects.delete(step.slice('get '.length))
  }
  const restless = await Repository.open(new MemoryObjectStore({ bucket, before }), { unlock: sampleKey }, call)
  t.equal((await load(restless)).table.size, 5)
  left = Infinity
  await t.rejects(load(restless), { code: 'unavailable', message: /changes faster/ })
})

t.test('objects that are no packs are left alone', async (t) => {
  const { repository, store } = await sample()
  for (const key of ['data/README', 'data/ab/short', `data/00/${'11'.repeat(32)}`, `meta/xx/${'ab'.repeat(32)}`])
    await store.put(key, Buffer.from('x'), {}, call)
  t.strictSame((await load(repository)).orphans, [])
})

t.test('an index has room for what comes', async (t) => {
  const { repository } = await sample()
  const index = await RepositoryIndex.load(repository, { purpose: 'write', spareChunks: 50_000 }, call)
  t.ok(index.table.capacity > 50_000)
  t.equal(index.table.size, 5)
  index.reserve(500_000)
  t.ok(index.locate(idOf(3)))
})
