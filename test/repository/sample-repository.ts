import { createHash } from 'node:crypto'
import type { CallContext } from '../../src/model/call-context.js'
import { parseVolumeName } from '../../src/model/volume-name.js'
import type { ObjectStore } from '../../src/object-stores/object-store.js'
import type { BackupRecord } from '../../src/repository/format/backup-record.js'
import { Chunker } from '../../src/repository/format/chunker.js'
import { chunkIdOf } from '../../src/repository/format/chunk-id.js'
import { encodeExtents, type EntryBody, type Extent, type Xattr } from '../../src/repository/format/entry-body.js'
import type { EntryType } from '../../src/repository/format/entry-check.js'
import type { IndexedPack } from '../../src/repository/format/index-segment.js'
import type { Unlock } from '../../src/repository/format/key-slots.js'
import { ManifestEntry } from '../../src/repository/format/manifest-entry.js'
import { ManifestWriter } from '../../src/repository/format/manifest-writer.js'
import type { BlobType } from '../../src/repository/format/pack-format.js'
import { packObjectKey } from '../../src/repository/format/pack-kind.js'
import { PackWriter } from '../../src/repository/format/pack-writer.js'
import { Repository } from '../../src/repository/repository.js'
import { encodeStat } from '../../src/repository/format/stat-block.js'

/** One thing of a sample tree, as somebody would describe it who knows nothing of manifests. */
export interface SampleFile {
  /** Names with `/` between them, each byte a letter of latin1; empty for the root. */
  readonly path: string
  readonly type: EntryType
  readonly mode: number
  readonly content?: Buffer
  /** Of a symbolic link; or the path of the first name, for a hard link. */
  readonly target?: string
  readonly xattrs?: readonly Xattr[]
}

export const sampleKey = { kind: 'key-file', key: Buffer.alloc(32, 7) } as const satisfies Unlock

/** Bytes that look random, and are the same each time: xorshift32, four bytes of each number, lowest first. */
export function sampleBytes(length: number, seed: number): Buffer {
  const words = new Uint32Array(Math.ceil(length / 4))
  let state = seed
  for (let index = 0; index < words.length; index++) {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    words[index] = state >>> 0
  }
  return Buffer.from(words.buffer, 0, length)
}

const text = (seed: number, length: number) => Buffer.from(`line ${seed}\n`.repeat(length).slice(0, length))

/** One of each type and form, in no order. */
export const sampleFiles: readonly SampleFile[] = [
  { path: '', type: 'd', mode: 0o040_755 },
  { path: 'a', type: 'd', mode: 0o041_777, xattrs: [{ name: Buffer.from('user.x'), value: Buffer.from([0, 255]) }] },
  { path: 'a/empty', type: 'f', mode: 0o100_600, content: Buffer.alloc(0) },
  { path: 'a/text', type: 'f', mode: 0o104_755, content: text(1, 5000) },
  { path: 'a/b', type: 'd', mode: 0o040_700 },
  { path: 'a/b/\xff\xfe', type: 'f', mode: 0o100_644, content: text(2, 1) },
  { path: 'a/b!', type: 'f', mode: 0o100_644, content: sampleBytes(300_000, 5) },
  { path: 'a-link', type: 'l', mode: 0o120_777, target: '../\xe9/nowhere' },
  { path: `long-${'n'.repeat(250)}`, type: 'f', mode: 0o100_644, content: text(3, 70_000) },
  { path: 'pipe', type: 'p', mode: 0o010_644 },
  { path: 'socket', type: 's', mode: 0o140_755 },
  { path: 'sparse', type: 'f', mode: 0o100_644, content: sparse() },
  { path: 'tty', type: 'c', mode: 0o020_620 },
  { path: 'disk', type: 'b', mode: 0o060_660 },
  { path: 'z-hard', type: 'h', mode: 0o104_755, target: 'a/text' },
]

function sparse(): Buffer {
  const bytes = Buffer.alloc(500_000)
  sampleBytes(200_000, 6).copy(bytes, 150_000)
  return bytes
}

export const manifestPath = (path: string) => Buffer.from(path.replaceAll('/', '\0'), 'latin1')
const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest()

/** Packs blobs as a backup does, simply. */
export class SamplePacker {
  readonly packs: IndexedPack[] = []
  readonly #repository: Repository
  readonly #known = new Set<string>()
  readonly #writers

  constructor(repository: Repository, targetBytes = 1024 * 1024) {
    this.#repository = repository
    const { key } = repository
    const data = new PackWriter({ key, kind: 'data', targetBytes })
    this.#writers = { data, meta: new PackWriter({ key, kind: 'meta', targetBytes }) }
  }

