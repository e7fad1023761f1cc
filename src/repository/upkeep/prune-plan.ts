import type { PackName } from '../condemned.js'
import type { LeaseInfo } from '../lease-list.js'
import { footerBytesOf, packHeaderBytes, packTrailerBytes } from '../format/pack-format.js'
import type { PruneSurvey, StrayPack } from './prune-survey.js'
import type { PackInfo } from '../repository-index.js'

/** A pack is copied when less of it than this is wanted. */
const wantedShare = 0.6

/** What stores tell of time is rounded to seconds, and not always by the same machine. */
const roundingMs = 2_000

export interface PlannedPack {
  /** In the index. */
  readonly number: number
  readonly pack: PackInfo
  readonly liveBytes: number
}

/** What a prune condemns: packs of which nothing is wanted, and packs whose wanted chunks are copied first. */
export interface PrunePlan {
  readonly unused: readonly PlannedPack[]
  readonly sparse: readonly PlannedPack[]
  /** Packs that are in no index, and damaged: nobody can refer to them. */
  readonly strays: readonly StrayPack[]
}

/** Copies at most so many bytes, of the emptiest packs first. */
export function planPrune(
  { index, usage, writers, strays }: Pick<PruneSurvey, 'index' | 'usage' | 'writers' | 'strays'>,
  maximumRepackBytes = Infinity,
): PrunePlan {
  const packs = index.packs
    .map((pack, number) => ({ number, pack, liveBytes: usage.storedBytes[number] ?? 0 }))
    .filter(({ pack }) => pack.state !== 'missing' && pack.state !== 'condemned' && !isOfWriter(pack, writers))
  const sparse = packs
    .filter(({ pack, liveBytes }) => pack.state === 'there' && liveBytes > 0 && shareOf(pack, liveBytes) < wantedShare)
    .sort((a, b) => shareOf(a.pack, a.liveBytes) - shareOf(b.pack, b.liveBytes))
  let leftBytes = maximumRepackBytes
  return {
    unused: packs.filter(({ liveBytes }) => liveBytes === 0),
    sparse: sparse.filter(({ liveBytes }) => (leftBytes -= liveBytes) >= 0),
    strays,
  }
}

/** Of what chunks take in it: to copy a small pack because of its header and footer would never end. */
function shareOf({ sizeBytes, chunks }: PackInfo, liveBytes: number): number {
  return liveBytes / (sizeBytes - packHeaderBytes - footerBytesOf(chunks) - packTrailerBytes)
}

/**
 * Whether the pack may be of a writer at work, which has not committed its backup yet. To condemn it would be right too, because it
 * would be rescued, but other writers would store again what is in it.
 */
function isOfWriter({ storedAtMs }: PackInfo, writers: readonly LeaseInfo[]): boolean {
  return storedAtMs !== undefined && writers.some(({ startedAtMs }) => storedAtMs >= startedAtMs - roundingMs)
}

export const condemnedBy = ({ unused, sparse, strays }: PrunePlan): readonly PackName[] => [
  ...[...unused, ...sparse].map(({ pack: { kind, id } }) => ({ kind, id })),
  ...strays.map(({ kind, id }) => ({ kind, id })),
]
