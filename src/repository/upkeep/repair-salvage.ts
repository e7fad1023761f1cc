import type { CallContext } from '../../model/call-context.js'
import { ChunkGroups } from '../chunk-groups.js'
import { ChunkReading } from './chunk-reading.js'
import { packObjectKey } from '../format/pack-kind.js'
import { RecordSet } from '../record-set.js'
import type { ReadChunk } from './chunk-reading.js'
import type { Repository } from '../repository.js'
import type { PackInfo, RepositoryIndex } from '../repository-index.js'

/** What there was in a damaged pack that is in no healthy one. */
export interface Salvage {
  /** The key of the pack. */
  readonly pack: string
  readonly saved: number
  readonly lost: number
}

/** What to do with a chunk that can be read still. */
export type Rescue = (chunk: ReadChunk & { readonly raw: Buffer }) => Promise<void>

/** Reads what lies in damaged packs only. */
export async function salvage(
  repository: Repository,
  index: RepositoryIndex,
  rescue: Rescue,
  call: CallContext,
): Promise<readonly Salvage[]> {
  const damaged = index.packs.flatMap((pack, number) => (isDamaged(pack) ? { pack, number } : []))
  const groups = new ChunkGroups(
    index.table,
    chunksIn(index, new Set(damaged.map(({ number }) => number))),
    index.packs.length,
  )
  const reading = new ChunkReading(repository, index)
  const salvages: Salvage[] = []
  for (const { pack, number } of damaged) {
    const records = groups.of(number)
    let saved = 0
    for await (const chunk of reading.read(pack, records, call)) {
      if ('error' in chunk.content) continue
      await rescue({ ...chunk, raw: chunk.content.raw })
      saved += 1
    }
    salvages.push({ pack: packObjectKey(pack.kind, pack.id), saved, lost: records.length - saved })
  }
  return salvages
}

const isDamaged = ({ state }: PackInfo) => state === 'damaged' || state === 'wrong-size'

function chunksIn({ table }: RepositoryIndex, numbers: ReadonlySet<number>): RecordSet {
  const chunks = new RecordSet(table.capacity)
  for (let record = 0; record < table.size; record++)
    if (numbers.has(table.findAt(record)?.pack ?? -1)) chunks.add(record)
  return chunks
}
