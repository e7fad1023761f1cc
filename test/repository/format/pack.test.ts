import { createHash } from 'node:crypto'
import fc from 'fast-check'
import t from 'tap'
import { chunkIdOf } from '../../../src/repository/format/chunk-id.js'
import {
  decodeEntries,
  footerBytesOf,
  maximumBlobBytes,
  packEntryBytes,
  type PackEntry,
  parsePackHeader,
  parsePackTrailer,
  writeEntry,
} from '../../../src/repository/format/pack-format.js'
import { PackOpener } from '../../../src/repository/format/pack-reader.js'
import { type Pack, PackWriter } from '../../../src/repository/format/pack-writer.js'
import { RepositoryKey } from '../../../src/repository/format/repository-key.js'
import { isDamage, mutation, refusalOf } from '../mutation.js'
import { sampleBytes } from '../sample-repository.js'

const key = new RepositoryKey(Buffer.alloc(32, 1), '00112233-4455-6677-8899-aabbccddeeff')
const opener = new PackOpener(key)

const packOf = (blobs: readonly Buffer[]) => {
  const writer = new PackWriter({ key, kind: 'data', targetBytes: 2 ** 20 })
  for (const blob of blobs) writer.add(chunkIdOf(blob), 'data', blob)
  return writer.finish()
}

/** All that is in a pack, by nothing but its bytes. */
function unpack(bytes: Buffer): readonly (PackEntry & { readonly raw: Buffer })[] {
  const header = parsePackHeader(bytes, key.repositoryIdBytes)
  const entries = opener.readFooter(header, bytes.length, bytes)
  if (!Buffer.isBuffer(entries)) throw new Error('the whole pack is not enough')
  return decodeEntries(entries, { kind: header.kind, packBytes: bytes.length }).map((entry) => {
    const stored = bytes.subarray(entry.offset, entry.offset + entry.storedBytes)
    return { ...entry, raw: opener.openBlob(header, entry, stored) }
  })
}

const blobs = fc.array(fc.tuple(fc.uint8Array({ minLength: 1, maxLength: 200 }), fc.integer({ min: 1, max: 20 })), {
  minLength: 1,
  maxLength: 8,
})
const repeated = (parts: readonly (readonly [Uint8Array, number])[]) =>
  parts.map(([part, times]) => Buffer.concat(Array.from({ length: times }, () => part)))

t.test('a pack gives back what was put in, knows its name, and says the same as its index', async () => {
  fc.assert(
    fc.property(blobs, (parts) => {
      const raws = repeated(parts)
      const { id, bytes, entries, salt } = packOf(raws)
      const found = unpack(bytes)
      return (
        createHash('sha256').update(bytes).digest().equals(id) &&
        found.length === raws.length &&
        found.every(({ raw }, index) => raw.equals(raws[index]!)) &&
        entries.equals(opener.readFooter({ kind: 'data', salt }, bytes.length, bytes) as Buffer)
      )
    }),
  )
})

t.test('what does not become smaller is stored as it is', async (t) => {
  const [random, text] = unpack(packOf([sampleBytes(1000, 3), Buffer.alloc(1000, 'text')]).bytes)
  t.match(random, { codec: 'raw', storedBytes: 1016, rawBytes: 1000 })
  t.match(text, { codec: 'zstd', rawBytes: 1000 })
  t.ok(text!.storedBytes < 100)
})

t.test('no byte of a pack can be changed, and none taken from it, without being noticed', async (t) => {
  const { bytes } = packOf([Buffer.from('some text'.repeat(9)), sampleBytes(20, 2)])
  for (let at = 0; at < bytes.length; at++) {
    const changed = Buffer.from(bytes)
    changed[at]! ^= 0x20
    const code = at === 4 || at === 5 ? 'unsupported' : 'damaged'
    t.throws(() => unpack(changed), { code }, `byte ${at}`)
    t.ok(
      isDamage(() => unpack(bytes.subarray(0, at))),
      `cut off after ${at}`,
    )
  }
})

t.test('whatever a pack is changed to, nothing comes out that was not put in', async () => {
  const raws = [Buffer.from('some text'.repeat(9)), sampleBytes(20, 2)]
  const { bytes } = packOf(raws)
  fc.assert(
    fc.property(mutation, (mutate) => {
      const found = refusalOf(() => unpack(mutate(bytes)))
      return found instanceof Error || found.every(({ raw }, index) => raw.equals(raws[index]!))
    }),
    { numRuns: 1000 },
  )
})

