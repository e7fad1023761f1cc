import { isConvoyError } from '../../errors.js'
import type { CallContext } from '../../model/call-context.js'
import { decodeIndexSegment, type IndexedPack } from '../format/index-segment.js'
import { packObjectKey } from '../format/pack-kind.js'
import type { Repository } from '../repository.js'

const packsPerSegment = 256

/** So many segments of less than half as many packs are worth being made one. */
const smallSegments = 8

interface Segment {
  readonly key: string
  readonly packCount: number
  readonly kept: readonly IndexedPack[]
}

/**
 * Writes the index anew as far as it lists packs that have gone, or one twice, and where it is in many small pieces. `isGone`, by the
 * key of a pack: of one that will never come back. Damaged segments are left to `repair`. Any reader finds each pack in one piece or
 * another all the time.
 */
export async function compactIndex(
  repository: Repository,
  isGone: (packKey: string) => boolean,
  call: CallContext,
): Promise<void> {
  const keys: string[] = []
  for await (const { key } of repository.store.list('index/', call)) keys.push(key)
  const seen = new Set<string>()
  let small: Segment[] = []
  for (const key of keys) {
    const segment = await readSegment(repository, key, { isGone, seen }, call)
    if (segment === undefined) continue
    if (segment.kept.length < packsPerSegment / 2) small.push(segment)
    else if (isStale(segment)) await replace(repository, [segment], call)
    if (packsOf(small).length < packsPerSegment) continue
    await replace(repository, small, call)
    small = []
  }
  if (small.some(isStale) || small.length >= smallSegments) await replace(repository, small, call)
}

const isStale = ({ kept, packCount }: Segment) => kept.length < packCount
const packsOf = (segments: readonly Segment[]) => segments.flatMap(({ kept }) => kept)

async function readSegment(
  repository: Repository,
  key: string,
  { isGone, seen }: { readonly isGone: (packKey: string) => boolean; readonly seen: Set<string> },
  call: CallContext,
): Promise<Segment | undefined> {
  try {
    const packs = [...decodeIndexSegment(await repository.getSealed(key, call))]
    const kept = packs.filter(({ kind, id }) => {
      const packKey = packObjectKey(kind, id)
      if (seen.has(packKey) || isGone(packKey)) return false
      seen.add(packKey)
      return true
    })
    return { key, packCount: packs.length, kept }
  } catch (thrown) {
    if (isConvoyError(thrown, 'not-found') || isConvoyError(thrown, 'damaged')) return undefined
    throw thrown
  }
}

/** The new pieces are there before the old ones go. */
async function replace(repository: Repository, segments: readonly Segment[], call: CallContext): Promise<void> {
  const packs = packsOf(segments)
  for (let at = 0; at < packs.length; at += packsPerSegment)
    await repository.putIndex(packs.slice(at, at + packsPerSegment), call)
  await repository.store.remove(
    segments.map(({ key }) => key),
    call,
  )
}
