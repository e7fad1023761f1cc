import { ConvoyError, isConvoyError } from '../../errors.js'
import type { CallContext } from '../../model/call-context.js'
import type { BackupRecord } from '../format/backup-record.js'
import { ChunkGroups } from '../chunk-groups.js'
import { ChunkReading } from './chunk-reading.js'
import type { ChunkTable } from '../chunk-table.js'
import { commitBackup } from '../commit-backup.js'
import { damaged } from '../format/damage.js'
import { Lease, type LeaseDeps } from '../lease.js'
import { LiveChunks } from './live-chunks.js'
import { PackStorage } from './pack-storage.js'
import type { OnProgress } from '../progress.js'
import { RecordSet } from '../record-set.js'
import { recordKeyOf, type BackupName } from '../format/backup-name.js'
import type { Repository } from '../repository.js'
import { type PackInfo, RepositoryIndex } from '../repository-index.js'

export interface CopyRequest {
  readonly from: Repository
  readonly to: Repository
  readonly backup: BackupName
}

export interface CopyDeps extends LeaseDeps {
  readonly onProgress?: OnProgress
}

export interface CopySummary {
  /** Chunks that the other repository did not have, and what they take there. */
  readonly chunks: number
  readonly storedBytes: number
  readonly wasThere: boolean
}

/**
 * Brings a backup into another repository, under its key: what that has already is not sent again, also of a copy that was broken off.
 * Each chunk is verified on the way. ConvoyError `damaged` when one is not whole, `already-exists` when there is another backup of
 * that name.
 */
export async function copyBackup(request: CopyRequest, deps: CopyDeps, call: CallContext): Promise<CopySummary> {
  const { from, to, backup } = request
  const record = await from.readRecord(backup.volume, backup.name, call)
  if (await isThere(to, record, call)) return { chunks: 0, storedBytes: 0, wasThere: true }
  const operation = `copy of ${backup.name}`
  const lease = await Lease.take(to, { mode: 'write', operation, record: recordKeyOf(backup) }, deps, call)
  try {
    const copying = { from, to, record }
    const copy = () => copyChunks(copying, { ...deps, lease }, call)
    // A prune has put chunks elsewhere, perhaps, and what was copied is there already.
    const summary = await copy().catch((thrown: unknown) => {
      if (isConvoyError(thrown, 'not-found')) return copy()
      throw thrown
    })
    await commitBackup(to, record, lease, call)
    return { ...summary, wasThere: false }
  } catch (thrown) {
    throw isConvoyError(thrown, 'damaged') || isConvoyError(thrown, 'not-found') ? notWhole(backup, thrown) : thrown
  } finally {
    await lease.release()
  }
}

async function isThere(to: Repository, { volume, name, tree }: BackupRecord, call: CallContext): Promise<boolean> {
  try {
    const other = await to.readRecord(volume, name, call)
    if (other.tree.equals(tree)) return true
  } catch (thrown) {
    if (isConvoyError(thrown, 'not-found')) return false
    throw thrown
  }
  throw new ConvoyError('already-exists', `${to.store.url} has another backup ${name} of ${volume}`)
}

interface Copying {
  readonly from: Repository
  readonly to: Repository
  readonly record: BackupRecord
}

/** ConvoyError `not-found` when a pack has gone that the index lists. */
async function copyChunks(
  { from, to, record }: Copying,
  { lease, onProgress }: CopyDeps & { readonly lease: Lease },
  call: CallContext,
): Promise<Omit<CopySummary, 'wasThere'>> {
  const target = await openTarget(to, call)
  const source = await RepositoryIndex.load(from, { purpose: 'read' }, call)
  const live = new LiveChunks(from, source, call)
  await live.markTree(record.tree)
  if (live.missingCount > 0) throw damaged('it refers to chunks that are nowhere')
  const wanted = missingIn(target, source.table, live.records)
  const groups = new ChunkGroups(source.table, wanted, source.packs.length)
  const reading = new ChunkReading(from, source)
  const storage = new PackStorage(to)
  const copyPack = async (pack: PackInfo, records: Iterable<number>) => {
    for await (const { id, location, content } of reading.read(pack, records, call)) {
      if ('error' in content) throw content.error
      await storage.add({ id, type: location.type, raw: content.raw }, call)
      bytesDone += content.raw.length
      onProgress?.({ phase: 'copy', filesDone: 0, bytesDone, storedBytes: storage.storedBytes })
    }
  }
  let bytesDone = 0
  try {
    for (const [number, pack] of source.packs.entries()) {
      if (lease.failure !== undefined) throw lease.failure
      await copyPack(pack, groups.of(number))
    }
  } finally {
    // Also what was copied before something went wrong: it is not sent again.
    await storage.finish(call)
  }
  return { chunks: wanted.size, storedBytes: storage.storedBytes }
}

/** With what an earlier copy left behind when it was broken off. */
async function openTarget(to: Repository, call: CallContext): Promise<ChunkTable> {
  const index = await RepositoryIndex.load(to, { purpose: 'write' }, call)
  // The record must not refer to what is in no index.
  await to.putIndex(await index.adoptOrphans(to, call), call)
  return index.table
}

function missingIn(target: ChunkTable, table: ChunkTable, records: RecordSet): RecordSet {
  const missing = new RecordSet(table.capacity)
  for (const record of records) if (!target.has(table.idAt(record))) missing.add(record)
  return missing
}

function notWhole({ volume, name }: BackupName, cause?: ConvoyError): ConvoyError {
  return new ConvoyError('damaged', `${name} of ${volume} is not whole, and cannot be copied`, {
    hint: '`convoy backup verify` says what is damaged',
    cause,
  })
}
