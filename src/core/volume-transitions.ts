import type { CreatedVolume, CreateRequest } from '../drivers/driver.js'
import { optional } from '../model/optional.js'
import type { Volume } from '../model/volume.js'
import type { LedgerWrite } from '../store/ledger-write.js'
import type { CoreDeps } from './core-deps.js'
import { volumeEvent } from './events.js'

/** The driver's part of a create; the same for every repetition. */
export function createRequest(intent: Volume): CreateRequest {
  const { name, id, options, createdAt, onRemove } = intent
  return { name, id, options, createdAt, ...optional('onRemove', onRemove) }
}

/** The volume that a driver has made of an intent. */
export function completed(intent: Volume, created: CreatedVolume): Volume {
  const { handle, origin, sizeBytes } = created
  return { ...intent, ...handle, state: 'ready', origin, ...optional('sizeBytes', sizeBytes) }
}

/** What tells that a create is complete, at once or after a crash. */
export function createdEvent(deps: Pick<CoreDeps, 'now'>, volume: Volume): LedgerWrite {
  return volumeEvent(deps, volume.origin === 'adopted' ? 'volume.adopt' : 'volume.create', volume)
}

/** The volume without what attaching added. */
export function detached(volume: Volume): Volume {
  const { mountpoint, ...rest } = volume
  return { ...rest, state: 'ready' }
}
