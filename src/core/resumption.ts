import type { Retirement as RetiredState } from '../drivers/driver.js'
import { ConvoyError, isConvoyError } from '../errors.js'
import type { CallContext } from '../model/call-context.js'
import type { EventType } from '../model/event.js'
import type { Volume } from '../model/volume.js'
import type { VolumeName } from '../model/volume-name.js'
import { type CoreDeps, mountPath } from './core-deps.js'
import { driverCall } from './driver-call.js'
import { volumeEvent } from './events.js'
import type { Holding } from './holding.js'
import type { Retirement } from './retirement.js'
import { completed, createdEvent, createRequest, detached } from './volume-transitions.js'

/** Carries an operation that was cut short to an end: the call is made again, or its inverse. */
export class Resumption {
  readonly #deps: CoreDeps
  readonly #holding: Holding
  readonly #retirement: Retirement

  constructor(deps: CoreDeps, parts: { readonly holding: Holding; readonly retirement: Retirement }) {
    this.#deps = deps
    this.#holding = parts.holding
    this.#retirement = parts.retirement
  }

  /** The volume of that name in a state without `-ing`, or none. The caller holds its lock. */
  async resume(name: VolumeName, call: CallContext): Promise<Volume | undefined> {
    const volume = this.#deps.ledger.volumes.get(name)
    if (volume === undefined) return undefined
    switch (volume.state) {
      case 'ready':
      case 'attached':
      case 'forgotten':
        return volume
      case 'creating':
        return this.#createAgain(volume, call)
      case 'reviving':
        return this.#revive(volume, call, 'volume.take-back')
      case 'undeleting':
        return this.#revive(volume, call, 'volume.undelete')
      case 'forgetting':
        return this.#retire(volume, 'forgotten', call)
      case 'trashing':
        return this.#retire(volume, 'trashed', call)
      case 'renaming':
        throw new ConvoyError('unavailable', `volume "${name}" is being renamed to "${volume.renameTo ?? ''}"`, {
          hint: 'try again in a moment',
        })
      case 'attaching':
      case 'detaching':
        return this.detach(volume, call)
    }
  }

  /**
   * Unmounts and detaches whatever an attach or a detach left, and notes the volume as ready; as attached when somebody uses the
   * file system. The kernel is asked here too: a ledger that was lost knows nothing of containers that run. `patienceMs`: for the
   * storage to let go, instead of the whole call.
   */
  async detach(volume: Volume, call: CallContext, patienceMs?: number): Promise<Volume> {
    const { ledger, drivers, mounter, policy } = this.#deps
    const driver = drivers.get(volume.driver)
    let lazily = false
    try {
      if (driver.attachment === 'recorded') {
        await this.#holding.refuseHeld(volume)
        lazily = (await mounter.unmount(mountPath(policy, volume.name), call)).lazily
      }
    } catch (thrown) {
      if (!isConvoyError(thrown, 'in-use')) throw thrown
      const attached: Volume = { ...volume, state: 'attached' }
      ledger.commitLater('unmount', { put: 'volume', row: attached })
      return attached
    }
    // What was written may still be on its way to the device.
    if (lazily) call.log.warn({ volume: volume.name }, 'the storage does not answer: unmounted, but left attached')
    else await driver.detach(volume, driverCall(ledger, volume.id, withPatience(call, patienceMs)))
    const ready = detached(volume)
    ledger.commitLater('unmount', { put: 'volume', row: ready })
    return ready
  }

  async #createAgain(volume: Volume, call: CallContext): Promise<Volume> {
    const { ledger, drivers } = this.#deps
    const created = await drivers.get(volume.driver).create(createRequest(volume), driverCall(ledger, volume.id, call))
    const complete = completed(volume, created)
    ledger.commitLater('create-done', { put: 'volume', row: complete }, createdEvent(this.#deps, complete))
    return complete
  }

  /** None when the storage holds it no longer. Without an event when nobody was told that it had gone. */
  async #revive(volume: Volume, call: CallContext, type?: EventType): Promise<Volume | undefined> {
    const { ledger, drivers } = this.#deps
    // Retiring changes the handle only once it is done: the ledger's handle may be the one from before.
    const driver = drivers.get(volume.driver)
    try {
      const handle = await driver.revive(volume, volume.name, driverCall(ledger, volume.id, call))
      const ready: Volume = { ...volume, ...handle, state: 'ready' }
      const event = type === undefined ? [] : [volumeEvent(this.#deps, type, ready)]
      ledger.commitLater('create-done', { put: 'volume', row: ready }, ...event)
      return ready
    } catch (thrown) {
      if (!isConvoyError(thrown, 'not-found')) throw thrown
      call.log.warn({ volume: volume.name, err: thrown }, 'a volume that was to come back is no longer on its storage')
      ledger.commitLater(
        'remove-done',
        { remove: 'volume', name: volume.name },
        { remove: 'journal', id: volume.id },
        volumeEvent(this.#deps, 'volume.forget', volume, { reason: 'not-found' }),
      )
      return undefined
    }
  }

  /**
   * Docker may have been told that the removal succeeded, so it is finished, not undone; unless the kernel never gave its
   * consent. What was to be deleted at once stays in the trash for a while, like all else: the row does not say more.
   */
  async #retire(volume: Volume, as: RetiredState, call: CallContext): Promise<Volume | undefined> {
    const { ledger, policy } = this.#deps
    if (await this.#isHeld(volume)) return this.#revive(volume, call)
    await this.#retirement.complete(volume, as, policy.trashRetentionMs, call)
    return ledger.volumes.get(volume.name)
  }

  async #isHeld(volume: Volume): Promise<boolean> {
    return (await this.#holding.of(volume)).length > 0
  }
}

function withPatience(call: CallContext, ms: number | undefined): CallContext {
  return ms === undefined ? call : { ...call, signal: AbortSignal.timeout(ms) }
}
