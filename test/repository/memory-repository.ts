import { Repository } from '../../src/repository/repository.js'
import { type MemoryObjectStore, patientCall } from '../fakes/memory-object-store.js'

/** A repository in memory: a new one, or one that is there already. */
export async function openMemoryRepository(store: MemoryObjectStore): Promise<Repository> {
  const call = patientCall()
  if ((await store.head('config.json', call)) === undefined)
    return Repository.init(store, { encryption: 'none', createdAtMs: 0 }, call)
  return Repository.open(store, {}, call)
}
