import { isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import t from 'tap'
import { chunkIdOf } from '../../../src/repository/format/chunk-id.js'
import { encodeExtents, type EntryBody, type Extent } from '../../../src/repository/format/entry-body.js'
import type { EntryType } from '../../../src/repository/format/entry-check.js'
import { type EntryFields, ManifestEntry } from '../../../src/repository/format/manifest-entry.js'
import { ManifestReader, type ReadEntriesOptions } from '../../../src/repository/format/manifest-reader.js'
import { ManifestWriter } from '../../../src/repository/format/manifest-writer.js'
import type { BlobType } from '../../../src/repository/format/pack-format.js'
import { shardIndexFor } from '../../../src/repository/format/shard-list.js'
import { encodeStat } from '../../../src/repository/format/stat-block.js'
import { manifestPath } from '../sample-repository.js'

/** Blobs in memory, which may be lost or changed. */
class Blobs {
  readonly kept = new Map<string, { readonly type: BlobType; readonly raw: Buffer }>()
  readonly put = (type: BlobType, raw: Buffer) => {
    const id = chunkIdOf(raw)
    this.kept.set(id.toString('hex'), { type, raw })
    return id
  }
  readonly read = async (id: Buffer, type: BlobType) => {
    const blob = this.kept.get(id.toString('hex'))
    if (blob?.type !== type) throw new Error(`there is no ${type} ${id.toString('hex')}`)
    return blob.raw
  }
}

const modes: Readonly<Record<EntryType, number>> = {
  f: 0o100_644,
  d: 0o040_755,
  l: 0o120_777,
  h: 0o100_644,
  c: 0o020_600,
  b: 0o060_600,
  p: 0o010_600,
  s: 0o140_600,
}

const times = { mtimeSec: -5n, mtimeNs: 999_999_999, ctimeSec: 2n ** 40n, ctimeNs: 0 }
const statOf = (type: EntryType, size = 0) =>
  encodeStat({ mode: modes[type], uid: 2 ** 32 - 1, gid: 7, ino: 2n ** 64n - 1n, size, ...times })

const plain = { noNullPrototype: true }
const bytes32 = fc.uint8Array({ minLength: 32, maxLength: 32 }).map((bytes) => Buffer.from(bytes))
const chunkId = bytes32.filter((id) => id.some((byte) => byte !== 0))
const extent: fc.Arbitrary<Extent> = fc.oneof(
  fc.tuple(chunkId, fc.integer({ min: 1, max: 2 ** 24 })).map(([id, lengthBytes]) => ({ id, lengthBytes })),
  fc.integer({ min: 1, max: 2 ** 40 }).map((lengthBytes) => ({ id: undefined, lengthBytes })),
)
const averageLog2 = fc.integer({ min: 14, max: 22 })
const extents = fc.array(extent, { minLength: 1, maxLength: 5 })
const sizeOf = (parts: readonly Extent[]) => parts.reduce((sum, { lengthBytes }) => sum + lengthBytes, 0)
const text = fc.uint8Array({ minLength: 1, maxLength: 40 }).map((bytes) => Buffer.from(bytes.map((byte) => byte || 1)))

/** Type, size and body of an entry that is no directory. */
const content: fc.Arbitrary<readonly [EntryType, number, EntryBody]> = fc.oneof(
  fc.constant(['f', 0, { form: 'empty' }] as const),
  fc
    .tuple(bytes32, bytes32, fc.integer({ min: 1, max: 2 ** 17 }), fc.nat(2 ** 20))
    .map(([chunk, sha256, size, offset]) => {
      return ['f', size, { form: 'bundled', chunk, offset, sha256 }] as const
    }),
  fc.tuple(extents, averageLog2).map(([chunks, averageLog2]) => {
    return ['f', sizeOf(chunks), { form: 'chunks', averageLog2, chunks }] as const
  }),
  fc.tuple(extents, averageLog2).map(([lists, averageLog2]) => {
    return ['f', sizeOf(lists), { form: 'lists', averageLog2, lists }] as const
  }),
  text.map((target) => ['l', 3, { form: 'symlink', target }] as const),
  fc.tuple(fc.nat(2 ** 32 - 1), fc.nat(2 ** 32 - 1)).map(([major, minor]) => {
    return ['c', 0, { form: 'device', major, minor }] as const
  }),
  fc.constantFrom('p', 's').map((type) => [type, 0, { form: 'none' }] as const),
)

const name = fc
  .oneof(
    text.map((bytes) => bytes.toString('latin1').replaceAll('/', 'x')),
    fc.constantFrom('a', 'b', 'a-', 'a!', '.x', '...', 'n'.repeat(255)),
  )
  .filter((name) => name !== '.' && name !== '..')

const xattrs = fc.uniqueArray(
  fc.record({ name: text, value: fc.uint8Array().map((bytes) => Buffer.from(bytes)) }, plain),
  {
    selector: ({ name }) => name.toString('hex'),
    maxLength: 3,
  },
)

type Tree = ReadonlyMap<string, EntryFields>

/** Paths of up to four names; whatever has something below it is a directory. */
const tree: fc.Arbitrary<Tree> = fc
  .array(fc.tuple(fc.array(name, { minLength: 1, maxLength: 4 }), content, xattrs), { maxLength: 30 })
  .map((list) => {
    const entries = new Map<string, EntryFields>()
    const directory = (path: string) =>
      entries.set(path, { path: manifestPath(path), type: 'd', stat: statOf('d'), body: { form: 'none' }, xattrs: [] })
    directory('')
    for (const [names, [type, size, body], xattrs] of list) {
      for (let depth = 1; depth < names.length; depth++) directory(names.slice(0, depth).join('/'))
      const path = names.join('/')
      const sorted = [...xattrs].sort((a, b) => a.name.compare(b.name))
      if (!entries.has(path))
        entries.set(path, { path: manifestPath(path), type, stat: statOf(type, size), body, xattrs: sorted })
    }
    return entries
  })

const sorted = (entries: Iterable<EntryFields>) => [...entries].sort((a, b) => a.path.compare(b.path))

async function write(entries: readonly ManifestEntry[], blobs: Blobs) {
  const writer = new ManifestWriter(blobs.put)
  for (const entry of entries) await writer.add(entry)
  return writer.finish()
}

async function read(tree: Buffer, blobs: Blobs, options?: ReadEntriesOptions): Promise<ManifestEntry[]> {
  const entries: ManifestEntry[] = []
  for await (const entry of new ManifestReader(blobs.read).entries(tree, options)) entries.push(entry)
  return entries
}

const fieldsOf = ({ path, type, stat, body, xattrs }: ManifestEntry): EntryFields => ({
  path,
  type,
  stat,
  body,
  xattrs,
})

t.test('a manifest gives back the entries that it was made of', async () => {
  await fc.assert(
    fc.asyncProperty(tree, async (tree) => {
      const fields = sorted(tree.values())
      const blobs = new Blobs()
      const finished = await write(
        fields.map((one) => ManifestEntry.of(one)),
        blobs,
      )
      const found = await read(finished.tree, blobs)
      return finished.entries === fields.length && isDeepStrictEqual(found.map(fieldsOf), fields)
    }),
    { numRuns: 200 },
  )
})

t.test('entries that were read make the same manifest again', async () => {
  await fc.assert(
    fc.asyncProperty(tree, async (tree) => {
      const blobs = new Blobs()
      const first = await write(
        sorted(tree.values()).map((one) => ManifestEntry.of(one)),
        blobs,
      )
      const again = await write(await read(first.tree, blobs), new Blobs())
      return again.tree.equals(first.tree)
    }),
    { numRuns: 50 },
  )
})

const file = (path: string, fill = 1): EntryFields => ({
  path: manifestPath(path),
  type: 'f',
  stat: statOf('f', 10),
  body: { form: 'bundled', chunk: Buffer.alloc(32, fill), offset: 0, sha256: Buffer.alloc(32, fill) },
})
const folder = (path: string): EntryFields => ({
  path: manifestPath(path),
  type: 'd',
  stat: statOf('d'),
  body: { form: 'none' },
})

/** Of 60 directories with 100 files each. */
const large = ['', ...Array.from({ length: 60 }, (_, index) => `d${index}`)].flatMap((directory) => [
  folder(directory),
  ...Array.from({ length: directory === '' ? 0 : 100 }, (_, index) => file(`${directory}/file ${index}`)),
])
const largeEntries = sorted(large).map((one) => ManifestEntry.of(one))

t.test('a change in a large tree changes a shard or two, and the tree', async (t) => {
  const blobs = new Blobs()
  const first = await write(largeEntries, blobs)
  t.ok(first.shards > 3 && first.shards < largeEntries.length / 256, `${first.shards} shards`)
  t.equal((await write(largeEntries, blobs)).tree.toString('hex'), first.tree.toString('hex'))
  const sizeBefore = blobs.kept.size
  const changed = largeEntries.map((entry, index) =>
    index === 3000 ? ManifestEntry.of({ ...fieldsOf(entry), stat: statOf('f', 11) }) : entry,
  )
  await write(changed, blobs)
  t.equal(blobs.kept.size, sizeBefore + 2, 'one shard, and the list')
  await write([...largeEntries.slice(0, 3000), ...largeEntries.slice(3001)], blobs)
  t.ok(blobs.kept.size <= sizeBefore + 5, 'an entry that has gone moves few cuts')
})

t.test('reading can begin anywhere', async (t) => {
  const blobs = new Blobs()
  const { tree } = await write(largeEntries, blobs)
  for (const path of ['', 'd0', 'd30/file 5', 'd30/file 5a', 'd59/file 99', 'zzz', '!']) {
    const expected = largeEntries.filter((entry) => entry.path.compare(manifestPath(path)) >= 0)
    const found = await read(tree, blobs, { fromPath: manifestPath(path) })
    t.strictSame(
      found.map(({ path }) => path.toString()),
      expected.map(({ path }) => path.toString()),
      path,
    )
  }
})

t.test('reading begins early enough where the paths of shards were too long to be listed', async (t) => {
  const long = 'p'.repeat(4096)
  const paths = ['', 'a', long, long, long, 'q']
  const shards = paths.map((path) => ({ id: Buffer.alloc(32), entries: 1, firstPath: Buffer.from(path) }))
  for (const [path, index] of [
    ['', 0],
    ['Z', 0],
    ['a', 1],
    ['p', 1],
    [long, 1],
    [`${long}x`, 1],
    ['pz', 4],
    ['q', 5],
    ['z', 5],
  ] as const)
    t.equal(shardIndexFor(shards, Buffer.from(path)), index, path.slice(0, 3))
})

t.test('a shard that is lost can be left out, and everything else is read', async (t) => {
  const blobs = new Blobs()
  const { tree } = await write(largeEntries, blobs)
  const shards = await new ManifestReader(blobs.read).readShardList(tree)
  const lost = shards[2]!
  blobs.kept.delete(lost.id.toString('hex'))
  await t.rejects(read(tree, blobs))
  const told: unknown[] = []
  const found = await read(tree, blobs, { onDamagedShard: (shard, next) => told.push([shard, next]) })
  t.equal(found.length, largeEntries.length - lost.entries)
  t.strictSame(told, [[lost, shards[3]]])
  const [first] = await new ManifestReader(blobs.read).readShard(shards[3]!)
  t.strictSame(first?.path, shards[3]!.firstPath, 'and a shard can be read by itself')
})

t.test('paths of a hundred thousand bytes are kept, in shards that do not become too large', async (t) => {
  const names = Array.from({ length: 700 }, (_, index) => `${index}`.padEnd(255, 'x'))
  const deep = names.map((_, index) => folder(names.slice(0, index + 1).join('/')))
  const entries = [folder(''), ...deep].map((one) => ManifestEntry.of(one))
  const blobs = new Blobs()
  const { tree } = await write(entries, blobs)
  const found = await read(tree, blobs)
  t.strictSame(
    found.map(({ path }) => path.length),
    entries.map(({ path }) => path.length),
  )
  const last = entries.at(-1)!.path
  t.strictSame(
    (await read(tree, blobs, { fromPath: last })).map(({ path }) => path),
    [last],
  )
})

t.test('the parts of a file come in their order, out of lists as well', async (t) => {
  const blobs = new Blobs()
  const parts = Array.from({ length: 12 }, (_, index) => ({
    id: Buffer.alloc(32, index + 1),
    lengthBytes: 1000 + index,
  }))
  const hole = { id: undefined, lengthBytes: 5 * 2 ** 30 }
  const listOf = (list: readonly Extent[]) => ({
    id: blobs.put('extent-list', encodeExtents(list)),
    lengthBytes: sizeOf(list),
  })
  const lists = [listOf(parts.slice(0, 5)), hole, listOf(parts.slice(5))]
  const body = { form: 'lists', averageLog2: 17, lists } as const
  const entry = ManifestEntry.of({ ...file('x'), stat: statOf('f', sizeOf(lists)), body })
  const found: Extent[] = []
  for await (const part of new ManifestReader(blobs.read).extents(entry)) found.push(part)
  t.strictSame(found, [...parts.slice(0, 5), hole, ...parts.slice(5)])
})

t.test('a stat is compared without making an object of it', async (t) => {
  const entry = ManifestEntry.of(file('x'))
  const stats = Buffer.concat([Buffer.alloc(3), entry.stat])
  t.ok(entry.hasStat(stats, 3))
  t.notOk(entry.hasStat(Buffer.concat([stats, Buffer.alloc(1)]), 4))
  t.ok(entry.isSameAs(ManifestEntry.of(file('y'))))
  t.notOk(entry.isSameAs(ManifestEntry.of(file('y', 2))))
})
