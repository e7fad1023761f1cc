import type { CallContext } from '../../src/model/call-context.js'
import { parseVolumeName } from '../../src/model/volume-name.js'
import type { BackupName } from '../../src/repository/format/backup-name.js'
import type { BackupRecord } from '../../src/repository/format/backup-record.js'
import { chunkIdOf } from '../../src/repository/format/chunk-id.js'
import { commitBackup } from '../../src/repository/commit-backup.js'
import type { IndexedPack } from '../../src/repository/format/index-segment.js'
import { Lease, type LeaseDeps } from '../../src/repository/lease.js'
import { ManifestEntry } from '../../src/repository/format/manifest-entry.js'
import { ManifestWriter } from '../../src/repository/format/manifest-writer.js'
import type { BlobType } from '../../src/repository/format/pack-format.js'
import { type PackKind, packObjectKey } from '../../src/repository/format/pack-kind.js'
import { PackWriter } from '../../src/repository/format/pack-writer.js'
import { recordKeyOf } from '../../src/repository/format/backup-name.js'
import type { Repository } from '../../src/repository/repository.js'
import { RepositoryIndex } from '../../src/repository/repository-index.js'
import { Zstd } from '../../src/repository/format/zstd.js'
import { encodeStat } from '../../src/repository/format/stat-block.js'

export interface TinyBackup extends BackupName {
  /** A file for each, of one chunk. */
  readonly contents: readonly string[]
  readonly createdAtMs?: number
  readonly tags?: readonly string[]
}

/** A backup as the pipeline makes one, step by step, of contents that are in no directory, with very small packs. */
export async function writeTinyBackup(
  repository: Repository,
  backup: TinyBackup,
  deps: LeaseDeps,
  call: CallContext,
): Promise<void> {
  const claim = { mode: 'write', operation: `backup of ${backup.volume}`, record: recordKeyOf(backup) } as const
  const lease = await Lease.take(repository, claim, deps, call)
  try {
    const index = await RepositoryIndex.load(repository, { purpose: 'write' }, call)
    const packs = new TinyPacks(repository, index, call)
    packs.stored.push(...(await index.adoptOrphans(repository, call)))
    const manifest = new ManifestWriter((type, raw) => packs.put(type, raw))
    await manifest.add(
      ManifestEntry.of({ path: Buffer.alloc(0), type: 'd', stat: stat(0o40755, 0), body: { form: 'none' } }),
    )
    for (const [number, content] of backup.contents.entries()) {
      const raw = Buffer.from(content)
      const chunk = await packs.put('data', raw)
      const path = Buffer.from(`f${String(number).padStart(3, '0')}`)
      const body = { form: 'bundled', chunk, offset: 0, sha256: chunk } as const
      await manifest.add(ManifestEntry.of({ path, type: 'f', stat: stat(0o100644, raw.length), body }))
    }
    const { tree } = await manifest.finish()
    await packs.finish()
    await commitBackup(repository, recordOf(backup, tree), lease, call)
  } finally {
    await lease.release()
  }
}

const zstd = new Zstd()

/** Of packs that have been stored, for others. */
const memory: ArrayBuffer[] = []

/** Two chunks go into a pack. */
class TinyPacks {
  readonly stored: IndexedPack[] = []
  readonly #repository: Repository
  readonly #index: RepositoryIndex
  readonly #call: CallContext
  readonly #writers: Readonly<Record<'data' | 'meta', PackWriter>>
  #blobs = 0

  constructor(repository: Repository, index: RepositoryIndex, call: CallContext) {
    this.#repository = repository
    this.#index = index
    this.#call = call
    const allocate = (bytes: number) => memory.pop() ?? new ArrayBuffer(bytes)
    const open = (kind: PackKind) => new PackWriter({ key: repository.key, kind, targetBytes: 1 << 20, allocate, zstd })
    this.#writers = { data: open('data'), meta: open('meta') }
  }

  async put(type: BlobType, raw: Buffer): Promise<Buffer> {
    const id = chunkIdOf(raw)
    this.#index.reserve(1)
    if (!this.#index.table.claim(id)) return id
    const kind = type === 'data' ? 'data' : 'meta'
    this.#writers[kind].add(id, type, raw)
    this.#blobs += 1
    if (this.#blobs % 2 === 0) await this.#store(kind)
    return id
  }

  async finish(): Promise<void> {
    for (const kind of ['data', 'meta'] as const) if (!this.#writers[kind].isEmpty) await this.#store(kind)
    await this.#repository.putIndex(this.stored, this.#call)
  }

  async #store(kind: 'data' | 'meta'): Promise<void> {
    const { id, salt, bytes, entries } = this.#writers[kind].finish()
    const copy = Buffer.from(bytes)
    // Each has memory of its own: see PackWriter.
    memory.push(bytes.buffer as ArrayBuffer)
    await this.#repository.store.put(packObjectKey(kind, id), copy, { sha256: id }, this.#call)
    this.stored.push({ id, kind, packBytes: copy.length, salt, entries })
  }
}

function recordOf(backup: TinyBackup, tree: Buffer): BackupRecord {
  const { contents, createdAtMs = 0, tags = [] } = backup
  const bytes = contents.reduce((sum, content) => sum + content.length, 0)
  const none = { newBytes: 0, storedBytes: 0, filesNew: 0, filesChanged: 0, filesUnchanged: 0 }
  return {
    volume: parseVolumeName(backup.volume),
    name: backup.name,
    createdAtMs,
    host: 'host',
    tool: 'test',
    path: '/somewhere',
    tree,
    excludes: [],
    tags,
    stats: { ...none, files: contents.length, directories: 1, others: 0, bytes },
    problems: [],
    problemCount: 0,
    isComplete: true,
  }
}

function stat(mode: number, size: number): Buffer {
  const time = { mtimeSec: 1n, mtimeNs: 0, ctimeSec: 1n, ctimeNs: 0 }
  return encodeStat({ mode, uid: 0, gid: 0, ino: 1n, size, ...time })
}
