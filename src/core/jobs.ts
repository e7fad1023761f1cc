import { ConvoyError, toConvoyError } from '../errors.js'
import type { EventType } from '../model/event.js'
import { isFinished, type Job, type JobProgress, type JobRequest } from '../model/job.js'
import { optional } from '../model/optional.js'
import type { LedgerWrite } from '../store/ledger-write.js'
import type { CoreDeps } from './core-deps.js'
import { volumeEvent } from './events.js'

const mostAttempts = 5
const keptFinished = 50

type EndState = 'succeeded' | 'failed' | 'cancelled'

const endEvents = {
  succeeded: 'job.finish',
  failed: 'job.fail',
  cancelled: 'job.cancel',
} as const satisfies Record<EndState, EventType>

/**
 * Work in child processes: starts as many as may run at once on one storage, so that a dead share holds up nothing else; follows
 * them over restarts of the daemon, and starts again what died without a result. A job's request is idempotent, so starting it
 * again is always right.
 */
export class Jobs {
  readonly #deps: CoreDeps
  readonly #cancelled = new Set<string>()
  readonly #listeners: ((job: Job) => void)[] = []
  /** Jobs that are started or run, each with its end. */
  readonly #following = new Map<string, Promise<void>>()
  #isClosed = false

  constructor(deps: CoreDeps) {
    this.#deps = deps
  }

  onFinished(listener: (job: Job) => void): void {
    this.#listeners.push(listener)
  }

  /** Newest first. */
  list(): readonly Job[] {
    return [...this.#deps.ledger.jobs.values()].sort((a, b) => b.createdAt.localeCompare(a.createdAt))
  }

  get(id: string): Job {
    const job = this.#deps.ledger.jobs.get(id)
    if (job !== undefined) return job
    throw new ConvoyError('not-found', `no such job: ${id}`, { hint: 'convoy jobs lists them' })
  }

  /** How far it has come; undefined before the first report. */
  progress(job: Job): Promise<JobProgress | undefined> {
    return this.#deps.jobProcesses.readProgress(job.id)
  }

  /** Queues the job durably, together with `writes`, and starts it as soon as one may run. */
  async start(request: JobRequest, ...writes: readonly LedgerWrite[]): Promise<Job> {
    const { ledger, newId, now } = this.#deps
    const job: Job = { id: newId(), request, state: 'queued', createdAt: now().toISOString(), attempts: 0 }
    await ledger.commit('job', { put: 'job', row: job }, ...writes)
    this.startQueued()
    return job
  }

  /** Ends the job; what it did so far stays done. */
  async cancel(id: string): Promise<Job> {
    const job = this.get(id)
    if (isFinished(job)) return job
    const end = this.#following.get(id)
    if (end === undefined) {
      this.#finish(job, 'cancelled', undefined)
      return this.get(id)
    }
    this.#cancelled.add(id)
    if (job.process !== undefined) await this.#deps.jobProcesses.kill(job.process)
    await end
    return this.get(id)
  }

  /** Picks up what an earlier daemon left: follows what still runs, starts again what died. */
  resume(): void {
    const running = [...this.#deps.ledger.jobs.values()].filter(({ state }) => state === 'running')
    for (const job of running) this.#following.set(job.id, this.#follow(job))
    this.startQueued()
  }

  /** Stops following. Running jobs go on. */
  close(): void {
    this.#isClosed = true
  }

  /** Starts what waits, as far as may run now. */
  startQueued(): void {
    if (this.#isClosed) return
    const { ledger, policy } = this.#deps
    const counts = new Map<string, number>()
    const count = (storage: string) => counts.set(storage, (counts.get(storage) ?? 0) + 1).get(storage) ?? 1
    for (const id of this.#following.keys()) count(this.#storageOf(this.get(id)))
    for (const job of [...ledger.jobs.values()]) {
      if (job.state !== 'queued' || this.#following.has(job.id)) continue
      if (count(this.#storageOf(job)) <= policy.mostRunningJobs) this.#following.set(job.id, this.#run(job))
    }
  }

  #storageOf({ request }: Job): string {
    return this.#deps.drivers.nameStorage({ ...request.volume, driver: request.driver })
  }

  async #run(job: Job): Promise<void> {
    const { ledger, jobProcesses, now, log } = this.#deps
    const started: Job = { ...job, state: 'running', attempts: job.attempts + 1, startedAt: now().toISOString() }
    try {
      await ledger.commit('job', { put: 'job', row: started })
      if (this.#cancelled.has(job.id)) {
        this.#finish(started, 'cancelled', undefined)
        return
      }
      const journal = ledger.journalOf(job.request.volume.id)
      const process = await jobProcesses.start(job.id, { request: job.request, journal })
      ledger.commitLater('job', { put: 'job', row: { ...started, process } })
      if (this.#cancelled.has(job.id)) await jobProcesses.kill(process)
    } catch (thrown) {
      log.warn({ job: job.id, err: thrown }, 'a job could not be started')
      this.#finish(started, 'failed', toConvoyError(thrown).sentence)
      return
    }
    await this.#follow(this.get(job.id))
  }

  async #follow(job: Job): Promise<void> {
    const { jobProcesses, ledger, log } = this.#deps
    try {
      if (job.process !== undefined) await jobProcesses.ended(job.process)
      if (this.#isClosed) return
      const result = await jobProcesses.readResult(job.id)
      if (result !== undefined && Object.keys(result.journal).length > 0) {
        ledger.commitLater('job', { put: 'journal', id: job.request.volume.id, notes: result.journal })
      }
      if (result !== undefined && result.error === undefined) this.#finish(job, 'succeeded', undefined)
      else if (this.#cancelled.has(job.id)) this.#finish(job, 'cancelled', undefined)
      else if (result !== undefined) this.#finish(job, 'failed', result.error)
      else if (job.attempts >= mostAttempts) this.#finish(job, 'failed', `died ${job.attempts} times without a result`)
      else this.#queueAgain(job)
    } catch (thrown) {
      log.error({ job: job.id, err: thrown }, 'a job could not be followed')
      this.#finish(job, 'failed', toConvoyError(thrown).sentence)
    }
  }

  #queueAgain(job: Job): void {
    const { process, ...row } = job
    this.#following.delete(job.id)
    this.#deps.ledger.commitLater('job', { put: 'job', row: { ...row, state: 'queued' } })
    this.startQueued()
  }

  #finish(job: Job, state: EndState, error: string | undefined): void {
    const { ledger, now, log, jobProcesses } = this.#deps
    const { process, ...row } = job
    const finished: Job = { ...row, state, finishedAt: now().toISOString(), ...(error === undefined ? {} : { error }) }
    ledger.commitLater('job', { put: 'job', row: finished }, ...this.#oldOnes(), this.#endEvent(finished, state))
    this.#following.delete(job.id)
    this.#cancelled.delete(job.id)
    log.info({ job: job.id, kind: job.request.kind, state, error }, 'job finished')
    for (const listener of this.#listeners) listener(finished)
    void jobProcesses
      .removeFolder(job.id)
      .catch((thrown: unknown) => log.warn({ err: thrown }, 'job folder not removed'))
    this.startQueued()
  }

  #endEvent({ id, request, error }: Job, state: EndState): LedgerWrite {
    const details = { job: id, kind: request.kind, ...optional('error', error) }
    return volumeEvent(this.#deps, endEvents[state], { ...request.volume, driver: request.driver }, details)
  }

  #oldOnes(): readonly LedgerWrite[] {
    const finished = this.list().filter(isFinished)
    return finished.slice(keptFinished).map(({ id }) => ({ remove: 'job', id }) as const)
  }
}
