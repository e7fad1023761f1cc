import { randomBytes } from 'node:crypto'
import t from 'tap'
import { ChunkGroups } from '../../../src/repository/chunk-groups.js'
import { chunkIdOf } from '../../../src/repository/format/chunk-id.js'
import { ChunkReading } from '../../../src/repository/upkeep/chunk-reading.js'
import { PackStorage } from '../../../src/repository/upkeep/pack-storage.js'
import { RecordSet } from '../../../src/repository/record-set.js'
import { RepositoryIndex } from '../../../src/repository/repository-index.js'
import { MemoryBucket, MemoryObjectStore, patientCall } from '../../fakes/memory-object-store.js'
import { openMemoryRepository } from '../memory-repository.js'

const call = patientCall()

/** A pack of that many chunks of 100 KiB, which do not become smaller. */
async function setUp(count: number) {
  const bucket = new MemoryBucket()
  const repository = await openMemoryRepository(new MemoryObjectStore({ bucket }))
  const chunks = Array.from({ length: count }, () => randomBytes(100 * 1024))
  const storage = new PackStorage(repository)
  for (const raw of chunks) await storage.add({ id: chunkIdOf(raw), type: 'data', raw }, call)
  await storage.finish(call)
  const index = await RepositoryIndex.load(repository, { purpose: 'read' }, call)
  const reading = new ChunkReading(repository, index)
  const recordsOf = (...numbers: readonly number[]) => numbers.map((at) => index.table.indexOf(chunkIdOf(chunks[at]!)))
  const read = async (...numbers: readonly number[]) => {
    const found = []
    for await (const chunk of reading.read(index.packs[0]!, recordsOf(...numbers), call)) found.push(chunk)
    return found
  }
  return { bucket, repository, chunks, index, read, recordsOf }
}

t.test(
  'chunks are read in the order of their places, with one request for those that lie close together',
  async (t) => {
    const { repository, chunks, read } = await setUp(10)
    const ranges: unknown[] = []
    const get = repository.store.get.bind(repository.store)
    repository.store.get = (key, range, call) => {
      ranges.push(range)
      return get(key, range, call)
    }
    const found = await read(9, 2, 0)
    t.strictSame(
      found.map(({ content }) => ('raw' in content ? content.raw : undefined)),
      [chunks[0], chunks[2], chunks[9]],
    )
    const stored = 100 * 1024 + 16
    t.strictSame(ranges, [
      { offset: 56, length: 3 * stored },
      { offset: 56 + 9 * stored, length: stored },
    ])
  },
)

t.test('a chunk that is damaged comes with its error, and the others are whole', async (t) => {
  const { bucket, read } = await setUp(3)
  const [pack = ''] = bucket.keys('data/')
  bucket.damage(pack, (bytes) => bytes.fill(0, 150_000, 150_001))
  const found = await read(0, 1, 2)
  t.match(
    found.map(({ content }) => content),
    [{ raw: Buffer }, { error: { code: 'damaged' } }, { raw: Buffer }],
  )
  bucket.damage(pack, (bytes) => bytes.subarray(0, 120_000))
  t.match(
    (await read(0, 1, 2)).map(({ content }) => content),
    [{ raw: Buffer }, { error: { code: 'damaged' } }, { error: { code: 'damaged' } }],
  )
  bucket.objects.delete(pack)
  t.match(
    (await read(0)).map(({ content }) => content),
    [{ error: { code: 'not-found' } }],
  )
})

t.test('records are grouped by the packs in which they lie', async (t) => {
  const { index, recordsOf } = await setUp(5)
  const wanted = new RecordSet(index.table.capacity)
  for (const record of recordsOf(1, 3)) t.equal(wanted.add(record), true)
  t.equal(wanted.add(recordsOf(3)[0]!), false)
  t.equal(wanted.size, 2)
  const unknown = index.table
  unknown.claim(chunkIdOf(Buffer.from('nowhere')))
  wanted.add(unknown.indexOf(chunkIdOf(Buffer.from('nowhere'))))
  const groups = new ChunkGroups(index.table, wanted, index.packs.length)
  t.strictSame([...groups.of(0)].sort(), [...recordsOf(1, 3)].sort())
})
