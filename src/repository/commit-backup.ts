import { ConvoyError, isConvoyError } from '../errors.js'
import type { CallContext } from '../model/call-context.js'
import { type BackupRecord, recordKey } from './format/backup-record.js'
import type { Lease } from './lease.js'
import type { Repository } from './repository.js'

/**
 * Makes a backup visible: the last thing that is done for it, once all that its record refers to is stored and indexed. ConvoyError
 * `unavailable` when the lease has been lost: then there is no such backup.
 */
export async function commitBackup(
  repository: Repository,
  record: BackupRecord,
  lease: Lease,
  call: CallContext,
): Promise<void> {
  await lease.check(call)
  // A host that slept after the check finds the place taken, once its lease has been ended: see endLease.
  await repository.putRecord(record, call).catch((thrown: unknown) => {
    throw isConvoyError(thrown, 'already-exists') ? ended(record.name) : thrown
  })
  if (repository.store.createOnly === 'atomic') return
  try {
    await lease.check(call)
  } catch (thrown) {
    await repository.store.remove([recordKey(record.volume, record.name)], call)
    throw thrown
  }
}

function ended(name: string): ConvoyError {
  return new ConvoyError('unavailable', `the lease of ${name} was ended while this host was asleep`, {
    hint: 'start the backup again; nothing that has been stored is stored twice',
  })
}
