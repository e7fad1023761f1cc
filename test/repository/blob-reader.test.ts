import t from 'tap'
import { BlobReader } from '../../src/repository/blob-reader.js'
import { chunkIdOf } from '../../src/repository/format/chunk-id.js'
import type { IndexedPack } from '../../src/repository/format/index-segment.js'
import type { BlobType } from '../../src/repository/format/pack-format.js'
import { packObjectKey } from '../../src/repository/format/pack-kind.js'
import { Repository } from '../../src/repository/repository.js'
import { RepositoryIndex } from '../../src/repository/repository-index.js'
import { MemoryObjectStore, patientCall } from '../fakes/memory-object-store.js'
import { initSample, sampleBytes, sampleKey, SamplePacker } from './sample-repository.js'

const call = patientCall()
const rawOf = (seed: number) => sampleBytes(300, seed)
const idOf = (seed: number) => chunkIdOf(rawOf(seed))

async function storePack(repository: Repository, type: BlobType, ...seeds: readonly number[]): Promise<IndexedPack> {
  const packer = new SamplePacker(repository)
  for (const seed of seeds) await packer.put(type, rawOf(seed), call)
  const packs = await packer.finish(call)
  await repository.putIndex(packs, call)
  return packs[0]!
}

/** A pack of shards 1 to 3, one of data 4, and what is asked of the store from now on. */
async function sample() {
  const steps: string[] = []
  const store = new MemoryObjectStore({ before: (step) => void steps.push(step) })
  await initSample(store, call)
  const repository = await Repository.open(store, { unlock: sampleKey }, call)
  const [meta, data] = [await storePack(repository, 'shard', 1, 2, 3), await storePack(repository, 'data', 4)]
  const index = await RepositoryIndex.load(repository, { purpose: 'read' }, call)
  steps.length = 0
  const key = ({ kind, id }: IndexedPack) => packObjectKey(kind, id)
  const reader = new BlobReader(repository, index, call)
  return {
    repository,
    reader,
    steps,
    bucket: store.bucket,
    injector: store.injector,
    metaKey: key(meta),
    dataKey: key(data),
  }
}

t.test('a blob is read by its id', async (t) => {
  const { reader } = await sample()
  for (const seed of [1, 2, 3, 4]) t.strictSame(await reader.read(idOf(seed)), rawOf(seed))
  await t.rejects(reader.read(idOf(1), 'data'), { code: 'damaged', message: /holds something else/ })
})

t.test('the first blob of a pack is read alone, and with the second the whole pack, once', async (t) => {
  const { reader, steps, metaKey } = await sample()
  await reader.read(idOf(1), 'shard')
  t.equal(steps.length, 1)
  await Promise.all([1, 2, 3].map((seed) => reader.read(idOf(seed), 'shard')))
  await reader.read(idOf(2), 'shard')
  t.strictSame(steps, [`get ${metaKey}`, `get ${metaKey}`])
})

t.test('a blob that a prune has put elsewhere is found there', async (t) => {
  const { reader, repository, bucket, metaKey } = await sample()
  await storePack(repository, 'shard', 1, 2, 9)
  bucket.objects.delete(metaKey)
  t.strictSame(await Promise.all([1, 2].map((seed) => reader.read(idOf(seed), 'shard'))), [1, 2].map(rawOf))
  t.strictSame(await reader.read(idOf(9), 'shard'), rawOf(9), 'and so is one that is new')
})

t.test('a blob that is put elsewhere again and again is found each time', async (t) => {
  const { reader, repository, bucket, metaKey } = await sample()
  bucket.objects.delete(metaKey)
  for (const other of [9, 10, 11]) {
    const { kind, id } = await storePack(repository, 'shard', 1, other)
    t.strictSame(await reader.read(idOf(1), 'shard'), rawOf(1))
    bucket.objects.delete(packObjectKey(kind, id))
  }
})

t.test('a blob that is nowhere is damage, named with the pack that has gone, and looked for once', async (t) => {
  const { reader, steps, bucket, metaKey } = await sample()
  bucket.objects.delete(metaKey)
  const message = `chunk ${idOf(1).toString('hex')} in ${metaKey}: the pack is missing`
  await t.rejects(reader.read(idOf(1), 'shard'), { code: 'damaged', message })
  const asked = steps.length
  await t.rejects(reader.read(idOf(2), 'shard'), { code: 'damaged', message: /is in no pack that is listed/ })
  await t.rejects(reader.read(idOf(7), 'shard'), { code: 'damaged' })
  t.equal(steps.length, asked)
})

t.test('a blob that has changed is named with its pack, and the others are read', async (t) => {
  const { reader, bucket, dataKey, metaKey } = await sample()
  for (const key of [dataKey, metaKey]) bucket.damage(key, (bytes) => bytes.fill(0, 60, 70))
  await t.rejects(reader.read(idOf(4)), {
    code: 'damaged',
    message: `chunk ${idOf(4).toString('hex')} in ${dataKey}: what lies at byte 56 does not open with the repository's key`,
  })
  await t.rejects(reader.read(idOf(1)), { code: 'damaged' })
  t.strictSame(await reader.read(idOf(2)), rawOf(2))
})

t.test('a store that does not answer is no damage', async (t) => {
  const { reader, injector } = await sample()
  injector.arm({ step: 'get meta/', when: 'before', how: 'fail' })
  await t.rejects(reader.read(idOf(1)), { code: 'unavailable' })
  t.strictSame(await reader.read(idOf(1)), rawOf(1))
})
