import type { CallContext } from '../model/call-context.js'
import type { ObjectStore, StoredObject } from '../object-stores/object-store.js'
import { findPackOfKey, type PackKind } from './format/pack-kind.js'

/** A pack that the store lists. */
export interface ListedPack {
  readonly id: Buffer
  readonly kind: PackKind
  readonly sizeBytes: number
  readonly storedAtMs: number
}

/** What there is in a store, by the hex ids of packs, and the keys of the other objects. */
export interface RepositoryListing {
  readonly packs: ReadonlyMap<string, ListedPack>
  readonly segments: readonly StoredObject[]
  /** Hex ids of packs that somebody found damaged. */
  readonly damaged: ReadonlySet<string>
  readonly condemned: readonly StoredObject[]
}

const damagedRule = /^damaged\/([0-9a-f]{64})$/

/** The lists that say what may not be used come first, and what is there comes last: it is younger than what says where it is. */
export async function listRepository(store: ObjectStore, call: CallContext): Promise<RepositoryListing> {
  const segments = await keysBelow(store, 'index/', call)
  const condemned = await keysBelow(store, 'condemned/', call)
  const markers = await keysBelow(store, 'damaged/', call)
  const packs = new Map<string, ListedPack>()
  for (const prefix of ['data/', 'meta/'])
    for await (const { key, sizeBytes, storedAtMs } of store.list(prefix, call)) {
      const pack = findPackOfKey(key)
      if (pack !== undefined) packs.set(pack.id.toString('hex'), { ...pack, sizeBytes, storedAtMs })
    }
  const damaged = new Set(markers.flatMap(({ key }) => damagedRule.exec(key)?.[1] ?? []))
  return { packs, segments, damaged, condemned }
}

async function keysBelow(store: ObjectStore, prefix: string, call: CallContext): Promise<readonly StoredObject[]> {
  const objects: StoredObject[] = []
  for await (const object of store.list(prefix, call)) objects.push(object)
  return objects
}
