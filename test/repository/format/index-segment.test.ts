import fc from 'fast-check'
import t from 'tap'
import { chunkIdOf } from '../../../src/repository/format/chunk-id.js'
import {
  decodeIndexSegment,
  encodeIndexSegment,
  type IndexedPack,
  segmentsOf,
} from '../../../src/repository/format/index-segment.js'
import { PackWriter } from '../../../src/repository/format/pack-writer.js'
import { RepositoryKey } from '../../../src/repository/format/repository-key.js'
import { isDamage, mutation, refusalOf } from '../mutation.js'
import { sampleBytes } from '../sample-repository.js'

const key = new RepositoryKey(Buffer.alloc(32, 1), '00112233-4455-6677-8899-aabbccddeeff')

function indexed(kind: 'data' | 'meta', count: number): IndexedPack {
  const writer = new PackWriter({ key, kind, targetBytes: 2 ** 20 })
  for (let seed = 1; seed <= count; seed++) {
    const raw = sampleBytes(50, seed)
    writer.add(chunkIdOf(raw), kind === 'data' ? 'data' : 'shard', raw)
  }
  const { id, salt, bytes, entries } = writer.finish()
  return { id, kind, salt, packBytes: bytes.length, entries }
}

const packs = [indexed('data', 3), indexed('meta', 1), indexed('data', 1)]
const decode = (payload: Buffer) => [...decodeIndexSegment(payload)].map(({ decoded, ...pack }) => pack)

t.test('a segment lists the packs that it was made of', async (t) => {
  t.strictSame(decode(encodeIndexSegment(packs)), packs)
  t.strictSame(decode(encodeIndexSegment([])), [])
  const [first] = decodeIndexSegment(encodeIndexSegment(packs))
  t.strictSame(
    first?.decoded.map(({ id }) => id),
    [1, 2, 3].map((seed) => chunkIdOf(sampleBytes(50, seed))),
  )
})

t.test('a segment that was cut off between packs lists fewer, and is refused when it was cut elsewhere', async (t) => {
  const payload = encodeIndexSegment(packs)
  const ends = packs.map((_, index) => encodeIndexSegment(packs.slice(0, index)).length)
  for (let at = 0; at < payload.length; at++)
    t.equal(
      isDamage(() => decode(payload.subarray(0, at))),
      !ends.includes(at),
      `cut off after ${at}`,
    )
})

t.test('a segment that promises more entries than it holds is refused', async (t) => {
  const payload = encodeIndexSegment(packs.slice(2))
  payload.writeUInt32LE(2 ** 32 - 1, 72)
  t.throws(() => decode(payload), { code: 'damaged', message: 'an index segment lists a pack that cannot be' })
})

t.test('whatever a segment is changed to, it lists packs that could be, or is refused', async () => {
  const payload = encodeIndexSegment(packs)
  fc.assert(
    fc.property(mutation, (mutate) => {
      const changed = mutate(payload)
      const found = refusalOf(() => decode(changed))
      return !Array.isArray(found) || encodeIndexSegment(found).length === changed.length
    }),
    { numRuns: 3000 },
  )
})

t.test('packs are divided among as many segments as it takes', async (t) => {
  const large = { entries: Buffer.alloc(3 * 1024 * 1024) }
  const groups = [...segmentsOf(Array.from({ length: 50 }, () => large))]
  t.strictSame(
    groups.map((group) => group.length),
    [21, 21, 8],
  )
  t.strictSame([...segmentsOf([])], [])
})
