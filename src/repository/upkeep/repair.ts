import { isConvoyError } from '../../errors.js'
import type { CallContext } from '../../model/call-context.js'
import { type BackupName, recordKeyOf } from '../format/backup-name.js'
import { findUnreadableLists } from '../condemned.js'
import { markDamaged } from '../damage-report.js'
import { compactIndex } from './index-compaction.js'
import type { IndexedPack } from '../format/index-segment.js'
import { Lease, type LeaseDeps } from '../lease.js'
import { findPackOfKey, packObjectKey } from '../format/pack-kind.js'
import { PackStorage } from './pack-storage.js'
import { readRecords } from '../read-records.js'
import { type Salvage, salvage } from './repair-salvage.js'
import type { Repository } from '../repository.js'
import { type IndexDamage, type PackInfo, RepositoryIndex } from '../repository-index.js'

export interface RepairRequest {
  /** `report` changes nothing, and says what `mend` would do. */
  readonly action: 'report' | 'mend'
  /** Moves records that cannot be read out of the way, to `unreadable/`: as long as they are listed, nothing is pruned. */
  readonly setAside: boolean
}

export interface RepairReport {
  /** Index segments that do not open. They are removed, and an index is made of what packs say of themselves. */
  readonly segments: readonly IndexDamage[]
  /** Packs that no segment lists; they are listed. */
  readonly unlisted: readonly string[]
  /** Packs of which not even that can be read what is in them. They are marked as damaged, and go with the next prune. */
  readonly unreadable: readonly IndexDamage[]
  /** Packs that the index lists and the store does not have: they are not listed any more. */
  readonly missing: readonly string[]
  /** Packs that are marked as damaged or have another size than they should: what can be read of them is copied. */
  readonly salvages: readonly Salvage[]
  /** Lists of condemned packs that do not open; they are removed, and the next prune makes others. */
  readonly condemned: readonly string[]
  /** Records of backups that do not open. */
  readonly records: readonly (BackupName & { readonly message: string })[]
}

/**
 * Puts right what can be put right of an index and of packs. A backup stays damaged when chunks of it are lost, until a new backup of the
 * same data brings them back; `verify` says which files that are.
 */
export async function repair(
  repository: Repository,
  request: RepairRequest,
  deps: LeaseDeps,
  call: CallContext,
): Promise<RepairReport> {
  if (request.action === 'report') return (await inspect(repository, () => Promise.resolve(), call)).report
  // Not while a prune works on the same packs.
  const lease = await Lease.take(repository, { mode: 'prune', operation: 'repair' }, deps, call)
  try {
    const storage = new PackStorage(repository)
    const rescue = storage.add.bind(storage)
    const found = await inspect(
      repository,
      ({ id, location, raw }) => rescue({ id, type: location.type, raw }, call),
      call,
    )
    await storage.finish(call)
    const foundAtMs = await lease.check(call)
    await mend(repository, { ...found, foundAtMs }, call)
    if (request.setAside) for (const backup of found.report.records) await setAside(repository, backup, call)
    return found.report
  } finally {
    await lease.release()
  }
}

interface Inspection {
  readonly report: RepairReport
  readonly adopted: readonly IndexedPack[]
}

async function inspect(
  repository: Repository,
  rescue: Parameters<typeof salvage>[2],
  call: CallContext,
): Promise<Inspection> {
  const index = await RepositoryIndex.load(repository, { purpose: 'read' }, call)
  const segments = index.damage.filter(({ key }) => key.startsWith('index/'))
  const adopted = await index.adoptOrphans(repository, call)
  const missing = index.packs.filter(({ state }) => state === 'missing')
  const report = {
    segments,
    unlisted: adopted.map(keyOf),
    unreadable: index.damage.filter(({ key }) => findPackOfKey(key) !== undefined),
    missing: missing.map(keyOf),
    salvages: await salvage(repository, index, rescue, call),
    condemned: await findUnreadableLists(repository, call),
    records: await findUnreadableRecords(repository, call),
  }
  return { report, adopted }
}

/** What is new is stored before what it stands for is removed. */
async function mend(
  repository: Repository,
  { report, adopted, foundAtMs }: Inspection & { readonly foundAtMs: number },
  call: CallContext,
): Promise<void> {
  const { segments, unreadable, missing, condemned } = report
  await repository.putIndex(adopted, call)
  await repository.store.remove([...segments.map(({ key }) => key), ...condemned], call)
  for (const { key } of unreadable) {
    const pack = findPackOfKey(key)
    if (pack === undefined) continue
    const damage = { pack: pack.id.toString('hex'), kind: pack.kind, foundAtMs, chunks: 'all' } as const
    await markDamaged(repository, damage, call)
  }
  if (missing.length === 0) return
  const gone = new Set(missing)
  await compactIndex(repository, (packKey) => gone.has(packKey), call)
}

async function findUnreadableRecords(repository: Repository, call: CallContext): Promise<RepairReport['records']> {
  const records: RepairReport['records'][number][] = []
  for await (const { listed, outcome } of readRecords(repository, undefined, call)) {
    const { volume, name } = listed
    if ('error' in outcome && isConvoyError(outcome.error, 'damaged'))
      records.push({ volume, name, message: outcome.error.message })
  }
  return records
}

async function setAside({ store }: Repository, backup: BackupName, call: CallContext): Promise<void> {
  const key = recordKeyOf(backup)
  await store.put(`unreadable/${backup.volume}/${backup.name}`, await store.get(key, undefined, call), {}, call)
  await store.remove([key], call)
}

const keyOf = ({ kind, id }: Pick<PackInfo, 'kind' | 'id'>) => packObjectKey(kind, id)
