import type { DiscoveredVolume, Driver } from '../drivers/driver.js'
import { optional } from '../model/optional.js'
import type { TrashedVolume, Volume } from '../model/volume.js'
import type { CoreDeps } from './core-deps.js'

/** The ledger's row of a volume that the storage holds, live or forgotten. */
export function discoveredVolume(driver: Driver, found: DiscoveredVolume) {
  const state: 'forgotten' | 'ready' = found.state === 'forgotten' ? 'forgotten' : 'ready'
  return {
    ...found.handle,
    driver: driver.name,
    state,
    createdAt: found.createdAt,
    options: found.options,
    origin: found.origin,
    ...optional('onRemove', found.onRemove),
    ...optional('sizeBytes', found.sizeBytes),
  } satisfies Volume
}

/** The ledger's row of a deleted volume that the storage still holds. Its time counts from when it was deleted, on whichever host. */
export function discoveredTrash(
  { policy, now }: Pick<CoreDeps, 'policy' | 'now'>,
  driver: Driver,
  found: DiscoveredVolume,
): TrashedVolume {
  const trashedAt = found.retiredAt ?? now().toISOString()
  const { state, origin, ...kept } = discoveredVolume(driver, found)
  const expiresAt = new Date(Date.parse(trashedAt) + policy.trashRetentionMs).toISOString()
  return { ...kept, state: 'trashed', trashedAt, expiresAt }
}
