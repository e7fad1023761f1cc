import fc from 'fast-check'
import t from 'tap'
import { Chunker } from '../../../src/repository/format/chunker.js'
import { RepositoryKey } from '../../../src/repository/format/repository-key.js'
import { sampleBytes } from '../sample-repository.js'

const keyOf = (fill: number) => new RepositoryKey(Buffer.alloc(32, fill), '00112233-4455-6677-8899-aabbccddeeff')
const chunker = new Chunker(keyOf(1).gearSeed, 14)
const average = 2 ** 14

function endsOf(bytes: Buffer, cutter = chunker): readonly number[] {
  const ends: number[] = []
  for (let at = 0; at < bytes.length;) ends.push((at = cutter.cut(bytes, at, bytes.length)))
  return ends
}

t.test('chunks make up the whole, and all but the last are neither too small nor too large', async () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 2 ** 32 - 1 }), fc.integer({ min: 1, max: 600_000 }), (seed, length) => {
      const ends = endsOf(sampleBytes(length, seed))
      const sizes = ends.map((end, index) => end - (ends[index - 1] ?? 0))
      const isRight = sizes.slice(0, -1).every((size) => size > average / 4 && size <= average * 4)
      return isRight && ends.at(-1) === length && (sizes.at(-1) ?? 0) <= average * 4
    }),
    { numRuns: 40 },
  )
})

t.test('chunks have about the size that was asked for', async (t) => {
  for (const averageLog2 of [14, 16]) {
    const count = endsOf(sampleBytes(8 * 2 ** 20, 3), new Chunker(keyOf(1).gearSeed, averageLog2)).length
    const expected = 2 ** (23 - averageLog2)
    t.ok(count > expected * 0.7 && count < expected * 1.2, `${count} chunks, ${expected} expected`)
  }
})

t.test('an insertion moves the cuts around it only', async (t) => {
  const bytes = sampleBytes(2 ** 21, 9)
  const changed = Buffer.concat([bytes.subarray(0, 1_000_000), Buffer.from('inserted'), bytes.subarray(1_000_000)])
  const before = new Set(endsOf(bytes))
  const moved = endsOf(changed).filter((end) => !before.has(end < 1_000_000 ? end : end - 8))
  t.ok(moved.length <= 3, `${moved.length} cuts moved`)
})

t.test('where a chunk ends depends on its bytes alone, wherever they lie', async (t) => {
  const bytes = sampleBytes(300_000, 4)
  const first = chunker.cut(bytes, 0, bytes.length)
  const elsewhere = Buffer.concat([Buffer.alloc(777, 5), bytes, Buffer.alloc(99, 6)])
  t.equal(chunker.cut(elsewhere, 777, elsewhere.length), first + 777)
  t.equal(chunker.cut(bytes, 0, chunker.maximumBytes), first, 'and nothing behind the largest chunk is looked at')
})

t.test('bytes before the smallest chunk ends count for a cut right behind it', async (t) => {
  const bytes = sampleBytes(2 ** 21, 11)
  const least = average / 4
  const ends = endsOf(bytes).filter((end, index, all) => end - (all[index - 1] ?? 0) < average && end < bytes.length)
  t.ok(ends.length > 10)
  for (const end of ends)
    for (const behind of [1, 5, 31]) t.equal(chunker.cut(bytes, end - behind - least, bytes.length), end)
})

t.test('two repositories cut differently', async (t) => {
  const bytes = sampleBytes(2 ** 20, 2)
  const own = new Set(endsOf(bytes))
  const common = endsOf(bytes, new Chunker(keyOf(2).gearSeed, 14)).filter((end) => own.has(end))
  t.strictSame(common, [bytes.length])
})

t.test('bytes that are all the same are cut at the maximum', async (t) => {
  t.equal(chunker.cut(Buffer.alloc(average * 8), 0, average * 8), average * 4)
})
