import type { VolumeHandle } from './volume.js'

export type JobState = 'queued' | 'running' | 'succeeded' | 'failed' | 'cancelled'

/** What a job is asked to do. One shape per kind. */
export interface JobRequest {
  readonly kind: 'remove'
  readonly driver: string
  readonly volume: VolumeHandle
}

/** How far a job has come. Units are what it works on: file system entries for a removal. */
export interface JobProgress {
  readonly done: number
  readonly total?: number
  readonly unit: 'entries' | 'bytes'
  /** What it waits for now. */
  readonly waitsFor?: string
}

/** Work that takes longer than a call: a child process and a folder. */
export interface Job {
  readonly id: string
  readonly request: JobRequest
  readonly state: JobState
  /** ISO 8601. */
  readonly createdAt: string
  readonly startedAt?: string
  readonly finishedAt?: string
  /** How often it was started; a crash starts it again. */
  readonly attempts: number
  /** The process while running; the start time (clock ticks since boot) tells it from a later process with its pid. */
  readonly process?: JobProcess
  readonly error?: string
}

export interface JobProcess {
  readonly pid: number
  readonly startTime: string
}

export function isFinished(job: Pick<Job, 'state'>): boolean {
  return job.state === 'succeeded' || job.state === 'failed' || job.state === 'cancelled'
}
