import { createHash, randomBytes } from 'node:crypto'
import fc from 'fast-check'
import t from 'tap'
import { chunkIdOf } from '../../../src/repository/format/chunk-id.js'
import { Chunker, gearSeedBytes } from '../../../src/repository/format/chunker.js'
import { packExtents, totalBytesOf, unpackExtents } from '../../../src/repository/backup/extents.js'
import type { Extent } from '../../../src/repository/format/entry-body.js'
import { FileWindow } from '../../../src/repository/backup/file-window.js'
import { KnownExtents } from '../../../src/repository/backup/known-extents.js'
import { SegmentChunker } from '../../../src/repository/backup/segment-chunker.js'

const chunker = new Chunker(createHash('shake256', { outputLength: gearSeedBytes }).update('x').digest(), 14)
const window = new FileWindow()

/** Cuts bytes as a segment that begins at `start` of a file, and keeps what is stored. */
function cut(content: Buffer, known?: readonly Extent[], start = 0) {
  const stored = new Map<string, Buffer>()
  window.open(
    (into, position) => content.copy(into, 0, position - start, position - start + into.length),
    start,
    start + content.length,
  )
  const segment = new SegmentChunker(known === undefined ? undefined : new KnownExtents(packExtents(known), start), {
    chunker,
    window,
    put: (id, bytes) => stored.set(id.toString('hex'), Buffer.from(bytes)),
    checkStop: () => undefined,
  })
  const end = segment.cut(start, start + content.length)
  return { end, extents: unpackExtents(segment.extents), stored }
}

function assemble(extents: readonly Extent[], stored: ReadonlyMap<string, Buffer>): Buffer {
  return Buffer.concat(
    extents.map(({ id, lengthBytes }) =>
      id === undefined ? Buffer.alloc(lengthBytes) : (stored.get(id.toString('hex')) ?? Buffer.alloc(0)),
    ),
  )
}

const idsOf = (extents: readonly Extent[]) => new Set(extents.map(({ id }) => id?.toString('hex')))

/** Bytes of extents that are not among others. */
function newBytes(extents: readonly Extent[], known: readonly Extent[]): number {
  const ids = idsOf(known)
  return totalBytesOf(extents.filter(({ id }) => id !== undefined && !ids.has(id.toString('hex'))))
}

t.test('whatever was known of it before, a segment is put together again of its extents', async () => {
  const content = fc
    .array(fc.tuple(fc.integer({ min: 1, max: 60_000 }), fc.boolean()), { maxLength: 8 })
    .map((parts) =>
      Buffer.concat(parts.map(([length, isZero]) => (isZero ? Buffer.alloc(length) : randomBytes(length)))),
    )
  const change = fc.record({ at: fc.nat(), remove: fc.nat(9000), insert: fc.nat(9000) })
  await fc.assert(
    fc.asyncProperty(content, fc.array(change, { maxLength: 4 }), fc.nat(1e12), async (before, changes, start) => {
      let after = before
      for (const { at, remove, insert } of changes) {
        const place = after.length === 0 ? 0 : at % after.length
        after = Buffer.concat([after.subarray(0, place), randomBytes(insert), after.subarray(place + remove)])
      }
      const first = cut(before, undefined, start)
      const second = cut(after, first.extents, start)
      if (!assemble(second.extents, second.stored).equals(after)) throw new Error('not the same')
      for (const [id, bytes] of second.stored)
        if (chunkIdOf(bytes).toString('hex') !== id) throw new Error('a wrong id')
      return second.end === start + after.length
    }),
    { numRuns: 150 },
  )
})

t.test('what has not changed is cut as it was before, and read in whichever steps', async (t) => {
  const content = randomBytes(20 * 1024 * 1024)
  const first = cut(content)
  t.ok(first.extents.length > 500)
  t.strictSame(cut(content, first.extents).extents, first.extents)
  t.strictSame(cut(content).extents, first.extents)
})

t.test('a page that was rewritten in place costs the chunk that it is in, however it would be cut anew', async (t) => {
  const content = randomBytes(2 * 1024 * 1024)
  // Not where a chunker would cut.
  const known = Array.from({ length: 64 }, (_, index) => ({
    id: chunkIdOf(content.subarray(index * 32_768, (index + 1) * 32_768)),
    lengthBytes: 32_768,
  }))
  const after = Buffer.from(content)
  for (const page of [3, 17, 18, 40]) randomBytes(4096).copy(after, page * 32_768 + 8192)
  const { extents } = cut(after, known)
  t.equal(newBytes(extents, known), 4 * 32_768)
})

t.test('an insertion costs little more than it is', async (t) => {
  const content = randomBytes(4 * 1024 * 1024)
  const { extents: known } = cut(content)
  const after = Buffer.concat([content.subarray(0, 1_000_000), randomBytes(12_345), content.subarray(1_000_000)])
  const { extents } = cut(after, known)
  t.ok(newBytes(extents, known) < 12_345 + 4 * 65_536, `${newBytes(extents, known)}`)
})

t.test('zeros are holes, and neighbours are one', async (t) => {
  const content = Buffer.concat([Buffer.alloc(300_000), randomBytes(100_000), Buffer.alloc(500_000)])
  const { extents } = cut(content)
  const [first, ...rest] = extents
  t.equal(first?.id, undefined)
  t.equal(rest.at(-1)?.id, undefined)
  t.equal(extents.filter(({ id }) => id === undefined).length, 2)
  t.strictSame(cut(content, extents).extents, extents)
})

t.test('a file that is shorter than it was ends where it ends', async (t) => {
  const content = randomBytes(100_000)
  window.open((into, position) => content.copy(into, 0, position, position + into.length), 0, 500_000)
  const segment = new SegmentChunker(undefined, { chunker, window, put: () => undefined, checkStop: () => undefined })
  t.equal(segment.cut(0, 500_000), 100_000)
  t.equal(totalBytesOf(unpackExtents(segment.extents)), 100_000)
})
