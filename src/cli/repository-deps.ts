import { hostname } from 'node:os'
import { pause } from '../host/clock.js'
import type { OnProgress } from '../repository/progress.js'
import type { Session } from './session.js'

/** What long operations take from this process. */
export interface WorkDeps {
  readonly pause: typeof pause
  readonly hostName: string
  readonly pid: number
  /** Milliseconds since 1970, by this host's clock. */
  readonly now: () => number
  /** `convoy 1.0.0`. */
  readonly tool: string
  readonly onProgress: OnProgress
}

export function workDeps({ environment }: Session, onProgress: OnProgress): WorkDeps {
  return {
    pause,
    hostName: hostname(),
    pid: process.pid,
    now: () => environment.now().getTime(),
    tool: `convoy ${environment.version}`,
    onProgress,
  }
}
