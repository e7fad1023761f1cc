import { Alteration } from './alteration.js'
import { Alerts } from './alerts.js'
import { Capacity } from './capacity.js'
import type { CoreDeps } from './core-deps.js'
import { Diagnosis } from './diagnosis.js'
import { Discovery } from './discovery.js'
import { DriverAvailability } from './driver-availability.js'
import { Events } from './events.js'
import { Holding } from './holding.js'
import { Inventory } from './inventory.js'
import { Jobs } from './jobs.js'
import { LostDisks } from './lost-disks.js'
import { Measurements } from './measurements.js'
import { Mounts } from './mounts.js'
import { Reconciliation } from './reconciliation.js'
import { Rebuild } from './rebuild.js'
import { Recovery } from './recovery.js'
import { Removal } from './removal.js'
import { Resumption } from './resumption.js'
import { Revival } from './revival.js'
import { Retirement } from './retirement.js'
import { Takeover } from './takeover.js'
import { Trash } from './trash.js'
import { Volumes } from './volumes.js'

/** All rules, put together: what `api` calls and `daemon` drives. */
export interface Core {
  readonly volumes: Volumes
  readonly mounts: Mounts
  readonly removal: Removal
  readonly alteration: Alteration
  readonly jobs: Jobs
  readonly trash: Trash
  readonly recovery: Recovery
  readonly discovery: Discovery
  readonly rebuild: Rebuild
  readonly reconciliation: Reconciliation
  readonly events: Events
  readonly diagnosis: Diagnosis
  readonly inventory: Inventory
  readonly revival: Revival
  readonly availability: DriverAvailability
  readonly capacity: Capacity
  readonly measurements: Measurements
  readonly lostDisks: LostDisks
  readonly takeover: Takeover
}

export function createCore(deps: CoreDeps): Core {
  const events = new Events(deps)
  const availability = new DriverAvailability(events)
  const holding = new Holding(deps)
  const retirement = new Retirement(deps)
  const resumption = new Resumption(deps, { holding, retirement })
  const alerts = new Alerts(deps)
  const capacity = new Capacity(deps, alerts)
  const lostDisks = new LostDisks(deps, alerts)
  const measurements = new Measurements(deps, { alerts, availability })
  const volumes = new Volumes(deps, { resumption, holding, measurements })
  const mounts = new Mounts(deps, { volumes, resumption, holding, availability })
  const jobs = new Jobs(deps)
  const trash = new Trash(deps, { jobs, holding })
  const removal = new Removal(deps, { volumes, resumption, holding, mounts, trash, retirement })
  const alteration = new Alteration(deps, { volumes, resumption, holding })
  const takeover = new Takeover(deps, { volumes, resumption })
  const recovery = new Recovery(deps, { resumption, alteration })
  const discovery = new Discovery(deps, { volumes, availability })
  const rebuild = new Rebuild(deps, { volumes, discovery, events })
  const reconciliation = new Reconciliation(deps, { holding, mounts })
  const diagnosis = new Diagnosis(deps)
  const inventory = new Inventory(deps)
  const revival = new Revival(deps, { events, availability })
  return {
    ...{ volumes, mounts, removal, alteration, jobs, trash, recovery, discovery, rebuild, reconciliation, events },
    ...{ diagnosis, inventory, revival, availability, capacity, measurements, lostDisks, takeover },
  }
}
