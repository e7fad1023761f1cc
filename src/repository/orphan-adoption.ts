import { isConvoyError, toConvoyError } from '../errors.js'
import type { CallContext } from '../model/call-context.js'
import { damaged } from './format/damage.js'
import type { IndexedPack } from './format/index-segment.js'
import { decodeEntries, maximumPackBytes, packHeaderBytes, parsePackHeader } from './format/pack-format.js'
import { packObjectKey } from './format/pack-kind.js'
import { PackOpener } from './format/pack-reader.js'
import { readAhead } from './format/read-ahead.js'
import type { Repository } from './repository.js'
import type { IndexDamage } from './repository-index.js'
import type { ListedPack } from './repository-listing.js'

/** What most footers fit in. */
const tailBytes = 65_536

const atOnce = 8

export interface Adoption {
  readonly adopted: readonly { readonly pack: IndexedPack; readonly storedAtMs: number }[]
  readonly left: readonly ListedPack[]
  readonly damage: readonly IndexDamage[]
}

/** Reads the footers of packs that are in no index. Those that have gone meanwhile are forgotten. */
export async function adoptOrphans(
  repository: Repository,
  orphans: readonly ListedPack[],
  call: CallContext,
): Promise<Adoption> {
  const opener = new PackOpener(repository.key)
  const adopted: Adoption['adopted'][number][] = []
  const left: ListedPack[] = []
  const damage: IndexDamage[] = []
  const readings = readAhead(orphans, atOnce, async (orphan) => {
    try {
      const pack = await readIndexedPack(repository, { orphan, opener }, call)
      adopted.push({ pack, storedAtMs: orphan.storedAtMs })
    } catch (thrown) {
      if (isConvoyError(thrown, 'not-found')) return
      if (!isConvoyError(thrown, 'damaged') && !isConvoyError(thrown, 'unsupported')) throw thrown
      left.push(orphan)
      damage.push({ key: packObjectKey(orphan.kind, orphan.id), message: toConvoyError(thrown).message })
    }
  })
  for (const [, reading] of readings) await reading
  return { adopted, left, damage }
}

/** What a pack says of itself. ConvoyError `damaged` when that makes no sense; its blobs are not looked at. */
async function readIndexedPack(
  { store, key }: Pick<Repository, 'store' | 'key'>,
  { orphan, opener }: { readonly orphan: Pick<ListedPack, 'id' | 'kind' | 'sizeBytes'>; readonly opener: PackOpener },
  call: CallContext,
): Promise<IndexedPack> {
  const { id, kind, sizeBytes: packBytes } = orphan
  if (packBytes > maximumPackBytes) throw damaged('it is larger than any pack')
  const objectKey = packObjectKey(kind, id)
  const [head, tail] = await Promise.all([
    store.get(objectKey, { offset: 0, length: packHeaderBytes }, call),
    store.get(objectKey, { last: tailBytes }, call),
  ])
  const header = parsePackHeader(head, key.repositoryIdBytes)
  if (header.kind !== kind) throw damaged('it is a pack of the other kind')
  const footer = opener.readFooter(header, packBytes, tail)
  const entries = Buffer.isBuffer(footer)
    ? footer
    : opener.readFooter(header, packBytes, await store.get(objectKey, { last: footer.neededBytes }, call))
  if (!Buffer.isBuffer(entries)) throw damaged('it is shorter than listed')
  decodeEntries(entries, { kind, packBytes })
  return { id, kind, packBytes, salt: Buffer.from(header.salt), entries }
}
