import { ConvoyError } from '../errors.js'
import { formatSize } from '../model/size.js'
import { deleteBackup as removeRecord } from '../repository/upkeep/delete-backup.js'
import type { BackupRecord } from '../repository/format/backup-record.js'
import { isAgreed, leaveAll } from './agreement.js'
import { withBackup } from './backup-records.js'
import { describeTime } from './relative-time.js'
import type { Reach } from './repository-access.js'
import type { AgreementFlags } from './repository-flags.js'
import { shortCall } from './repository-work.js'
import type { Session } from './session.js'
import { oneLine } from './terminal.js'

/** `backup delete`: asks on a terminal. A script of Convoy 0.5 names one backup, and is taken at its word. */
export async function deleteBackup(url: string, flags: AgreementFlags, reach: Reach): Promise<void> {
  const { session } = reach
  const { terminal } = session
  const call = shortCall(session)
  await withBackup(url, reach, call, async (repository, record) => {
    const described = describe(record, session)
    if (flags.dryRun === true) {
      terminal.err(`convoy: ${described} would be removed for ever\n`)
      return
    }
    const isAnswered = flags.yes === true || terminal.errColumns?.() === undefined
    if (
      !(await isAgreed({ text: `Remove ${described} for ever`, why: 'this removes a backup', isAnswered }, session))
    ) {
      leaveAll(session, 'nothing was removed')
      return
    }
    if (await removeRecord(repository, record, call)) return
    throw new ConvoyError('not-found', `the backup ${url} has gone meanwhile`)
  })
}

function describe({ volume, name, createdAtMs, stats }: BackupRecord, { environment }: Session): string {
  const age = describeTime(new Date(createdAtMs).toISOString(), environment.now())
  return oneLine(`the backup ${name} of ${volume} (${formatSize(stats.bytes)}, made ${age})`)
}