  async put(type: BlobType, raw: Buffer, call: CallContext): Promise<Buffer> {
    const id = chunkIdOf(raw)
    if (this.#known.has(id.toString('hex'))) return id
    this.#known.add(id.toString('hex'))
    const writer = this.#writers[type === 'data' ? 'data' : 'meta']
    writer.add(id, type, raw)
    if (writer.isFull) await this.#store(writer, call)
    return id
  }

  async finish(call: CallContext): Promise<readonly IndexedPack[]> {
    for (const writer of Object.values(this.#writers)) if (!writer.isEmpty) await this.#store(writer, call)
    return this.packs
  }

  async #store(writer: PackWriter, call: CallContext): Promise<void> {
    const { id, kind, salt, bytes, entries } = writer.finish()
    await this.#repository.store.put(packObjectKey(kind, id), bytes, { createOnly: true, sha256: id }, call)
    this.packs.push({ id, kind, salt, packBytes: bytes.length, entries })
  }
}

/** Entries of the files in the order of a manifest; what is in them has been put. */
async function entriesOf(
  files: readonly SampleFile[],
  repository: Repository,
  packer: SamplePacker,
  call: CallContext,
) {
  const chunker = new Chunker(repository.key.gearSeed, 14)
  const sorted = [...files].sort((a, b) => manifestPath(a.path).compare(manifestPath(b.path)))
  const entries: ManifestEntry[] = []
  for (const [index, file] of sorted.entries()) {
    const size = file.content?.length ?? (file.type === 'h' ? 5000 : 0)
    const mtimeSec = 1_700_000_000n + BigInt(index)
    const times = { mtimeSec, mtimeNs: 123_456_789, ctimeSec: mtimeSec, ctimeNs: 1 }
    const stat = encodeStat({ mode: file.mode, uid: 1000, gid: index, ino: 1n << 63n, size, ...times })
    const body = await bodyOf(file, chunker, (type, raw) => packer.put(type, raw, call))
    const xattrs = file.xattrs ?? []
    entries.push(ManifestEntry.of({ path: manifestPath(file.path), type: file.type, stat, body, xattrs }))
  }
  return entries
}

type Put = (type: BlobType, raw: Buffer) => Promise<Buffer>

async function bodyOf({ type, content, target }: SampleFile, chunker: Chunker, put: Put): Promise<EntryBody> {
  if (type === 'l') return { form: 'symlink', target: Buffer.from(target ?? '', 'latin1') }
  if (type === 'h') return { form: 'hard-link', first: manifestPath(target ?? '') }
  if (type === 'c' || type === 'b') return { form: 'device', major: 5, minor: 2 ** 20 }
  if (content === undefined) return { form: 'none' }
  if (content.length === 0) return { form: 'empty' }
  if (content.length <= 128 * 1024) {
    const bundle = Buffer.concat([Buffer.from('before'), content, Buffer.from('after')])
    return { form: 'bundled', chunk: await put('data', bundle), offset: 6, sha256: sha256(content) }
  }
  const chunks: Extent[] = []
  for (let at = 0; at < content.length;) {
    const end = chunker.cut(content, at, content.length)
    const chunk = content.subarray(at, end)
    const id = chunk.every((byte) => byte === 0) ? undefined : await put('data', chunk)
    chunks.push({ id, lengthBytes: end - at })
    at = end
  }
  // As if segments were small: half of the files have lists.
  if (content.length % 200_000 === 0) return { form: 'chunks', averageLog2: 14, chunks }
  const half = Math.ceil(chunks.length / 2)
  const parts = [chunks.slice(0, half), chunks.slice(half)]
  const lists = parts.map(async (part) => ({
    id: await put('extent-list', encodeExtents(part)),
    lengthBytes: part.reduce((sum, { lengthBytes }) => sum + lengthBytes, 0),
  }))
  return { form: 'lists', averageLog2: 14, lists: await Promise.all(lists) }
}

/** Makes a backup of the files, as a backup does: packs, index, record. */
export async function backUpSample(
  repository: Repository,
  files: readonly SampleFile[],
  call: CallContext,
): Promise<BackupRecord> {
  const packer = new SamplePacker(repository, 200_000)
  const manifest = new ManifestWriter((type, raw) => packer.put(type, raw, call))
  for (const entry of await entriesOf(files, repository, packer, call)) await manifest.add(entry)
  const { tree } = await manifest.finish()
  await repository.putIndex(await packer.finish(call), call)
  const record = { ...sampleRecord, tree }
  await repository.putRecord(record, call)
  return record
}

export async function initSample(store: ObjectStore, call: CallContext): Promise<Repository> {
  return Repository.init(store, { encryption: 'key', unlock: sampleKey, createdAtMs: 1_700_000_000_000 }, call)
}

export const sampleRecord: BackupRecord = {
  volume: parseVolumeName('db'),
  name: 'backup-0123456789abcdef',
  createdAtMs: 1_700_000_000_000,
  host: 'host',
  tool: 'convoy 1',
  path: '/srv',
  tree: Buffer.alloc(32, 1),
  excludes: ['*.tmp'],
  tags: ['nightly'],
  stats: {
    files: 7,
    directories: 3,
    others: 6,
    bytes: 1_000_000,
    newBytes: 900_000,
    storedBytes: 600_000,
    filesNew: 7,
    filesChanged: 0,
    filesUnchanged: 0,
  },
  problems: [{ path: 'x', code: 'EACCES', message: 'x cannot be read' }],
  problemCount: 1,
  isComplete: false,
}
