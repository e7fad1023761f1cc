import type { Core } from '../core/core.js'
import type { ConvoyError } from '../errors.js'
import type { Logger } from '../model/call-context.js'
import type { Ledger } from '../store/ledger.js'
import type { DriverRegistry } from '../drivers/registry.js'

/** What the servers answer from. */
export interface ApiDeps {
  readonly core: Core
  readonly ledger: Ledger
  readonly drivers: DriverRegistry
  readonly log: Logger
  /** Why nothing can be changed now; absent when all is well. */
  readonly degraded?: ConvoyError
  /** Create a volume that Docker mounts and that does not exist. */
  readonly createOnDockerMount: boolean
  /** What `GET /v1/info` says of the daemon besides its drivers. */
  readonly general: Readonly<Record<string, unknown>>
}
