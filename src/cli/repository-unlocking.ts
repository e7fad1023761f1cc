import { parseDestination } from '../model/backup-url.js'
import type { CallContext } from '../model/call-context.js'
import { endLease } from '../repository/lease-list.js'
import { type AgedLease, readLeases } from '../repository/upkeep/read-leases.js'
import type { Repository } from '../repository/repository.js'
import { isAgreed, leaveAll } from './agreement.js'
import { choosePrinter, type Listing } from './listing.js'
import { describeTime } from './relative-time.js'
import { type Reach, withRepository } from './repository-access.js'
import type { UnlockFlags } from './repository-commands.js'
import { workDeps } from './repository-deps.js'
import { shortCall } from './repository-work.js'
import type { Session } from './session.js'
import type { Row } from './template.js'

const leaseListing: Listing = {
  columns: [
    { heading: 'HOST', field: 'Host', least: 12 },
    { heading: 'PID', field: 'PID' },
    { heading: 'OPERATION', field: 'Operation', least: 12 },
    { heading: 'STARTED', field: 'Started', importance: 1 },
    { heading: 'STATE', field: 'State' },
  ],
  fields: ['Host', 'PID', 'Operation', 'Started', 'StartedAt', 'State'],
  key: 'Host',
}

/** `repository unlock`: shows who is at work, and ends the leases of those that have died, or of all. */
export async function unlockRepository(text: string, flags: UnlockFlags, reach: Reach): Promise<void> {
  const { session } = reach
  const print = choosePrinter(leaseListing, flags, session.terminal)
  const call = shortCall(session)
  await withRepository(parseDestination(text), reach, call, async (repository) => {
    const leases = await readLeases(
      repository,
      workDeps(session, () => undefined),
      call,
    )
    const now = session.environment.now()
    await print(leases.map((lease) => rowOf(lease, now)))
    const ended = leases.filter(({ isExpired }) => isExpired || flags.all === true)
    if (flags.dryRun === true) session.terminal.err(`convoy: ${ended.length} of ${leases.length} would be removed\n`)
    else if (await isWanted(ended, flags, session)) await endAll(repository, ended, { session, call })
  })
}

function rowOf({ host, pid, operation, startedAtMs, isExpired }: AgedLease, now: Date): Row {
  const startedAt = new Date(startedAtMs).toISOString()
  return {
    ...{ Host: host, PID: pid, Operation: operation },
    Started: describeTime(startedAt, now),
    StartedAt: startedAt,
    State: isExpired ? 'dead' : 'at work',
  }
}

/** Nobody misses what the dead have left. */
async function isWanted(ended: readonly AgedLease[], flags: UnlockFlags, session: Session): Promise<boolean> {
  const alive = ended.filter(({ isExpired }) => !isExpired)
  if (alive.length === 0) return true
  const text = `Remove the notes of ${alive.length} that seem to be at work, whose backups then fail`
  if (await isAgreed({ text, why: 'backups that are being made will fail', isAnswered: flags.yes === true }, session)) {
    return true
  }
  leaveAll(session, 'nothing was removed')
  return false
}

interface Ending {
  readonly session: Session
  readonly call: CallContext
}

async function endAll(repository: Repository, ended: readonly AgedLease[], { session, call }: Ending): Promise<void> {
  for (const lease of ended) await endLease(repository, lease, call)
  session.terminal.err(`convoy: ${ended.length} removed\n`)
}
