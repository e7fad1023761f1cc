import type { CallContext } from '../../model/call-context.js'
import { keysOfPacks, type PackName } from '../condemned.js'
import { findPackOfDamageKey } from '../damage-report.js'
import { compactIndex } from './index-compaction.js'
import { findStoredPacks } from './prune-survey.js'
import { packObjectKey } from '../format/pack-kind.js'
import type { Repository } from '../repository.js'
import type { RepositoryIndex } from '../repository-index.js'

/** For so long a host may sleep in the middle of its commit: see endLease. */
const keptFenceMs = 30 * 24 * 60 * 60_000

export interface TidyRequest {
  readonly index: RepositoryIndex
  /** By this run. */
  readonly removed: readonly PackName[]
  /** The store's time. */
  readonly nowMs: number
}

/** Removes what nobody needs once packs have gone. A crash in it leaves nothing that the next run does not find. */
export async function tidy(
  repository: Repository,
  { index, removed, nowMs }: TidyRequest,
  call: CallContext,
): Promise<void> {
  const missing = index.packs.filter(({ state }) => state === 'missing')
  const gone = new Set(keysOfPacks([...removed, ...missing]))
  await compactIndex(repository, (packKey) => gone.has(packKey), call)
  const there = index.packs.filter(({ kind, id }) => !gone.has(packObjectKey(kind, id)))
  await removeReports(repository, new Set(there.map(({ id }) => id.toString('hex'))), call)
  await removeFences(repository, nowMs - keptFenceMs, call)
}

/** Of damage to packs that have gone, now or at any time: whoever removed one may have been killed before it came to this. */
async function removeReports(repository: Repository, there: ReadonlySet<string>, call: CallContext): Promise<void> {
  const keys: string[] = []
  for await (const { key } of repository.store.list('damaged/', call)) {
    const hex = findPackOfDamageKey(key)
    if (hex === undefined || there.has(hex)) continue
    // It may be newer than the index.
    if ((await findStoredPacks(repository, hex, call)).length === 0) keys.push(key)
  }
  await repository.store.remove(keys, call)
}

async function removeFences(repository: Repository, beforeMs: number, call: CallContext): Promise<void> {
  const keys: string[] = []
  for await (const { key, sizeBytes, storedAtMs } of repository.store.list('backups/', call))
    if (sizeBytes === 0 && storedAtMs < beforeMs) keys.push(key)
  await repository.store.remove(keys, call)
}
