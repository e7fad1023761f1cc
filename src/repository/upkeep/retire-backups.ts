import type { CallContext } from '../../model/call-context.js'
import { deleteBackup } from './delete-backup.js'
import { readRecords } from '../read-records.js'
import type { BackupName } from '../format/backup-name.js'
import type { Repository } from '../repository.js'
import { applyRetention, type DatedBackup, type RetentionPolicy, type RetentionVerdict } from './retention.js'

export interface RetireRequest {
  readonly policy: RetentionPolicy
  /** All by default. */
  readonly volumes?: readonly string[]
  /** `report` removes nothing, and says what `remove` would do. */
  readonly action: 'report' | 'remove'
}

export interface RetireReport {
  readonly verdicts: readonly RetentionVerdict[]
  /** Not judged, and kept. */
  readonly unreadable: readonly BackupName[]
}

/** Removes the backups that a policy does not keep. Their space comes back with the next prune. */
export async function retireBackups(
  repository: Repository,
  { policy, volumes, action }: RetireRequest,
  deps: { readonly now: () => Date },
  call: CallContext,
): Promise<RetireReport> {
  const backups: DatedBackup[] = []
  const unreadable: BackupName[] = []
  for await (const { listed, outcome } of readRecords(repository, volumes, call)) {
    if ('error' in outcome) unreadable.push(listed)
    else {
      const { createdAtMs, tags, isComplete } = outcome.record
      backups.push({ ...listed, createdAtMs, tags, isComplete })
    }
  }
  const verdicts = applyRetention(backups, policy, deps.now().getTime())
  const removed = verdicts.filter(({ reasons }) => reasons.length === 0)
  if (action === 'remove') for (const { backup } of removed) await deleteBackup(repository, backup, call)
  return { verdicts, unreadable }
}
