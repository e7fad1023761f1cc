import type { Retirement as RetiredState } from '../drivers/driver.js'
import { isConvoyError } from '../errors.js'
import type { CallContext } from '../model/call-context.js'
import type { TrashedVolume, Volume, VolumeHandle } from '../model/volume.js'
import type { LedgerWrite } from '../store/ledger-write.js'
import type { CoreDeps } from './core-deps.js'
import { driverCall } from './driver-call.js'
import { volumeEvent } from './events.js'

/** The second half of a removal, after its intent is durable: the storage notes it, then the ledger. May be repeated. */
export class Retirement {
  readonly #deps: CoreDeps

  constructor(deps: CoreDeps) {
    this.#deps = deps
  }

  /** Nobody uses the volume, and the caller holds its lock. `retentionMs`: how long the trash keeps it. */
  async complete(volume: Volume, as: RetiredState, retentionMs: number, call: CallContext): Promise<void> {
    const handle = await this.#retireOnStorage(volume, as, call)
    this.#deps.ledger.commitLater('remove-done', ...this.#retired({ ...volume, ...handle }, handle, as, retentionMs))
  }

  /** The handle of the retired volume, or none when the storage holds nothing that bears our mark: then nothing is touched. */
  async #retireOnStorage(volume: Volume, as: RetiredState, call: CallContext): Promise<VolumeHandle | undefined> {
    const { ledger, drivers } = this.#deps
    try {
      return await drivers.get(volume.driver).retire(volume, as, driverCall(ledger, volume.id, call))
    } catch (thrown) {
      if (!isConvoyError(thrown, 'not-found')) throw thrown
      call.log.warn({ volume: volume.name, err: thrown }, 'removed a volume that its storage does not know')
      return undefined
    }
  }

  #retired(
    volume: Volume,
    handle: VolumeHandle | undefined,
    as: RetiredState,
    retentionMs: number,
  ): readonly LedgerWrite[] {
    const forget = { remove: 'volume', name: volume.name } as const
    const isOurs = handle !== undefined && (as === 'forgotten' || volume.origin === 'created')
    // An adopted volume's data is not ours to keep or to delete.
    if (!isOurs) {
      const reason = handle === undefined ? 'not-found' : 'adopted'
      const event = volumeEvent(this.#deps, 'volume.forget', volume, { reason })
      return [forget, { remove: 'journal', id: volume.id }, event]
    }
    const event = volumeEvent(this.#deps, as === 'forgotten' ? 'volume.forget' : 'volume.trash', volume)
    if (as === 'forgotten') return [{ put: 'volume', row: { ...volume, state: 'forgotten' } }, event]
    return [forget, { put: 'trash', row: trashed(volume, this.#deps.now(), retentionMs) }, event]
  }
}

function trashed(volume: Volume, now: Date, retentionMs: number): TrashedVolume {
  const { state, origin, mountpoint, ...kept } = volume
  return {
    ...kept,
    state: 'trashed',
    trashedAt: now.toISOString(),
    expiresAt: new Date(now.getTime() + retentionMs).toISOString(),
  }
}
