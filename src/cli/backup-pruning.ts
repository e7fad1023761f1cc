import { ConvoyError } from '../errors.js'
import { type Destination, parseDestination } from '../model/backup-url.js'
import type { CallContext } from '../model/call-context.js'
import { optional } from '../model/optional.js'
import { formatSize, parseSizeBytes } from '../model/size.js'
import type { BackupName } from '../repository/format/backup-name.js'
import { deleteBackup } from '../repository/upkeep/delete-backup.js'
import type { OnProgress } from '../repository/progress.js'
import { prune, type PruneRequest } from '../repository/upkeep/prune.js'
import type { PackAmount, PruneReport } from '../repository/upkeep/prune-report.js'
import type { Repository } from '../repository/repository.js'
import type { RetentionVerdict } from '../repository/upkeep/retention.js'
import { retireBackups } from '../repository/upkeep/retire-backups.js'
import { isAgreed, leaveAll } from './agreement.js'
import { urlOf } from './backup-records.js'
import { count } from './count.js'
import type { PruneFlags } from './backup-upkeep-commands.js'
import { readPolicy } from './prune-policy.js'
import { choosePrinter, type Listing } from './listing.js'
import { describeTime } from './relative-time.js'
import { type Reach, withRepository } from './repository-access.js'
import { type WorkDeps, workDeps } from './repository-deps.js'
import { readFlag } from './repository-flags.js'
import { printResult, shortCall, work } from './repository-work.js'
import type { Session } from './session.js'
import { oneLine, printLine } from './terminal.js'

/** `backup prune`: prints the URLs of the backups that it removes. */
export async function pruneRepository(text: string, flags: PruneFlags, reach: Reach): Promise<void> {
  const { session } = reach
  const destination = parseDestination(text)
  const request = { policy: readPolicy(flags), ...optional('volumes', flags.volume), action: 'report' } as const
  const limits = optional('maximumRepackBytes', readFlag('--max-repack', flags.maxRepack, parseSizeBytes))
  const call = shortCall(session)
  await withRepository(destination, reach, call, async (repository) => {
    const { verdicts, unreadable } = await retireBackups(repository, request, session.environment, call)
    refuseUnreadable(unreadable)
    const removed = verdicts.flatMap(({ backup, reasons }) => (reasons.length === 0 ? [backup] : []))
    if (!(await isWanted(removed, flags, session))) return
    const label = flags.dryRun === true ? 'looking for what nothing needs' : 'removing what nothing needs'
    const run = (onProgress: OnProgress, within: CallContext) =>
      sweep({ repository, removed, limits, isDryRun: flags.dryRun === true }, workDeps(session, onProgress), within)
    const report = await work({ label, run }, flags.json === true, session)
    await tell({ verdicts, removed, report }, { flags, destination, session })
  })
}

/** What they need is not known, so it is not known either what nothing needs. */
function refuseUnreadable(unreadable: readonly BackupName[]): void {
  const [first] = unreadable
  if (first === undefined) return
  const which = `${first.volume}/${first.name}${unreadable.length === 1 ? '' : ` and ${unreadable.length - 1} more`}`
  throw new ConvoyError('damaged', `nothing was removed, because backups cannot be read: ${which}`, {
    hint: '"convoy repository repair --set-aside" moves their records out of the way',
  })
}

interface Telling {
  readonly flags: PruneFlags
  readonly destination: Destination
  readonly session: Session
}

async function tell(outcome: Outcome, { flags, destination, session }: Telling): Promise<void> {
  const { terminal } = session
  const isDryRun = flags.dryRun === true
  if (flags.json === true) {
    printResult(session, resultOf(outcome, destination))
    return
  }
  if (isDryRun) await showVerdicts(outcome, session)
  else for (const backup of outcome.removed) printLine(terminal, urlOf(destination, backup))
  terminal.err(
    describeReport(outcome.report, isDryRun)
      .map((line) => `convoy: ${oneLine(line)}\n`)
      .join(''),
  )
}

