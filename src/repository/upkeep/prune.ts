import type { CallContext } from '../../model/call-context.js'
import { packObjectKey } from '../format/pack-kind.js'
import type { OnProgress } from '../progress.js'
import { type Condemned, condemn } from './prune-condemn.js'
import { condemnedBy, type PrunePlan, planPrune } from './prune-plan.js'
import { reportPrune, type PruneReport } from './prune-report.js'
import { tidy } from './prune-tidy.js'
import {
  findWriters,
  listOtherBackups,
  markBackups,
  type PruneSurvey,
  type SurveyDeps,
  surveyRepository,
} from './prune-survey.js'
import { nameWriters, planSweep, sweep, type SweepPlan, wantedPacksOf } from './prune-sweep.js'
import { Lease, type LeaseDeps } from '../lease.js'
import { type BackupName, recordKeyOf } from '../format/backup-name.js'
import type { Repository } from '../repository.js'

export interface PruneRequest {
  /** `report` writes nothing, and says what `remove` would do. */
  readonly action: 'report' | 'remove'
  /** For a report: as if these backups had been deleted. */
  readonly without?: readonly BackupName[]
  /** Of packs that are needed in part, at most so many bytes are copied, of the emptiest first. */
  readonly maximumRepackBytes?: number
}

export interface PruneDeps extends LeaseDeps {
  readonly onProgress?: OnProgress
}

/**
 * Gives back what no backup refers to, while backups go on. What is not needed is condemned first, and removed once no writer is at work
 * that may not know it: in this run where there is none, else in a later one. ConvoyError `damaged` when a backup cannot be
 * read, `in-use` when another prune is under way; nothing has been removed then.
 */
export async function prune(
  repository: Repository,
  request: PruneRequest,
  deps: PruneDeps,
  call: CallContext,
): Promise<PruneReport> {
  if (request.action === 'report') return forecast(repository, request, deps, call)
  const lease = await Lease.take(repository, { mode: 'prune', operation: 'prune' }, deps, call)
  try {
    return await new PruneRun(repository, lease, deps).run(request, call)
  } finally {
    await lease.release()
  }
}

async function forecast(
  repository: Repository,
  { maximumRepackBytes, without = [] }: PruneRequest,
  deps: PruneDeps,
  call: CallContext,
): Promise<PruneReport> {
  const deleted = new Set(without.map(recordKeyOf))
  const survey = await surveyRepository({ repository, without: deleted, ...watch(deps) }, call)
  const plan = planPrune(survey, maximumRepackBytes)
  const old = planSweep(survey.lists, survey.writers, wantedPacksOf(survey))
  const own = { key: '', packs: condemnedBy(plan) }
  return reportPrune(survey, plan, [old, planSweep([own], survey.writers, new Set())])
}

class PruneRun {
  readonly #repository: Repository
  readonly #lease: Lease
  readonly #deps: PruneDeps
  readonly #surveyDeps: SurveyDeps

  constructor(repository: Repository, lease: Lease, deps: PruneDeps) {
    this.#repository = repository
    this.#lease = lease
    this.#deps = deps
    this.#surveyDeps = { repository, readTime: (call) => lease.check(call), ...watch(deps) }
  }

  async run({ maximumRepackBytes }: PruneRequest, call: CallContext): Promise<PruneReport> {
    const survey = await surveyRepository(this.#surveyDeps, call)
    const old = planSweep(survey.lists, survey.writers, wantedPacksOf(survey))
    const plan = planPrune(survey, maximumRepackBytes)
    await this.#listAdopted(survey, call)
    await this.#lease.check(call)
    await sweep(this.#repository, old, call)
    await nameWriters(this.#repository, old.waiting, survey.writers, call)
    const condemned = await this.#condemn(survey, plan, call)
    const own = await this.#sweepOwn(survey, condemned, call)
    const nowMs = await this.#lease.check(call)
    await tidy(this.#repository, { index: survey.index, removed: [...old.removed, ...own.removed], nowMs }, call)
    return reportPrune(survey, plan, [old, own])
  }

  /** Packs that backups refer to, and that are in no index: it must have been lost. */
  async #listAdopted({ adopted, ...survey }: PruneSurvey, call: CallContext): Promise<void> {
    const wanted = wantedPacksOf(survey)
    await this.#repository.putIndex(
      adopted.filter(({ kind, id }) => wanted.has(packObjectKey(kind, id))),
      call,
    )
  }

  async #condemn(survey: PruneSurvey, plan: PrunePlan, call: CallContext): Promise<Condemned> {
    const bytesTotal = plan.sparse.reduce((sum, { liveBytes }) => sum + liveBytes, 0)
    let bytesDone = 0
    const onCopied = (bytes: number) => {
      bytesDone += bytes
      this.#deps.onProgress?.({ phase: 'copy', filesDone: 0, bytesDone, bytesTotal, storedBytes: bytesDone })
    }
    return condemn({ repository: this.#repository, lease: this.#lease, onCopied }, survey, plan, call)
  }

  /** The lists of this run: at once where nobody is at work who may refer to what is on them, and no new backup does. */
  async #sweepOwn(survey: PruneSurvey, { lists }: Condemned, call: CallContext): Promise<SweepPlan> {
    const writers = await findWriters(this.#surveyDeps, call)
    await nameWriters(this.#repository, lists, writers, call)
    const known = new Set(survey.backups.map(recordKeyOf))
    const added = await listOtherBackups(this.#repository, known, call)
    const wanted =
      added.length === 0 ? new Set<string>() : wantedPacksOf(await markBackups(this.#surveyDeps, added, call))
    const plan = planSweep(lists, writers, wanted)
    await this.#lease.check(call)
    await sweep(this.#repository, plan, call)
    return plan
  }
}

function watch({ onProgress }: PruneDeps): Pick<SurveyDeps, 'onBackup'> {
  const onBackup = (filesDone: number, filesTotal: number) =>
    onProgress?.({ phase: 'scan', filesDone, filesTotal, bytesDone: 0, storedBytes: 0 })
  return { onBackup }
}
