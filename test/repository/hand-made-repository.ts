import { readFileSync } from 'node:fs'
import {
  closeFd,
  getXattrsAt,
  openDirectoryAt,
  openFileAt,
  openRoot,
  readLinkAt,
  readNames,
  statFd,
  statNames,
} from '../../src/host/posix.js'
import {
  recordAt,
  recordDevice,
  recordDeviceNumber,
  recordIno,
  recordLinkCount,
  recordMode,
} from '../../src/host/stat-record.js'
import { parseVolumeName } from '../../src/model/volume-name.js'
import type { ObjectStore } from '../../src/object-stores/object-store.js'
import type { BackupRecord } from '../../src/repository/format/backup-record.js'
import { chunkIdOf } from '../../src/repository/format/chunk-id.js'
import { encodeExtents, type EntryBody, type Extent } from '../../src/repository/format/entry-body.js'
import type { EntryType } from '../../src/repository/format/entry-check.js'
import type { IndexedPack } from '../../src/repository/format/index-segment.js'
import { ManifestEntry } from '../../src/repository/format/manifest-entry.js'
import { ManifestWriter } from '../../src/repository/format/manifest-writer.js'
import type { BlobType } from '../../src/repository/format/pack-format.js'
import { packObjectKey } from '../../src/repository/format/pack-kind.js'
import { PackWriter } from '../../src/repository/format/pack-writer.js'
import { Repository } from '../../src/repository/repository.js'
import { statBytes, statSize } from '../../src/repository/format/stat-block.js'
import { MemoryObjectStore, patientCall } from '../fakes/memory-object-store.js'

const call = patientCall()

export const firstBackup = 'backup-0000000000000001'
export const volume = parseVolumeName('books')

/**
 * A repository that is written by hand, blob by blob: small, and able to hold what the real pipeline would never write, sealed with
 * the right key.
 */
export class HandMadeRepository {
  readonly repository: Repository
  readonly store: ObjectStore
  readonly #writers: Readonly<Record<'data' | 'meta', PackWriter>>
  readonly #known = new Set<string>()
  readonly #packs: IndexedPack[] = []

