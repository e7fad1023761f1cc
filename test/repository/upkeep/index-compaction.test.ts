import t from 'tap'
import { compactIndex } from '../../../src/repository/upkeep/index-compaction.js'
import type { IndexedPack } from '../../../src/repository/format/index-segment.js'
import { packObjectKey } from '../../../src/repository/format/pack-kind.js'
import { PackWriter } from '../../../src/repository/format/pack-writer.js'
import { chunkIdOf } from '../../../src/repository/format/chunk-id.js'
import { RepositoryIndex } from '../../../src/repository/repository-index.js'
import { MemoryBucket, MemoryObjectStore, patientCall } from '../../fakes/memory-object-store.js'
import { openMemoryRepository } from '../memory-repository.js'

const call = patientCall()
const keyOf = ({ kind, id }: Pick<IndexedPack, 'kind' | 'id'>) => packObjectKey(kind, id)

/** So many segments of so many packs, each of one chunk. */
async function setUp(...counts: readonly number[]) {
  const bucket = new MemoryBucket()
  const store = new MemoryObjectStore({ bucket })
  const repository = await openMemoryRepository(store)
  let memory: ArrayBuffer | undefined
  const allocate = (bytes: number) => (memory ??= new ArrayBuffer(bytes))
  const writer = new PackWriter({ key: repository.key, kind: 'data', targetBytes: 1, allocate })
  const segments: IndexedPack[][] = []
  for (const [segment, count] of counts.entries()) {
    const packs: IndexedPack[] = []
    for (let at = 0; at < count; at++) {
      const raw = Buffer.from(`${segment} ${at}`)
      writer.add(chunkIdOf(raw), 'data', raw)
      const { bytes, ...pack } = writer.finish()
      packs.push({ ...pack, packBytes: bytes.length })
      bucket.objects.set(keyOf(pack), { bytes: Buffer.from(bytes), storedAtMs: 0 })
    }
    await repository.putIndex(packs, call)
    segments.push(packs)
  }
  const listed = async () => (await RepositoryIndex.load(repository, { purpose: 'read' }, call)).packs.map(keyOf).sort()
  const compact = (...gone: readonly string[]) => compactIndex(repository, (key) => gone.includes(key), call)
  return { bucket, repository, segments, all: segments.flat().map(keyOf).sort(), listed, compact }
}

t.test('an index in few pieces that lists what is there stays as it is', async (t) => {
  const { bucket, compact } = await setUp(130, 3, 3)
  const before = bucket.keys('index/')
  await compact()
  t.strictSame(bucket.keys('index/'), before)
})

t.test('a piece that lists packs that have gone is written anew, and a large one by itself', async (t) => {
  const { bucket, segments, all, listed, compact } = await setUp(150, 140, 3)
  const before = bucket.keys('index/')
  const gone = keyOf(segments[0]![7]!)
  await compact(gone)
  t.strictSame(
    await listed(),
    all.filter((key) => key !== gone),
  )
  t.equal(bucket.keys('index/').filter((key) => !before.includes(key)).length, 1)
})

t.test('small pieces become one of at most 256 packs', async (t) => {
  const { bucket, all, listed, compact } = await setUp(...Array<number>(9).fill(40))
  await compact()
  t.equal(bucket.keys('index/').length, 9 - 7 + 2)
  t.strictSame(await listed(), all)
  for (let round = 0; round < 3; round++) await compact()
  t.strictSame(await listed(), all)
})

t.test('a pack that is listed twice is listed once', async (t) => {
  const { bucket, repository, segments, all, listed, compact } = await setUp(2, 2)
  await repository.putIndex(segments[0]!, call)
  await compact()
  const sizes = bucket.keys('index/').map((key) => bucket.bytes(key).length)
  t.equal(sizes.length, 1)
  t.strictSame(await listed(), all)
})

t.test('when all packs of a piece have gone, it goes', async (t) => {
  const { bucket, all, compact } = await setUp(2)
  await compact(...all)
  t.strictSame(bucket.keys('index/'), [])
})

t.test('a piece that does not open is left to the repair', async (t) => {
  const { bucket, compact } = await setUp(2, 2)
  const [bad = ''] = bucket.keys('index/')
  bucket.damage(bad, (bytes) => bytes.fill(0, 50))
  await compact('anything')
  t.ok(bucket.objects.has(bad))
})
