import { backup, type BackupDeps, type BackupRequest } from '../../../src/repository/backup/backup.js'
import type { BackupRecord } from '../../../src/repository/format/backup-record.js'
import { BlobReader } from '../../../src/repository/blob-reader.js'
import type { ManifestEntry } from '../../../src/repository/format/manifest-entry.js'
import { ManifestReader } from '../../../src/repository/format/manifest-reader.js'
import type { Repository } from '../../../src/repository/repository.js'
import { RepositoryIndex } from '../../../src/repository/repository-index.js'
import { showPath } from '../../../src/repository/format/tree-path.js'
import { parseVolumeName } from '../../../src/model/volume-name.js'
import { pause } from '../../../src/host/clock.js'
import { MemoryBucket, MemoryObjectStore, type MemoryStoreDeps, patientCall } from '../../fakes/memory-object-store.js'
import type { CallContext } from '../../../src/model/call-context.js'
import { openMemoryRepository } from '../memory-repository.js'

export const volume = parseVolumeName('db1')

/** So little that there is one thread: tests have small trees, and there are many of them. */
const limitMemoryBytes = 1

export interface GivenBackup {
  readonly request?: Partial<BackupRequest>
  readonly deps?: Partial<BackupDeps>
  readonly store?: Partial<MemoryStoreDeps>
  readonly repository?: Repository
  readonly call?: CallContext
}

/** A repository in memory, and hosts that back directories up to it. */
export class BackupWorld {
  readonly bucket = new MemoryBucket()
  /** Later than whatever a test wrote before: files that changed just now are not trusted. */
  now = () => Date.now() + 60_000

  async backup(path: string, given: GivenBackup = {}): Promise<BackupRecord> {
    const store = new MemoryObjectStore({ bucket: this.bucket, ...given.store })
    const repository = given.repository ?? (await this.open(store))
    const request = { path, volume, excludes: [], tags: [], limitMemoryBytes, ...given.request }
    const deps = { pause, hostName: 'h1', pid: 7, tool: 'convoy test', now: this.now, ...given.deps }
    const { record } = await backup(repository, request, deps, given.call ?? patientCall())
    return record
  }

  async open(store = new MemoryObjectStore({ bucket: this.bucket })): Promise<Repository> {
    if (!this.bucket.objects.has('config.json'))
      await openMemoryRepository(new MemoryObjectStore({ bucket: this.bucket }))
    return openMemoryRepository(store)
  }

  async read(record: BackupRecord): Promise<ReadBackup> {
    return readBackup(await this.open(), record)
  }

  /** Everything that is listed, read to the last byte. */
  async readAll(): Promise<ReadBackup[]> {
    const repository = await this.open()
    const backups: ReadBackup[] = []
    for await (const { volume, name } of repository.listBackups(patientCall()))
      backups.push(await readBackup(repository, await repository.readRecord(volume, name, patientCall())))
    return backups
  }

  /** Data packs in the bucket. */
  get dataPacks(): readonly string[] {
    return this.bucket.keys('data/')
  }
}

export interface ReadBackup {
  readonly record: BackupRecord
  /** By the paths that showPath shows. */
  readonly entries: ReadonlyMap<string, ManifestEntry>
  /** Of regular files. */
  readonly contents: ReadonlyMap<string, Buffer>
}

async function readBackup(repository: Repository, record: BackupRecord): Promise<ReadBackup> {
  const index = await RepositoryIndex.load(repository, { purpose: 'read' }, patientCall())
  const blobs = new BlobReader(repository, index, patientCall())
  const reader = new ManifestReader((id, type) => blobs.read(id, type))
  const entries = new Map<string, ManifestEntry>()
  const contents = new Map<string, Buffer>()
  for await (const entry of reader.entries(record.tree)) {
    entries.set(showPath(entry.path), entry)
    if (entry.type === 'f') contents.set(showPath(entry.path), await readContent(entry, { blobs, reader }))
  }
  return { record, entries, contents }
}

async function readContent(entry: ManifestEntry, from: { blobs: BlobReader; reader: ManifestReader }): Promise<Buffer> {
  const { body } = entry
  if (body.form === 'bundled')
    return (await from.blobs.read(body.chunk, 'data')).subarray(body.offset, body.offset + entry.sizeBytes)
  const parts: Buffer[] = []
  for await (const { id, lengthBytes } of from.reader.extents(entry))
    parts.push(id === undefined ? Buffer.alloc(lengthBytes) : await from.blobs.read(id, 'data'))
  return Buffer.concat(parts)
}
