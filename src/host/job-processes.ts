import type { JobProcess, JobProgress, JobRequest } from '../model/job.js'
import type { Attributes } from '../model/volume.js'

/** What a job's process is told. */
export interface JobAssignment {
  readonly request: JobRequest
  /** The driver's notes on the volume. */
  readonly journal: Attributes
}

/** How a job's process ended: `error` says why it failed; `undefined` when it left no result. */
export interface JobResult {
  readonly error?: string
  readonly journal: Attributes
}

/** Runs jobs as child processes that outlive the daemon, each with a folder. */
export interface JobProcesses {
  start(id: string, assignment: JobAssignment): Promise<JobProcess>
  /** Resolves once that process is gone, also when an earlier daemon started it. */
  ended(process: JobProcess): Promise<void>
  isRunning(process: JobProcess): boolean
  /** Ends the process and what it started. */
  kill(process: JobProcess): Promise<void>
  readResult(id: string): Promise<JobResult | undefined>
  readProgress(id: string): Promise<JobProgress | undefined>
  removeFolder(id: string): Promise<void>
}
