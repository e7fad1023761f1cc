import type { CallContext } from '../../model/call-context.js'
import { LiveChunks } from './live-chunks.js'
import { measureUsage } from './pack-usage.js'
import type { PackKind } from '../format/pack-kind.js'
import type { OnProgress } from '../progress.js'
import { planPrune } from './prune-plan.js'
import { readRecords } from '../read-records.js'
import type { ListedBackup, Repository } from '../repository.js'
import { type PackInfo, RepositoryIndex } from '../repository-index.js'

export interface VolumeStats {
  readonly volume: string
  readonly backups: number
  /** By the clock of the host that made it. */
  readonly newestAtMs: number
  /** Of the newest backup's files. */
  readonly newestBytes: number
  /** Of the files of all its backups, as if each were a copy. */
  readonly bytes: number
}

export interface RepositoryStats {
  readonly volumes: readonly VolumeStats[]
  readonly backups: number
  readonly unreadableBackups: number
  /** Of the files of all backups, as if each were a copy. */
  readonly bytes: number
  /** What of that is different, before and after it was compressed. */
  readonly uniqueBytes: number
  readonly uniqueStoredBytes: number
  readonly packs: Readonly<Record<PackKind, { readonly packs: number; readonly bytes: number }>>
  /** What a prune would give back, where nobody is at work. */
  readonly reclaimableBytes: number
}

/** Counts what is in a repository, and what of it backups refer to. ConvoyError `damaged` where that cannot be known. */
export async function readStats(
  repository: Repository,
  { onProgress }: { readonly onProgress?: OnProgress },
  call: CallContext,
): Promise<RepositoryStats> {
  const volumes = new Map<string, VolumeStats>()
  const readable: { readonly listed: ListedBackup; readonly files: number }[] = []
  let unreadableBackups = 0
  for await (const { listed, outcome } of readRecords(repository, undefined, call)) {
    if ('error' in outcome) {
      unreadableBackups += 1
      continue
    }
    const { createdAtMs, stats } = outcome.record
    volumes.set(listed.volume, addBackup(volumes.get(listed.volume), { ...listed, createdAtMs, bytes: stats.bytes }))
    readable.push({ listed, files: stats.files })
  }
  // What backups refer to was indexed before they were there.
  const index = await RepositoryIndex.load(repository, { purpose: 'read' }, call)
  const live = new LiveChunks(repository, index, call)
  let filesDone = 0
  for (const { listed, files } of readable) {
    await live.mark(listed)
    filesDone += files
    onProgress?.({ phase: 'scan', filesDone, bytesDone: 0, storedBytes: 0, current: listed.name })
  }
  const usage = measureUsage(index, live.records)
  const plan = planPrune({ index, usage, writers: [], strays: [] })
  const isThere = ({ state }: PackInfo) => state !== 'missing'
  return {
    volumes: [...volumes.values()],
    backups: sum([...volumes.values()].map(({ backups }) => backups)),
    unreadableBackups,
    bytes: sum([...volumes.values()].map(({ bytes }) => bytes)),
    uniqueBytes: sum(usage.rawBytes),
    uniqueStoredBytes: sum(usage.storedBytes),
    packs: { data: amountOf('data', index.packs.filter(isThere)), meta: amountOf('meta', index.packs.filter(isThere)) },
    reclaimableBytes: sum([...plan.unused, ...plan.sparse].map(({ pack, liveBytes }) => pack.sizeBytes - liveBytes)),
  }
}

function addBackup(
  before: VolumeStats | undefined,
  { volume, createdAtMs, bytes }: { readonly volume: string; readonly createdAtMs: number; readonly bytes: number },
): VolumeStats {
  const { backups, newestAtMs, newestBytes, bytes: others } = before ?? none
  const isNewest = createdAtMs >= newestAtMs
  return {
    volume,
    backups: backups + 1,
    newestAtMs: isNewest ? createdAtMs : newestAtMs,
    newestBytes: isNewest ? bytes : newestBytes,
    bytes: others + bytes,
  }
}

const none = { backups: 0, newestAtMs: -Infinity, newestBytes: 0, bytes: 0 }

function amountOf(wanted: PackKind, packs: readonly PackInfo[]) {
  const found = packs.filter(({ kind }) => kind === wanted)
  return { packs: found.length, bytes: sum(found.map(({ sizeBytes }) => sizeBytes)) }
}

function sum(numbers: Iterable<number>): number {
  let total = 0
  for (const number of numbers) total += number
  return total
}
