import type { CallContext } from '../../model/call-context.js'
import { ChunkGroups } from '../chunk-groups.js'
import { ChunkReading } from './chunk-reading.js'
import { type CondemnedList, mostCondemnedPacks, newCondemnedKey, putCondemnedList } from '../condemned.js'
import { markDamaged } from '../damage-report.js'
import type { Lease } from '../lease.js'
import { PackStorage } from './pack-storage.js'
import { condemnedBy, type PlannedPack, type PrunePlan } from './prune-plan.js'
import type { PruneSurvey } from './prune-survey.js'
import { RecordSet } from '../record-set.js'
import type { Repository } from '../repository.js'

export interface CondemnDeps {
  readonly repository: Repository
  readonly lease: Lease
  readonly onCopied: (bytes: number) => void
}

export interface Condemned {
  readonly lists: readonly CondemnedList[]
  readonly storedBytes: number
}

/** Copies what is wanted of sparse packs, and lists them with the unused ones as condemned. Removes nothing. */
export async function condemn(
  deps: CondemnDeps,
  survey: PruneSurvey,
  plan: PrunePlan,
  call: CallContext,
): Promise<Condemned> {
  const storage = new PackStorage(deps.repository)
  const copied = await copySparse({ ...deps, storage }, survey, plan.sparse, call)
  const packs = condemnedBy({ ...plan, sparse: copied })
  await deps.lease.check(call)
  const lists: CondemnedList[] = []
  for (let at = 0; at < packs.length; at += mostCondemnedPacks) {
    const list = { key: newCondemnedKey(), packs: packs.slice(at, at + mostCondemnedPacks) }
    await putCondemnedList(deps.repository, list, call)
    lists.push(list)
  }
  return { lists, storedBytes: storage.storedBytes }
}

/** Those that could be copied wholly; they may go once the new packs are listed in the index. */
async function copySparse(
  deps: CondemnDeps & { readonly storage: PackStorage },
  survey: PruneSurvey,
  sparse: readonly PlannedPack[],
  call: CallContext,
): Promise<readonly PlannedPack[]> {
  const { index } = survey
  const groups = new ChunkGroups(index.table, wantedOf(survey, sparse), index.packs.length)
  const reading = new ChunkReading(deps.repository, index)
  const copied: PlannedPack[] = []
  for (const planned of sparse) {
    if (deps.lease.failure !== undefined) throw deps.lease.failure
    if (await copyPack({ ...deps, reading }, planned, groups.of(planned.number), call)) copied.push(planned)
  }
  await deps.storage.finish(call)
  return copied
}

function wantedOf({ index, live }: PruneSurvey, packs: readonly PlannedPack[]): RecordSet {
  const numbers = new Set(packs.map(({ number }) => number))
  const wanted = new RecordSet(index.table.capacity)
  for (const record of live.records) if (numbers.has(index.table.findAt(record)?.pack ?? -1)) wanted.add(record)
  return wanted
}

async function copyPack(
  deps: CondemnDeps & { readonly storage: PackStorage; readonly reading: ChunkReading },
  { pack }: PlannedPack,
  records: Iterable<number>,
  call: CallContext,
): Promise<boolean> {
  const { repository, lease, storage, reading, onCopied } = deps
  const damagedIds: string[] = []
  for await (const { id, location, content } of reading.read(pack, records, call)) {
    if ('error' in content) damagedIds.push(id.toString('hex'))
    else await storage.add({ id, type: location.type, raw: content.raw }, call)
    onCopied(location.storedBytes)
  }
  if (damagedIds.length === 0) return true
  const report = { pack: pack.id.toString('hex'), kind: pack.kind, chunks: damagedIds }
  await markDamaged(repository, { ...report, foundAtMs: await lease.check(call) }, call)
  call.log.warn({ pack: report.pack, chunks: damagedIds.length }, 'a pack is damaged')
  return false
}
