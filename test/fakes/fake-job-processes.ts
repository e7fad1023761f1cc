import { ConvoyError, toConvoyError } from '../../src/errors.js'
import type { JobAssignment, JobProcesses, JobResult } from '../../src/host/job-processes.js'
import type { JobProcess, JobProgress } from '../../src/model/job.js'
import type { FaultInjector } from './fault-injector.js'

interface Running {
  readonly id: string
  readonly assignment: JobAssignment
  readonly ended: Promise<void>
  readonly end: () => void
}

/** What a job does, in its own process. */
export type JobWork = (assignment: JobAssignment) => Promise<JobResult>

/** The processes of jobs: they outlive the daemon, and do their work when a test says so. */
export class FakeJobProcesses {
  readonly #work: JobWork
  readonly #running = new Map<number, Running>()
  readonly #results = new Map<string, JobResult>()
  readonly progress = new Map<string, JobProgress>()
  /** Ids of all jobs ever started, in order. */
  readonly started: string[] = []
  /** Why none can be started: no memory, say. */
  refusal: ConvoyError | undefined
  /** What a start waits for. */
  obstacle: Promise<void> | undefined
  #nextPid = 500

  constructor(work: JobWork) {
    this.#work = work
  }

  get running(): readonly string[] {
    return [...this.#running.values()].map(({ id }) => id)
  }

  get folders(): readonly string[] {
    return [...this.#results.keys()]
  }

  /** Lets every running process do its work to the end. */
  async finishAll(): Promise<void> {
    for (const pid of [...this.#running.keys()]) await this.#finish(pid)
  }

  /** Lets a job's process do its work to the end. */
  async finish(id: string): Promise<void> {
    await this.#finish(this.#pidOf(id))
  }

  /** Ends a job's process before it has left a result. */
  die(id: string): void {
    this.#end(this.#pidOf(id))
  }

  fail(id: string, error: string): void {
    this.#results.set(id, { error, journal: {} })
    this.#end(this.#pidOf(id))
  }

  /** A reboot ends them all. */
  dieAll(): void {
    for (const pid of [...this.#running.keys()]) this.#end(pid)
  }

  /** The processes as one life of the daemon sees them. */
  connect(faults: FaultInjector): JobProcesses {
    return {
      start: async (id, assignment) => {
        await this.obstacle
        return faults.atomicStep('start job', () => this.#start(id, assignment))
      },
      // Waiting is no step: how often somebody waits says nothing.
      ended: async ({ pid }) => {
        await this.#running.get(pid)?.ended
        if (faults.isDead) await new Promise(() => undefined)
      },
      isRunning: ({ pid }) => this.#running.has(pid),
      kill: ({ pid }) => faults.step('kill job', () => this.#end(pid)),
      readResult: (id) => faults.step('read job result', () => this.#results.get(id)),
      readProgress: (id) => Promise.resolve(this.progress.get(id)),
      removeFolder: (id) => faults.step('remove job folder', () => void this.#results.delete(id)),
    }
  }

  #start(id: string, assignment: JobAssignment): JobProcess {
    if (this.refusal !== undefined) throw this.refusal
    const pid = this.#nextPid++
    let end: () => void = () => undefined
    const ended = new Promise<void>((resolve) => (end = resolve))
    this.#running.set(pid, { id, assignment: structuredClone(assignment), ended, end })
    this.started.push(id)
    return { pid, startTime: String(pid) }
  }

  async #finish(pid: number): Promise<void> {
    const running = this.#running.get(pid)
    if (running === undefined) return
    const failed = (thrown: unknown): JobResult => ({ error: toConvoyError(thrown).sentence, journal: {} })
    this.#results.set(running.id, await this.#work(running.assignment).catch(failed))
    this.#end(pid)
  }

  #end(pid: number): void {
    this.#running.get(pid)?.end()
    this.#running.delete(pid)
  }

  #pidOf(id: string): number {
    const found = [...this.#running].find(([, running]) => running.id === id)
    if (found === undefined) throw new ConvoyError('internal', `no process of job ${id} runs`)
    return found[0]
  }
}
