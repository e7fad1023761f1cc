import fc from 'fast-check'
import t from 'tap'
import { ByteWriter } from '../../../src/repository/format/byte-writer.js'
import { encodeExtents, type EntryBody, entryLimits, type Xattr } from '../../../src/repository/format/entry-body.js'
import type { EntryType } from '../../../src/repository/format/entry-check.js'
import { ManifestEntry } from '../../../src/repository/format/manifest-entry.js'
import { PathGuard } from '../../../src/repository/format/manifest-path.js'
import { decodeExtentList, ManifestReader } from '../../../src/repository/format/manifest-reader.js'
import { decodeShard, ShardWriter } from '../../../src/repository/format/shard.js'
import { decodeShardList, encodeShardList } from '../../../src/repository/format/shard-list.js'
import { encodeStat } from '../../../src/repository/format/stat-block.js'
import { isDamage, mutation, refusalOf } from '../mutation.js'
import { manifestPath } from '../sample-repository.js'

/** More of the same, when there is time. */
const soak = process.env['CONVOY_SOAK'] === '1' ? 25 : 1
t.setTimeout(60_000 * soak)

const times = { mtimeSec: 0n, mtimeNs: 0, ctimeSec: 0n, ctimeNs: 0 }
const fileMode = 0o100_644
const directoryMode = 0o040_755
const statOf = (mode: number, size = 0) => encodeStat({ mode, uid: 0, gid: 0, ino: 1n, size, ...times })
const id = Buffer.alloc(32, 1)

/** An entry as it lies in a shard: nothing of it is looked at. */
interface Crude {
  readonly shared?: number
  readonly suffix: string
  readonly type?: string
  readonly stat?: Buffer
  /** Body and xattrs. */
  readonly tail?: readonly number[] | Buffer
}

function shardOf(entries: readonly Crude[], count = entries.length): Buffer {
  const shard = new ByteWriter(100)
  shard.varint(count)
  for (const {
    shared = 0,
    suffix,
    type = 'f',
    stat = statOf(type === 'd' ? directoryMode : fileMode),
    tail,
  } of entries) {
    shard.varint(shared)
    shard.putCounted(manifestPath(suffix))
    shard.put(Buffer.from(type, 'latin1'))
    shard.put(stat)
    shard.put(Buffer.from(tail ?? (type === 'd' ? [0] : [0, 0])))
  }
  return shard.written
}

const root: Crude = { suffix: '', type: 'd' }
const folder: Crude = { suffix: 'a', type: 'd' }
const decode = (entries: readonly Crude[], count?: number) => decodeShard(shardOf(entries, count), new PathGuard())

/** A symbolic link to so many letters. */
function linkTo(letters: number): Crude {
  const target = new ByteWriter(100)
  target.putCounted(Buffer.alloc(letters, 'x'))
  return { suffix: 'x', type: 'l', stat: statOf(0o120_777), tail: Buffer.concat([target.written, Buffer.of(0)]) }
}

const withSize = (size: Buffer) => {
  const stat = statOf(directoryMode)
  size.copy(stat, 20)
  return stat
}

