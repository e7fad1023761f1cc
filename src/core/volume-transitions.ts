import type { CreatedVolume, CreateRequest } from '../drivers/driver.js'
import { optional } from '../model/optional.js'
import type { Volume } from '../model/volume.js'

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

/** The volume without what attaching added. */
export function detached(volume: Volume): Volume {
  const { mountpoint, ...rest } = volume
  return { ...rest, state: 'ready' }
}
