import { PseudoRandom } from '../pseudo-random.js'
import { bodies, encodeExtents, hole, idOf, type PlainEntry, sized } from './plain-manifest.js'

const mebibyte = 2 ** 20
/** S_IFMT of each type. */
const formats: Readonly<Record<string, number>> = {
  f: 0o100_000,
  d: 0o040_000,
  l: 0o120_000,
  h: 0o100_000,
  c: 0o020_000,
  b: 0o060_000,
  p: 0o010_000,
  s: 0o140_000,
}

/** A tree with something of everything, and what its files are made of. */
export interface PlainTree {
  readonly entries: readonly PlainEntry[]
  /** Chunks. */
  readonly data: readonly Buffer[]
  readonly extentLists: readonly Buffer[]
}

export function makeEntry(
  path: string,
  type: string,
  more: Partial<PlainEntry> & { size?: number; mode?: number } = {},
): PlainEntry {
  const { size = 0, mode = type === 'd' ? 0o755 : 0o644, body = bodies.none, xattrs = [] } = more
  const stat = {
    mode: (formats[type] ?? 0) | mode,
    uid: 0,
    gid: 0,
    size,
    mtimeSec: 1_700_000_000n,
    mtimeNs: 123_456_789,
  }
  return { path: Buffer.from(path.replaceAll('/', '\0'), 'latin1'), type, stat, body, xattrs }
}

/** With the same names for each seed, and other content. The target of the symbolic link leads out of the restored tree, as it may. */
export function makePlainTree(seed: string): PlainTree {
  const random = new PseudoRandom(seed)
  const bundle = Buffer.from(random.bytes(5000))
  const chunks = Array.from({ length: 4 }, () => Buffer.from(random.bytes(3000 + random.integer(3000))))
  const [a, b, c, d] = chunks.map((chunk) => [idOf(chunk), chunk.length] as const) as [Part, Part, Part, Part]
  const segment = encodeExtents([d, [hole, 64 * mebibyte - d[1]]])
  const note = [Buffer.from('user.note'), Buffer.from('kept')] as const
  const entries = [
    makeEntry('', 'd'),
    makeEntry('data', 'd'),
    ...Array.from({ length: 12 }, (_, index) => bundled(`data/small-${index}`, bundle, index * 400, 300 + index)),
    makeEntry('data/large', 'f', { size: a[1] + b[1] + 8192 + c[1], body: bodies.chunks([a, b, [hole, 8192], c]) }),
    makeEntry('data/sparse', 'f', {
      size: 70 * mebibyte,
      body: bodies.lists([
        [idOf(segment), 64 * mebibyte],
        [hole, 6 * mebibyte],
      ]),
    }),
    makeEntry('data/empty', 'f', { body: bodies.empty }),
    makeEntry('deep', 'd'),
    makeEntry('deep/er', 'd', { mode: 0o1777 }),
    makeEntry('deep/er/still', 'd'),
    bundled('deep/er/still/here', bundle, 100, 700),
    makeEntry('link', 'l', { mode: 0o777, size: 10, body: sized(Buffer.from('../outside')) }),
    makeEntry('name-\xff\xfe\n', 'f', { body: bodies.empty }),
    makeEntry('pipe', 'p'),
    makeEntry('second', 'h', { size: 300, body: sized(Buffer.from('data\0small-0')) }),
    makeEntry('sock', 's'),
    makeEntry('suid', 'f', { size: 50, mode: 0o4755, body: bodies.bundled(bundle, 0, 50), xattrs: [note] }),
    makeEntry('terminal', 'c', { body: bodies.device(1, 3) }),
  ]
  entries.sort((one, other) => one.path.compare(other.path))
  return { entries, data: [bundle, ...chunks], extentLists: [segment] }
}

type Part = readonly [id: Buffer, lengthBytes: number]

function bundled(path: string, bundle: Buffer, offset: number, size: number): PlainEntry {
  return makeEntry(path, 'f', { size, body: bodies.bundled(bundle, offset, size) })
}
