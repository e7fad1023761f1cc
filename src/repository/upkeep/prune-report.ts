import { packObjectKey } from '../format/pack-kind.js'
import type { PackName } from '../condemned.js'
import type { PrunePlan } from './prune-plan.js'
import type { PruneSurvey } from './prune-survey.js'
import type { SweepPlan } from './prune-sweep.js'

export interface PackAmount {
  readonly packs: number
  readonly bytes: number
}

/** What a prune did, or would do. */
export interface PruneReport {
  readonly backups: number
  /** What was found that no backup refers to, condemned now. */
  readonly unused: PackAmount
  /** Condemned now as well, after `liveBytes` of it were copied. */
  readonly sparse: PackAmount & { readonly liveBytes: number }
  /** Condemned now or by an earlier prune. */
  readonly removed: PackAmount
  /** Condemned, but somebody is at work who may refer to it. */
  readonly waiting: PackAmount
  /** Condemned by an earlier prune, and needed again. */
  readonly rescued: PackAmount
  /** Who is at work. */
  readonly writers: readonly { readonly host: string; readonly pid: number; readonly operation: string }[]
  /** How often backups refer to what is in no pack: `verify` says which. */
  readonly missingChunks: number
}

export function reportPrune(survey: PruneSurvey, plan: PrunePlan, sweeps: readonly SweepPlan[]): PruneReport {
  const { index, backups, writers, live } = survey
  const present = [...index.packs.filter(({ state }) => state !== 'missing'), ...plan.strays]
  const sizes = new Map(present.map(({ kind, id, sizeBytes }) => [packObjectKey(kind, id), sizeBytes]))
  const amountOf = (packs: readonly PackName[]): PackAmount => {
    const found = [...new Set(packs.map(({ kind, id }) => packObjectKey(kind, id)))].filter((key) => sizes.has(key))
    return { packs: found.length, bytes: found.reduce((sum, key) => sum + (sizes.get(key) ?? 0), 0) }
  }
  const sparse = amountOf(plan.sparse.map(({ pack }) => pack))
  return {
    backups: backups.length,
    unused: amountOf([...plan.unused.map(({ pack }) => pack), ...plan.strays]),
    sparse: { ...sparse, liveBytes: plan.sparse.reduce((sum, { liveBytes }) => sum + liveBytes, 0) },
    removed: amountOf(sweeps.flatMap(({ removed }) => removed)),
    waiting: amountOf(sweeps.flatMap(({ waiting }) => waiting.flatMap(({ packs }) => packs))),
    rescued: amountOf(sweeps.flatMap(({ rescued }) => rescued)),
    writers: writers.map(({ host, pid, operation }) => ({ host, pid, operation })),
    missingChunks: live.missingCount,
  }
}