/** Trees that nobody may be made to believe, behind a root where none is given. */
const refused: Readonly<Record<string, readonly Crude[]>> = {
  'no entry': [],
  'a root that is a file': [{ suffix: '', type: 'f' }],
  'no root': [{ suffix: 'a', type: 'd' }],
  'two roots': [root, root],
  'a name that leads up': [root, { suffix: '..' }],
  'a name that leads nowhere': [root, { suffix: '.' }],
  'a directory that leads up': [root, { suffix: '..', type: 'd' }],
  'a name below that leads up': [root, folder, { shared: 1, suffix: '/..' }],
  'a name that leads up in two steps': [root, { suffix: '.', type: 'd' }, { shared: 1, suffix: '.' }],
  'an empty name': [root, { suffix: '/a' }],
  'an empty name below': [root, folder, { shared: 1, suffix: '//b' }],
  'an empty name at the end': [root, folder, { shared: 1, suffix: '/' }],
  'a name that is too long': [root, { suffix: 'n'.repeat(256) }],
  'a name that becomes too long': [root, { suffix: 'n'.repeat(200) }, { shared: 200, suffix: 'n'.repeat(56) }],
  'entries out of order': [root, { suffix: 'b' }, { suffix: 'a' }],
  'the same entry twice': [root, { suffix: 'b' }, { shared: 1, suffix: '' }],
  'a directory behind what is in it': [root, folder, { shared: 1, suffix: '/b' }, { shared: 1, suffix: '' }],
  'an entry below a file': [root, { suffix: 'a' }, { shared: 1, suffix: '/b' }],
  'an entry below a symbolic link': [
    root,
    { suffix: 'a', type: 'l', stat: statOf(0o120_777), tail: [1, 0x2f, 0] },
    { shared: 1, suffix: '/b' },
  ],
  'an entry below nothing': [root, { suffix: 'a/b' }],
  'an entry below a directory that only begins alike': [root, folder, { suffix: 'ab/c' }],
  'an entry of a directory that was left': [root, folder, { suffix: 'b' }, { suffix: 'a/c' }],
  'a path that shares more than there is': [root, { shared: 1, suffix: 'a' }],
  'a path that shares less than it could': [root, folder, { suffix: 'ab' }],
  'a type that does not exist': [root, { suffix: 'x', type: 'x' }],
  'a file that is a directory by its mode': [root, { suffix: 'x', stat: statOf(directoryMode) }],
  'a directory that is a link by its mode': [root, { suffix: 'x', type: 'd', stat: statOf(0o120_777) }],
  'a hard link to a directory': [
    root,
    folder,
    { suffix: 'b', type: 'h', stat: statOf(directoryMode), tail: [1, 0x61, 0] },
  ],
  'a hard link to what comes later': [root, { suffix: 'a', type: 'h', tail: [1, 0x62, 0] }],
  'a hard link to itself': [root, { suffix: 'a', type: 'h', tail: [1, 0x61, 0] }],
  'a hard link that leads up': [root, { suffix: 'x', type: 'h', tail: [2, 0x2e, 0x2e, 0] }],
  'a hard link that leads up from below': [root, { suffix: 'x', type: 'h', tail: [4, 0x61, 0, 0x2e, 0x2e, 0] }],
  'a hard link with a slash': [root, { suffix: 'x', type: 'h', tail: [2, 0x2f, 0x61, 0] }],
  'a hard link to the root': [root, { suffix: 'x', type: 'h', tail: [0, 0] }],
  'a symbolic link to nothing': [root, { suffix: 'x', type: 'l', stat: statOf(0o120_777), tail: [0, 0] }],
  'a symbolic link with a zero': [root, { suffix: 'x', type: 'l', stat: statOf(0o120_777), tail: [1, 0, 0] }],
  'a symbolic link to more than Linux bears': [root, linkTo(4096)],
  'an empty file with a size': [root, { suffix: 'x', stat: statOf(fileMode, 1) }],
  'a form that does not exist': [root, { suffix: 'x', tail: [4, 0] }],
  'a size beyond all numbers': [root, { suffix: 'x', type: 'd', stat: withSize(Buffer.alloc(8, 255)) }],
  'a size that doubles round': [
    root,
    { suffix: 'x', type: 'd', stat: withSize(Buffer.from([0, 0, 0, 0, 0, 0, 32, 0])) },
  ],
  'nanoseconds that are a second': [
    root,
    { suffix: 'x', stat: encodeStat({ mode: fileMode, uid: 0, gid: 0, ino: 1n, size: 0, ...times, mtimeNs: 1e9 }) },
  ],
  'bytes behind the last entry': [root, { suffix: 'x', tail: [0, 0, 0] }],
  'a count of xattrs that nothing backs': [root, { suffix: 'x', tail: [0, 200] }],
}

t.test('a tree that could lead out of itself, or contradicts itself, is refused', async (t) => {
  t.equal(decode([root, folder, { shared: 1, suffix: '/b' }, { suffix: 'b' }]).length, 4)
  t.equal(decode([root, linkTo(4095)]).length, 2)
  for (const [what, entries] of Object.entries(refused))
    t.ok(
      isDamage(() => decode(entries)),
      what,
    )
})

t.test('a shard holds as many entries as it says, of which there cannot be too many', async (t) => {
  const many = Array.from({ length: 2048 }, (_, index) => ({ suffix: `${index}`.padStart(5, '0') }))
  const apart = many.map(({ suffix }, index) => {
    const before = many[index - 1]?.suffix ?? ''
    let shared = 0
    while (shared < before.length && before[shared] === suffix[shared]) shared++
    return { shared, suffix: suffix.slice(shared) }
  })
  t.equal(decode([root, ...apart.slice(0, 2047)]).length, 2048)
  t.ok(isDamage(() => decode([root, ...apart])))
  for (const count of [0, 1, 3, 2 ** 31])
    t.ok(
      isDamage(() => decode([root, folder], count)),
      String(count),
    )
})

