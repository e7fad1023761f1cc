import type { CallContext } from '../../model/call-context.js'
import { recordKeyOf, type BackupName } from '../format/backup-name.js'
import type { Repository } from '../repository.js'

/**
 * Removes a backup, and says whether there was one: a backup that has gone already is no error. What only it referred to comes
 * back with the next prune.
 */
export async function deleteBackup(repository: Repository, backup: BackupName, call: CallContext): Promise<boolean> {
  const { store } = repository
  const key = recordKeyOf(backup)
  const found = await store.head(key, call)
  // An empty object keeps a sleeping host from committing this name, and has to stay: see endLease.
  if (found === undefined || found.sizeBytes === 0) return false
  await store.remove([key], call)
  return true
}
