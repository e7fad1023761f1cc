import type { CallContext } from '../../model/call-context.js'
import { type CondemnedList, keysOfPacks, type PackName, putCondemnedList } from '../condemned.js'
import type { LeaseInfo } from '../lease-list.js'
import { packObjectKey } from '../format/pack-kind.js'
import type { PruneSurvey } from './prune-survey.js'
import type { Repository } from '../repository.js'

/** What is done with the packs of condemned lists. */
export interface SweepPlan {
  /** Lists that nobody at work may refer to packs of any more. */
  readonly ready: readonly CondemnedList[]
  /** Lists that somebody may still refer to packs of. */
  readonly waiting: readonly CondemnedList[]
  /** Of the ready lists. */
  readonly removed: readonly PackName[]
  /** Of the ready lists, too, but some backup refers to them. */
  readonly rescued: readonly PackName[]
}

/** The packs of an index of which something is wanted, by their keys. */
export function wantedPacksOf({ index, usage }: Pick<PruneSurvey, 'index' | 'usage'>): ReadonlySet<string> {
  const wanted = index.packs.filter((_, number) => (usage.storedBytes[number] ?? 0) > 0)
  return new Set(wanted.map(({ kind, id }) => packObjectKey(kind, id)))
}

/** A list waits for the writers that it names; while it names none, for all that are at work: they may be older than the list. */
export function planSweep(
  lists: readonly CondemnedList[],
  writers: readonly LeaseInfo[],
  wantedPacks: ReadonlySet<string>,
): SweepPlan {
  const isWaiting = ({ leases }: CondemnedList) => writers.some(({ key }) => leases?.includes(key) ?? true)
  const ready = lists.filter((list) => !isWaiting(list))
  const packs = ready.flatMap((list) => list.packs)
  const isWanted = ({ kind, id }: PackName) => wantedPacks.has(packObjectKey(kind, id))
  return {
    ready,
    waiting: lists.filter(isWaiting),
    removed: packs.filter((pack) => !isWanted(pack)),
    rescued: packs.filter(isWanted),
  }
}

/** Packs go before the lists that condemn them: as long as a pack is there, no writer that begins refers to it. */
export async function sweep(repository: Repository, { ready, removed }: SweepPlan, call: CallContext): Promise<void> {
  await repository.store.remove(keysOfPacks(removed), call)
  await repository.store.remove(
    ready.map(({ key }) => key),
    call,
  )
}

/** Notes whom lists wait for that do not say so yet: writers that begin later know the lists, and are not waited for. */
export async function nameWriters(
  repository: Repository,
  lists: readonly CondemnedList[],
  writers: readonly LeaseInfo[],
  call: CallContext,
): Promise<void> {
  if (writers.length === 0) return
  const leases = writers.map(({ key }) => key)
  for (const list of lists) if (list.leases === undefined) await putCondemnedList(repository, { ...list, leases }, call)
}
