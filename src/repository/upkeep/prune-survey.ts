import { ConvoyError } from '../../errors.js'
import type { CallContext } from '../../model/call-context.js'
import { type CondemnedList, type PackName, readCondemnedLists } from '../condemned.js'
import { findPackOfDamageKey } from '../damage-report.js'
import { type PackKind, packObjectKey } from '../format/pack-kind.js'
import type { IndexedPack } from '../format/index-segment.js'
import { endLease, isExpired, type LeaseInfo, listLeases } from '../lease-list.js'
import { LiveChunks } from './live-chunks.js'
import { measureUsage, type PackUsage } from './pack-usage.js'
import { recordKeyOf, type BackupName } from '../format/backup-name.js'
import type { Repository } from '../repository.js'
import { RepositoryIndex } from '../repository-index.js'

export type StrayPack = PackName & { readonly sizeBytes: number }

const packKinds = ['data', 'meta'] as const satisfies readonly PackKind[]

/**
 * What a prune sees. The order in which it looks is what makes it right, see FORMAT.md: condemned lists, then leases, then backups, then
 * the index. Whoever may refer to what is on one of these lists either has a lease that is seen here, or its backup is seen here, or it
 * cannot commit one any more.
 */
export interface PruneSurvey {
  readonly lists: readonly CondemnedList[]
  /** The writers at work. */
  readonly writers: readonly LeaseInfo[]
  readonly backups: readonly BackupName[]
  readonly index: RepositoryIndex
  readonly live: LiveChunks
  readonly usage: PackUsage
  /** Packs that were in no index. */
  readonly adopted: readonly IndexedPack[]
  /** Packs that are in no index, and that somebody has found damaged. */
  readonly strays: readonly StrayPack[]
}

export interface SurveyDeps {
  readonly repository: Repository
  /** The store's time now. Not known to whoever may not write: then all leases are taken for those of somebody at work. */
  readonly readTime?: (call: CallContext) => Promise<number>
  /** The keys of records that count as deleted. */
  readonly without?: ReadonlySet<string>
  readonly onBackup?: (done: number, total: number) => void
}

export async function surveyRepository(deps: SurveyDeps, call: CallContext): Promise<PruneSurvey> {
  const { repository } = deps
  const lists = await readCondemnedLists(repository, call)
  const writers = await findWriters(deps, call)
  const backups = await listOtherBackups(repository, deps.without ?? new Set(), call)
  const marked = await markBackups(deps, backups, call)
  return { lists, writers, backups, ...marked, strays: await findStrays(repository, marked.index, call) }
}

/** Those whose records have none of the keys. */
export async function listOtherBackups(
  repository: Repository,
  keys: ReadonlySet<string>,
  call: CallContext,
): Promise<readonly BackupName[]> {
  const backups: BackupName[] = []
  for await (const backup of repository.listBackups(call)) if (!keys.has(recordKeyOf(backup))) backups.push(backup)
  return backups
}

/** Who writes just now. Leases that have expired are ended, where that may be done. */
export async function findWriters(
  { repository, readTime }: SurveyDeps,
  call: CallContext,
): Promise<readonly LeaseInfo[]> {
  const nowMs = await readTime?.(call)
  const alive: LeaseInfo[] = []
  for (const lease of await listLeases(repository, call)) {
    if (nowMs === undefined || !isExpired(lease, nowMs)) alive.push(lease)
    else await endLease(repository, lease, call)
  }
  return alive.filter(({ mode }) => mode === 'write')
}

/** The index as it is after those backups were seen, with all that they refer to. */
export async function markBackups(
  { repository, onBackup }: SurveyDeps,
  backups: readonly BackupName[],
  call: CallContext,
): Promise<Pick<PruneSurvey, 'index' | 'live' | 'usage' | 'adopted'>> {
  const index = await RepositoryIndex.load(repository, { purpose: 'read' }, call)
  refuseUnreadable(index)
  const adopted = await index.adoptOrphans(repository, call)
  const live = new LiveChunks(repository, index, call)
  for (const [done, backup] of backups.entries()) {
    onBackup?.(done, backups.length)
    await live.mark(backup)
  }
  return { index, live, usage: measureUsage(index, live.records), adopted }
}

async function findStrays(repository: Repository, { packs }: RepositoryIndex, call: CallContext): Promise<StrayPack[]> {
  const indexed = new Set(packs.map(({ id }) => id.toString('hex')))
  const strays: StrayPack[] = []
  for await (const { key } of repository.store.list('damaged/', call)) {
    const hex = findPackOfDamageKey(key)
    if (hex === undefined || indexed.has(hex)) continue
    strays.push(...(await findStoredPacks(repository, hex, call)))
  }
  return strays
}

/** The packs of an id that the store has: one, or none, unless somebody made two. */
export async function findStoredPacks(repository: Repository, hex: string, call: CallContext): Promise<StrayPack[]> {
  const id = Buffer.from(hex, 'hex')
  const stored: StrayPack[] = []
  for (const kind of packKinds) {
    const found = await repository.store.head(packObjectKey(kind, id), call)
    if (found !== undefined) stored.push({ kind, id, sizeBytes: found.sizeBytes })
  }
  return stored
}

/** What a lost segment listed could be taken for what nobody needs. */
function refuseUnreadable({ damage }: RepositoryIndex): void {
  const [first] = damage
  if (first === undefined) return
  throw new ConvoyError('damaged', `${first.key} cannot be read: ${first.message}`, {
    hint: 'see what `convoy repository repair` says; until then nothing is removed',
  })
}
