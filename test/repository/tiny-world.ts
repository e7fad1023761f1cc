import assert from 'node:assert/strict'
import type { CallContext } from '../../src/model/call-context.js'
import type { BackupName } from '../../src/repository/format/backup-name.js'
import { readCondemnedLists } from '../../src/repository/condemned.js'
import { LiveChunks } from '../../src/repository/upkeep/live-chunks.js'
import type { LeaseDeps } from '../../src/repository/lease.js'
import { measureUsage } from '../../src/repository/upkeep/pack-usage.js'
import { packObjectKey } from '../../src/repository/format/pack-kind.js'
import { prune, type PruneRequest } from '../../src/repository/upkeep/prune.js'
import type { Repository } from '../../src/repository/repository.js'
import { RepositoryIndex } from '../../src/repository/repository-index.js'
import { ChunkReading } from '../../src/repository/upkeep/chunk-reading.js'
import { ManualPause } from '../fakes/manual-pause.js'
import { type MemoryBucket, MemoryObjectStore, patientCall } from '../fakes/memory-object-store.js'
import { openMemoryRepository } from './memory-repository.js'
import { type TinyBackup, writeTinyBackup } from './tiny-backup.js'

const minuteMs = 60_000

/** A process that works on a repository: what it asks of the store, and its own time. */
export class TinyHost {
  readonly store: MemoryObjectStore
  readonly repository: Repository
  readonly pause = new ManualPause()
  readonly deps: LeaseDeps = { pause: this.pause.pause, hostName: 'host', pid: 1 }
  readonly call: CallContext = patientCall()

  private constructor(store: MemoryObjectStore, repository: Repository) {
    this.store = store
    this.repository = repository
  }

  static async start(
    bucket: MemoryBucket,
    before: (step: string) => Promise<void> | void = () => undefined,
    createOnly: 'atomic' | 'racy' = 'atomic',
  ): Promise<TinyHost> {
    let isOpen = false
    const store = new MemoryObjectStore({ bucket, createOnly, before: (step) => (isOpen ? before(step) : undefined) })
    const host = new TinyHost(store, await openMemoryRepository(store))
    isOpen = true
    return host
  }

  backUp(backup: TinyBackup): Promise<void> {
    return writeTinyBackup(this.repository, backup, this.deps, this.call)
  }

  prune(request: Partial<PruneRequest> = {}) {
    return prune(this.repository, { action: 'remove', ...request }, this.deps, this.call)
  }
}

/** Time passes for the store and for these hosts. */
export async function pass(bucket: MemoryBucket, ms: number, hosts: readonly TinyHost[] = []): Promise<void> {
  for (let left = ms; left > 0; left -= minuteMs) {
    bucket.clock.advance(Math.min(left, minuteMs))
    await Promise.all(hosts.map(({ pause }) => pause.advance(Math.min(left, minuteMs))))
  }
}

/** Reads every byte of every backup that is listed, as a restore would. Says which there are. */
export async function readEverything(bucket: MemoryBucket): Promise<readonly BackupName[]> {
  const { repository, call } = await TinyHost.start(bucket)
  const index = await RepositoryIndex.load(repository, { purpose: 'read' }, call)
  assert.deepEqual(index.damage, [])
  const live = new LiveChunks(repository, index, call)
  const backups: BackupName[] = []
  for await (const backup of repository.listBackups(call)) {
    await live.mark(backup)
    assert.equal(live.missingCount, 0, `${backup.name} refers to what is not there`)
    backups.push(backup)
  }
  const reading = new ChunkReading(repository, index)
  for (const [number, pack] of index.packs.entries()) {
    const records = [...live.records].filter((record) => index.table.findAt(record)?.pack === number)
    for await (const { content } of reading.read(pack, records, call)) assert.ok('raw' in content)
  }
  return backups
}

/** After quiet prunes there is nothing that no backup needs. */
export async function assertTidy(bucket: MemoryBucket): Promise<void> {
  const { repository, call } = await TinyHost.start(bucket)
  assert.deepEqual(bucket.keys('leases/'), [])
  assert.deepEqual(await readCondemnedLists(repository, call), [])
  const index = await RepositoryIndex.load(repository, { purpose: 'read' }, call)
  assert.deepEqual(index.orphans, [])
  assert.deepEqual(
    index.packs.filter(({ state }) => state !== 'there'),
    [],
  )
  const live = new LiveChunks(repository, index, call)
  for await (const backup of repository.listBackups(call)) await live.mark(backup)
  const { storedBytes } = measureUsage(index, live.records)
  const unused = index.packs.filter((_, number) => storedBytes[number] === 0)
  assert.deepEqual(
    unused.map(({ kind, id }) => packObjectKey(kind, id)),
    [],
  )
}