t.test('a blob opens only where it lies, in its pack, with the key of the repository', async (t) => {
  const one = packOf([sampleBytes(100, 1), sampleBytes(100, 2)])
  const other = packOf([sampleBytes(100, 1), sampleBytes(100, 2)])
  const [first, second] = unpack(one.bytes)
  const at = ({ bytes }: Pack, { offset, storedBytes }: PackEntry) => bytes.subarray(offset, offset + storedBytes)
  const source = (pack: Pack) => ({ kind: pack.kind, salt: pack.salt })
  t.ok(opener.openBlob(source(one), first!, at(one, first!)))
  t.ok(
    isDamage(() => opener.openBlob(source(one), first!, at(one, second!))),
    'another place',
  )
  t.ok(
    isDamage(() => opener.openBlob(source(one), first!, at(other, first!))),
    'another pack',
  )
  t.ok(
    isDamage(() => opener.openBlob({ ...source(one), kind: 'meta' }, first!, at(one, first!))),
    'another kind',
  )
  t.ok(
    isDamage(() => opener.openBlob(source(one), { ...first!, id: second!.id }, at(one, first!))),
    'another id',
  )
  t.ok(
    isDamage(() => opener.openBlob(source(one), first!, at(one, first!).subarray(1))),
    'cut off',
  )
  const stranger = new PackOpener(new RepositoryKey(Buffer.alloc(32, 2), key.repositoryId))
  t.ok(
    isDamage(() => stranger.openBlob(source(one), first!, at(one, first!))),
    'another key',
  )
})

t.test('the end of a pack is enough for its footer, or says how much is', async (t) => {
  const { bytes, salt, entries } = packOf([sampleBytes(100, 1), sampleBytes(100, 2), sampleBytes(100, 3)])
  const source = { kind: 'data', salt } as const
  const needed = 3 * packEntryBytes + 16 + 12
  t.strictSame(opener.readFooter(source, bytes.length, bytes.subarray(-needed)), entries)
  t.strictSame(opener.readFooter(source, bytes.length, bytes.subarray(-needed + 1)), { neededBytes: needed })
  t.ok(isDamage(() => opener.readFooter(source, needed - 1, bytes.subarray(-20))))
})

t.test('a pack is full at its target, or with as many blobs as a footer should have', async (t) => {
  const writer = new PackWriter({ key, kind: 'data', targetBytes: 3000 })
  t.ok(writer.isEmpty)
  for (let seed = 1; !writer.isFull; seed++)
    writer.add(chunkIdOf(sampleBytes(1000, seed)), 'data', sampleBytes(1000, seed))
  t.throws(() => writer.add(Buffer.alloc(32), 'data', Buffer.alloc(1)), { code: 'internal' })
  t.equal(unpack(writer.finish().bytes).length, 3)
  t.ok(writer.isEmpty)
  const small = new PackWriter({ key, kind: 'data', targetBytes: 2 ** 25 })
  const number = Buffer.alloc(4)
  for (let count = 0; !small.isFull; count++) {
    number.writeUInt32LE(count)
    small.add(chunkIdOf(number), 'data', number)
  }
  t.equal(unpack(small.finish().bytes).length, 16_384)
})

t.test('the largest blob goes into a pack that is nearly full, and a larger one nowhere', async (t) => {
  const writer = new PackWriter({ key, kind: 'data', targetBytes: 2000 })
  const [small, large] = [sampleBytes(1500, 1), sampleBytes(maximumBlobBytes, 2)]
  writer.add(chunkIdOf(small), 'data', small)
  writer.add(chunkIdOf(large), 'data', large)
  const found = unpack(writer.finish().bytes)
  t.ok(found[1]!.raw.equals(large))
  t.throws(() => writer.add(Buffer.alloc(32), 'data', Buffer.alloc(maximumBlobBytes + 1)), { code: 'internal' })
  t.throws(() => writer.add(Buffer.alloc(32), 'data', Buffer.alloc(0)), { code: 'internal' })
})