t.test('the paths of a shard cannot fill the memory', async (t) => {
  const names = Array.from({ length: 9000 }, () => 'n'.repeat(255))
  const deep = [root, ...names.slice(0, 1).map((suffix) => ({ suffix, type: 'd' }))]
  const levels = names
    .slice(1, 2000)
    .map((name, index) => ({ shared: 256 * index + 255, suffix: `/${name}`, type: 'd' }))
  t.ok(isDamage(() => decode([...deep, ...levels])))
})

interface Entry {
  readonly type?: EntryType
  readonly size?: number
  readonly body: EntryBody
  readonly xattrs?: readonly Xattr[]
}

const entryOf = ({ type = 'f', size = 100, body, xattrs = [] }: Entry) =>
  ManifestEntry.of({
    path: Buffer.from('x'),
    type,
    stat: statOf(type === 'f' ? fileMode : directoryMode, size),
    body,
    xattrs,
  })
const chunks = (...lengths: readonly number[]): EntryBody => ({
  form: 'chunks',
  averageLog2: 17,
  chunks: lengths.map((lengthBytes) => ({ id, lengthBytes })),
})
const xattr = (name: string, bytes = 1): Xattr => ({ name: Buffer.from(name), value: Buffer.alloc(bytes) })
const withXattrs = (...xattrs: readonly Xattr[]): Entry => ({ type: 'd', size: 0, body: { form: 'none' }, xattrs })

const wrong: Readonly<Record<string, Entry>> = {
  'chunks that are shorter than the file': { body: chunks(60, 39) },
  'chunks that are longer than the file': { body: chunks(60, 41) },
  'a chunk of nothing': { body: chunks(100, 0) },
  'no chunk': { size: 0, body: chunks() },
  'a chunk that is too large': { size: 2 ** 24 + 1, body: chunks(2 ** 24 + 1) },
  'lengths beyond all numbers': { body: chunks(Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER) },
  'an average that nobody cuts by': { body: { form: 'chunks', averageLog2: 30, chunks: [{ id, lengthBytes: 100 }] } },
  'a list that covers too much': {
    size: 2 ** 26 + 1,
    body: { form: 'lists', averageLog2: 17, lists: [{ id, lengthBytes: 2 ** 26 + 1 }] },
  },
  'a bundle that is too large': { body: { form: 'bundled', chunk: id, offset: 2 ** 24 - 99, sha256: id } },
  'a bundle without bytes': { size: 0, body: { form: 'bundled', chunk: id, offset: 0, sha256: id } },
  'a directory with a body': { type: 'd', size: 0, body: { form: 'empty' } },
  'xattrs out of order': withXattrs(xattr('b'), xattr('a')),
  'an xattr twice': withXattrs(xattr('a'), xattr('a')),
  'an xattr without a name': withXattrs(xattr('')),
  'an xattr with a zero in its name': withXattrs(xattr('a\0b')),
  'an xattr with a long name': withXattrs(xattr('n'.repeat(256))),
  'an xattr that is too large': withXattrs(xattr('a', entryLimits.xattrValueBytes + 1)),
  'xattrs that are too large together': withXattrs(
    ...Array.from({ length: 17 }, (_, index) => xattr(String(index + 10), 65_000)),
  ),
}

t.test('an entry that says more than is so is neither read nor made', async (t) => {
  t.ok(entryOf({ body: chunks(60, 40) }))
  t.ok(entryOf(withXattrs(xattr('a', entryLimits.xattrValueBytes), xattr('b', 0))))
  for (const [what, entry] of Object.entries(wrong))
    t.ok(
      isDamage(() => entryOf(entry)),
      what,
    )
})

t.test('an extent list covers what it should, and nothing else', async (t) => {
  const list = encodeExtents([
    { id, lengthBytes: 60 },
    { id: undefined, lengthBytes: 40 },
  ])
  t.equal(decodeExtentList(list, 100).length, 2)
  for (const covered of [0, 60, 99, 101])
    t.ok(
      isDamage(() => decodeExtentList(list, covered)),
      String(covered),
    )
  t.ok(isDamage(() => decodeExtentList(Buffer.concat([list, Buffer.alloc(1)]), 100)))
  t.ok(
    isDamage(() => decodeExtentList(Buffer.from([0xff, 0xff, 0xff, 0xff, 0x0f]), 100)),
    'a huge count',
  )
})

const listed = (path: string, fill = 1) => ({ id: Buffer.alloc(32, fill), entries: 2, firstPath: Buffer.from(path) })