  private constructor(repository: Repository, packBytes: number) {
    this.repository = repository
    this.store = repository.store
    const { key } = repository
    this.#writers = {
      data: new PackWriter({ key, kind: 'data', targetBytes: packBytes }),
      meta: new PackWriter({ key, kind: 'meta', targetBytes: packBytes }),
    }
  }

  static async make(store: ObjectStore = new MemoryObjectStore(), packBytes = 1 << 20): Promise<HandMadeRepository> {
    const repository = await Repository.init(store, { encryption: 'none', createdAtMs: 0 }, call)
    return new HandMadeRepository(repository, packBytes)
  }

  /** Another writer to the same repository, which knows nothing of what is there. */
  anew(packBytes = 1 << 20): HandMadeRepository {
    return new HandMadeRepository(this.repository, packBytes)
  }

  /** Stores a blob unless it is there. */
  async putBlob(type: BlobType, raw: Buffer): Promise<Buffer> {
    const id = chunkIdOf(raw)
    const key = type + id.toString('hex')
    if (this.#known.has(key)) return id
    this.#known.add(key)
    const kind = type === 'data' ? 'data' : 'meta'
    this.#writers[kind].add(id, type, raw)
    if (this.#writers[kind].isFull) await this.#finishPack(kind)
    return id
  }

  /** Stores what is open, without which nothing can be read. */
  async flush(): Promise<void> {
    for (const kind of ['data', 'meta'] as const) if (!this.#writers[kind].isEmpty) await this.#finishPack(kind)
    if (this.#packs.length > 0) await this.repository.putIndex(this.#packs.splice(0), call)
  }

  async putTree(entries: Iterable<ManifestEntry>): Promise<Buffer> {
    const writer = new ManifestWriter((type, raw) => this.putBlob(type, Buffer.from(raw)))
    for (const entry of entries) await writer.add(entry)
    return (await writer.finish()).tree
  }

  async putBackup(name: string, tree: Buffer, stats: Partial<BackupRecord['stats']> = {}): Promise<void> {
    await this.flush()
    const none = { files: 0, directories: 0, others: 0, bytes: 0, newBytes: 0, storedBytes: 0 }
    const record: BackupRecord = {
      volume,
      name,
      createdAtMs: 0,
      host: 'host',
      tool: 'test',
      path: '/somewhere',
      tree,
      excludes: [],
      tags: [],
      stats: { ...none, filesNew: 0, filesChanged: 0, filesUnchanged: 0, ...stats },
      problems: [],
      problemCount: 0,
      isComplete: true,
    }
    await this.repository.putRecord(record, call)
  }

  /** Backs a directory up, in the simplest way that there is. */
  async backUp(path: string, name = firstBackup): Promise<void> {
    const entries = await new TreeReading(this).read(path)
    await this.putBackup(name, await this.putTree(entries))
  }

  async #finishPack(kind: 'data' | 'meta'): Promise<void> {
    const { id, salt, bytes, entries } = this.#writers[kind].finish()
    await this.store.put(packObjectKey(kind, id), Buffer.from(bytes), {}, call)
    this.#packs.push({ id, kind, packBytes: bytes.length, salt, entries })
  }
}

/** Smaller than what the real one uses, so that small files have several. */
const bundleLimit = 4096
const chunkBytes = 64 * 1024
const extentsOfList = 16

class TreeReading {
  readonly #made: HandMadeRepository
  readonly #entries: ManifestEntry[] = []
  readonly #links = new Map<string, Buffer>()

  constructor(made: HandMadeRepository) {
    this.#made = made
  }

  async read(root: string): Promise<readonly ManifestEntry[]> {
    const fd = openRoot(root)
    const stat = Buffer.from(statFd(fd).subarray(0, statBytes))
    this.#entries.push(ManifestEntry.of({ path: Buffer.alloc(0), type: 'd', stat, body: { form: 'none' } }))
    await this.#directory(fd, Buffer.alloc(0))
    closeFd(fd)
    return this.#entries
  }

  async #directory(fd: number, prefix: Buffer): Promise<void> {
    const names = readNames(fd).map((name) => Buffer.from(name))
    const records = statNames(fd, names)
    for (const [index, name] of names.entries()) {
      const record = recordAt(records, index)
      const path = prefix.length === 0 ? name : Buffer.concat([prefix, Buffer.of(0), name])
      await this.#entry(fd, { name, path, record })
      if ((recordMode(record) & 0o170000) !== 0o040000) continue
      const child = openDirectoryAt(fd, name)
      await this.#directory(child, path)
      closeFd(child)
    }
  }

  async #entry(fd: number, { name, path, record }: { name: Buffer; path: Buffer; record: Buffer }): Promise<void> {
    const stat = Buffer.from(record.subarray(0, statBytes))
    const xattrs = (getXattrsAt(fd, name) ?? []).map(([key, value]) => ({ name: key, value }))
    const identity = `${recordDevice(record)}:${recordIno(record)}`
    const first = this.#links.get(identity)
    const letters: Readonly<Record<number, EntryType>> = { 8: 'f', 4: 'd', 10: 'l', 2: 'c', 6: 'b', 1: 'p', 12: 's' }
    const type = letters[recordMode(record) >>> 12] ?? 'f'
    if (type !== 'd' && recordLinkCount(record) > 1 && first !== undefined) {
      this.#entries.push(ManifestEntry.of({ path, type: 'h', stat, body: { form: 'hard-link', first }, xattrs }))
      return
    }
    this.#links.set(identity, path)
    const body = await this.#body(fd, { name, stat, record, type })
    this.#entries.push(ManifestEntry.of({ path, type, stat, body, xattrs }))
  }

  async #body(
    fd: number,
    { name, stat, record, type }: { name: Buffer; stat: Buffer; record: Buffer; type: EntryType },
  ): Promise<EntryBody> {
    if (type === 'l') return { form: 'symlink', target: readLinkAt(fd, name) }
    if (type === 'c' || type === 'b') return { form: 'device', ...recordDeviceNumber(record) }
    if (type !== 'f') return { form: 'none' }
    if (statSize(stat) === 0) return { form: 'empty' }
    const file = openFileAt(fd, name)
    const content = readFileSync(file)
    closeFd(file)
    return this.#content(content)
  }

  async #content(content: Buffer): Promise<EntryBody> {
    if (content.length <= bundleLimit) {
      const before = Buffer.from('before')
      const chunk = await this.#made.putBlob('data', Buffer.concat([before, content]))
      return { form: 'bundled', chunk, offset: before.length, sha256: chunkIdOf(content) }
    }
    const extents: Extent[] = []
    for (let at = 0; at < content.length; at += chunkBytes) {
      const raw = content.subarray(at, at + chunkBytes)
      const id = raw.every((byte) => byte === 0) ? undefined : await this.#made.putBlob('data', raw)
      extents.push({ id, lengthBytes: raw.length })
    }
    if (extents.length <= extentsOfList) return { form: 'chunks', averageLog2: 17, chunks: extents }
    const lists: Extent[] = []
    for (let at = 0; at < extents.length; at += extentsOfList) {
      const part = extents.slice(at, at + extentsOfList)
      const id = await this.#made.putBlob('extent-list', Buffer.from(encodeExtents(part)))
      lists.push({ id, lengthBytes: part.reduce((sum, { lengthBytes }) => sum + lengthBytes, 0) })
    }
    return { form: 'lists', averageLog2: 17, lists }
  }
}