async function isWanted(removed: readonly BackupName[], flags: PruneFlags, session: Session): Promise<boolean> {
  if (flags.dryRun === true || removed.length === 0) return true
  const names = removed.slice(0, 3).map(({ volume, name }) => `${volume}/${name}`)
  const list = [...names, ...(removed.length > names.length ? ['…'] : [])].join(', ')
  const text = `Remove ${count(removed.length, 'backup')} for ever: ${list}`
  if (await isAgreed({ text, why: 'this removes backups for ever', isAnswered: flags.yes === true }, session))
    return true
  leaveAll(session, 'nothing was removed')
  return false
}

interface Pruning {
  readonly repository: Repository
  readonly removed: readonly BackupName[]
  readonly limits: Pick<PruneRequest, 'maximumRepackBytes'>
  readonly isDryRun: boolean
}

/** Backups go first: what only they needed is needed by none then. */
async function sweep(
  { repository, removed, limits, isDryRun }: Pruning,
  deps: WorkDeps,
  call: CallContext,
): Promise<PruneReport> {
  if (isDryRun) return prune(repository, { action: 'report', without: removed, ...limits }, deps, call)
  for (const backup of removed) await deleteBackup(repository, backup, call)
  return prune(repository, { action: 'remove', ...limits }, deps, call)
}

const verdictListing: Listing = {
  columns: [
    { heading: 'VOLUME', field: 'Volume', least: 12 },
    { heading: 'BACKUP', field: 'Name' },
    { heading: 'CREATED', field: 'Created', importance: 1 },
    { heading: 'KEPT FOR', field: 'Reasons', least: 10 },
  ],
  fields: ['Volume', 'Name', 'Created', 'Reasons'],
  key: 'Name',
}

interface Outcome {
  readonly verdicts: readonly RetentionVerdict[]
  readonly removed: readonly BackupName[]
  readonly report: PruneReport
}

function resultOf({ verdicts, removed, report }: Outcome, destination: Destination): object {
  const gone: ReadonlySet<BackupName> = new Set(removed)
  return {
    removed: removed.map((backup) => urlOf(destination, backup)),
    kept: verdicts
      .filter(({ backup }) => !gone.has(backup))
      .map(({ backup, reasons }) => ({ url: urlOf(destination, backup), reasons })),
    data: report,
  }
}

/** A dry run shows what becomes of each backup. */
async function showVerdicts(outcome: Outcome, session: Session): Promise<void> {
  const gone: ReadonlySet<BackupName> = new Set(outcome.removed)
  const rows = outcome.verdicts.map(({ backup, reasons }) => ({
    Volume: backup.volume,
    Name: backup.name,
    Created: describeTime(new Date(backup.createdAtMs).toISOString(), session.environment.now()),
    Reasons: gone.has(backup) ? '(would be removed)' : reasons.join(', '),
  }))
  await choosePrinter(verdictListing, {}, session.terminal)(rows)
}

function describeReport(report: PruneReport, isDryRun: boolean): readonly string[] {
  const { sparse, removed, waiting, missingChunks } = report
  const [were, wait] = isDryRun ? ['would be', 'would wait'] : ['were', 'wait']
  const workers = report.writers.map(({ operation, host }) => `${operation} on ${host}`).join(', ')
  const lines: readonly (readonly [isSaid: boolean, text: string])[] = [
    [true, `${amount(removed)} ${were} removed`],
    [sparse.packs > 0, `${formatSize(sparse.liveBytes)} ${were} saved out of ${amount(sparse)} that hold little else`],
    [waiting.packs > 0, `${amount(waiting)} ${wait} for a later prune, because somebody is at work: ${workers}`],
    [
      missingChunks > 0,
      `${count(missingChunks, 'piece')} of data are lost: "convoy backup verify" says of which backups`,
    ],
  ]
  return lines.flatMap(([isSaid, text]) => (isSaid ? [text] : []))
}

const amount = ({ packs, bytes }: PackAmount) => `${count(packs, 'pack')} (${formatSize(bytes)})`