t.test('a list of shards is refused that is not in order, or says too much', async (t) => {
  const list = [listed(''), listed('a'), listed('p'.repeat(4096)), listed('p'.repeat(4096), 2), listed('q')]
  t.strictSame(decodeShardList(encodeShardList(list)), list)
  for (const shards of [
    [],
    [listed('a')],
    [listed(''), listed('b'), listed('a')],
    [listed(''), listed('a'), listed('a')],
  ])
    t.ok(isDamage(() => decodeShardList(encodeShardList(shards))))
  t.ok(isDamage(() => decodeShardList(Buffer.from([0xff, 0xff, 0x7f]))))
})

t.test('a shard that is not the one that was listed is refused', async (t) => {
  const shard = shardOf([root, folder])
  const read = async (list: Buffer) => {
    const entries = []
    const reader = new ManifestReader(async (_, type) => (type === 'shard' ? shard : list))
    for await (const entry of reader.entries(id)) entries.push(entry)
    return entries.length
  }
  t.equal(await read(encodeShardList([listed('')])), 2)
  await t.rejects(read(encodeShardList([{ ...listed(''), entries: 3 }])), { code: 'damaged' })
  await t.rejects(read(encodeShardList([listed(''), listed('b')])), { code: 'damaged' }, 'the same shard again')
})

/** Some entries of each kind, as we write them. */
function goodShard(): Buffer {
  const writer = new ShardWriter()
  const file = (path: string, body: EntryBody, size = 100): ManifestEntry =>
    ManifestEntry.of({ path: manifestPath(path), type: 'f', stat: statOf(fileMode, size), body })
  const directory = (path: string) =>
    ManifestEntry.of({
      path: manifestPath(path),
      type: 'd',
      stat: statOf(directoryMode),
      body: { form: 'none' },
      xattrs: [xattr('user.a')],
    })
  const link: EntryBody = { form: 'hard-link', first: manifestPath('a/b') }
  const entries = [
    directory(''),
    directory('a'),
    file('a/b', { form: 'bundled', chunk: id, offset: 5, sha256: id }),
    file('a/c', chunks(60, 40)),
    ManifestEntry.of({ path: manifestPath('a/d'), type: 'h', stat: statOf(fileMode), body: link }),
    ManifestEntry.of({
      path: manifestPath('e'),
      type: 'l',
      stat: statOf(0o120_777),
      body: { form: 'symlink', target: id },
    }),
    ManifestEntry.of({
      path: manifestPath('f'),
      type: 'c',
      stat: statOf(0o020_600),
      body: { form: 'device', major: 1, minor: 2 },
    }),
  ]
  for (const entry of entries) writer.add(entry)
  return writer.finish()
}

/** Everything that an entry says, which must be safe to ask for once it has been read. */
function isSane(entry: ManifestEntry): boolean {
  const { path, type, stat, body, xattrs, sizeBytes } = entry
  const names = path.length === 0 ? [] : path.toString('latin1').split('\0')
  const hasNames = names.every((name) => name !== '' && name !== '.' && name !== '..' && !name.includes('/'))
  const parts = body.form === 'chunks' ? body.chunks : body.form === 'lists' ? body.lists : undefined
  const sum = parts?.reduce((sum, { lengthBytes }) => sum + lengthBytes, 0) ?? sizeBytes
  const again = ManifestEntry.of({ path, type, stat, body, xattrs })
  return hasNames && sum === sizeBytes && again.isSameAs(entry)
}

t.test('whatever a shard is changed to, it is refused, or its entries are what we could have written', async () => {
  const shard = goodShard()
  const property = fc.property(mutation, (mutate) => {
    const entries = refusalOf(() => decodeShard(mutate(shard), new PathGuard()))
    return !Array.isArray(entries) || entries.every(isSane)
  })
  fc.assert(property, { numRuns: 20_000 * soak })
})

t.test('whatever lists are changed to, they are refused, or are lists that we could have written', async () => {
  const shards = encodeShardList([listed(''), listed('a'), listed('b/c')])
  const extents = encodeExtents(
    [1, 2, 3].map((length) => ({ id: length === 2 ? undefined : id, lengthBytes: length * 1000 })),
  )
  fc.assert(
    fc.property(mutation, (mutate) => {
      const list = refusalOf(() => decodeShardList(mutate(shards)))
      const parts = refusalOf(() => decodeExtentList(mutate(extents), 6000))
      const isList = !Array.isArray(list) || encodeShardList(list).equals(mutate(shards))
      return isList && (!Array.isArray(parts) || encodeExtents(parts).equals(mutate(extents)))
    }),
    { numRuns: 10_000 * soak },
  )
})