t.test('the memory of a pack can be used for the next', async (t) => {
  const asked: number[] = []
  const spares: ArrayBuffer[] = []
  const allocate = (bytes: number) => {
    asked.push(bytes)
    return spares.pop() ?? new ArrayBuffer(bytes)
  }
  const writer = new PackWriter({ key, kind: 'data', targetBytes: 3000, allocate })
  const raw = sampleBytes(500, 1)
  writer.add(chunkIdOf(raw), 'data', raw)
  const first = writer.finish()
  t.equal(first.bytes.byteOffset, 0, 'the pack begins where its memory does')
  const kept = Buffer.from(first.bytes)
  // What another thread does with a buffer that it is given.
  const spare = structuredClone(first.bytes.buffer as ArrayBuffer, { transfer: [first.bytes.buffer as ArrayBuffer] })
  spares.push(spare)
  writer.add(chunkIdOf(raw), 'data', raw)
  const second = writer.finish()
  t.equal(second.bytes.buffer, spare)
  t.equal(asked[0], asked[1])
  t.notOk(second.salt.equals(first.salt))
  t.ok(unpack(kept)[0]!.raw.equals(raw))
  t.ok(unpack(second.bytes)[0]!.raw.equals(raw))
})

const good: PackEntry = {
  id: Buffer.alloc(32, 1),
  offset: 56,
  storedBytes: 26,
  rawBytes: 10,
  codec: 'raw',
  type: 'data',
}
const listed = (...entries: readonly PackEntry[]) => {
  const bytes = Buffer.alloc(entries.length * packEntryBytes)
  entries.forEach((entry, index) => writeEntry(bytes, index * packEntryBytes, entry))
  return bytes
}
const packBytes = 56 + 26 + 48 + 16 + 12

const wrong: Readonly<Record<string, Buffer>> = {
  'no entry': Buffer.alloc(0),
  'half an entry': listed(good).subarray(1),
  'a gap before the first blob': listed({ ...good, offset: 57 }),
  'an overlap with the header': listed({ ...good, offset: 55 }),
  'a blob that goes beyond the footer': listed({ ...good, storedBytes: 27, rawBytes: 11 }),
  'a blob of another length than stored': listed({ ...good, rawBytes: 9 }),
  'a compressed blob that is no smaller': listed({ ...good, codec: 'zstd' }),
  'a compressed blob that is less than a tag': listed({ ...good, codec: 'zstd', storedBytes: 16, rawBytes: 50 }),
  'a blob that would become too large': listed({ ...good, codec: 'zstd', rawBytes: maximumBlobBytes + 1 }),
  'an empty blob': listed({ ...good, storedBytes: 16, rawBytes: 0 }),
  'a blob of metadata in a pack of data': listed({ ...good, type: 'shard' }),
  'the same blob twice in one place': listed(good, good),
  'a codec that does not exist': changed(listed(good), 44, 2),
  'a type that does not exist': changed(listed(good), 45, 5),
  'bits that mean nothing': changed(listed(good), 46, 1),
}

function changed(bytes: Buffer, at: number, byte: number): Buffer {
  bytes[at] = byte
  return bytes
}

t.test('a list of blobs is refused that could not be that of a pack', async (t) => {
  t.strictSame(decodeEntries(listed(good), { kind: 'data', packBytes }), [good])
  for (const [what, entries] of Object.entries(wrong))
    t.ok(
      isDamage(() => decodeEntries(entries, { kind: 'data', packBytes })),
      what,
    )
  t.ok(
    isDamage(() => decodeEntries(listed(good), { kind: 'meta', packBytes })),
    'data in a pack of metadata',
  )
  t.ok(
    isDamage(() => decodeEntries(listed(good), { kind: 'data', packBytes: packBytes + 1 })),
    'another size',
  )
})

t.test('a trailer that promises too much is refused', async (t) => {
  const { bytes } = packOf([sampleBytes(100, 1)])
  const tailWith = (footerBytes: number, count: number) => {
    const tail = Buffer.from(bytes.subarray(-12))
    tail.writeUInt32LE(footerBytes, 0)
    tail.writeUInt32LE(count, 4)
    return tail
  }
  t.equal(parsePackTrailer(tailWith(footerBytesOf(65_536), 65_536)), 65_536)
  t.ok(isDamage(() => parsePackTrailer(tailWith(footerBytesOf(65_537), 65_537))))
  t.ok(isDamage(() => parsePackTrailer(tailWith(footerBytesOf(0), 0))))
  for (const count of [2, 0xffff_ffff]) t.ok(isDamage(() => parsePackTrailer(tailWith(footerBytesOf(1), count))))
})
