import type { Core } from '../core/core.js'
import type { Notifications } from '../core/notifications.js'
import type { Logger } from '../model/call-context.js'
import type { ConfigReport } from '../model/config-report.js'

/** What the servers answer from. */
export interface ApiDeps {
  readonly core: Core
  readonly notifications: Pick<Notifications, 'list' | 'test'>
  readonly log: Logger
  /** Of this program. */
  readonly version: string
  /** Create a volume that Docker mounts and that does not exist. */
  readonly createOnDockerMount: boolean
  /** How long Docker's mounts wait for their storage. */
  readonly mountDeadlineMs: number
  /** What `GET /v1/info` says of the daemon besides its drivers. */
  readonly general: Readonly<Record<string, unknown>>
  /** What `GET /v1/config` says. */
  readonly describeConfig: () => ConfigReport
  readonly startTimer: StartTimer
  /** Aborts when the daemon begins to stop: answers without an end have to end. */
  readonly closing?: AbortSignal
}

/** Calls `act` once after `ms`; the result calls it off. */
export type StartTimer = (ms: number, act: () => void) => () => void
