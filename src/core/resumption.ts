import { isConvoyError } from '../errors.js'
import type { CallContext } from '../model/call-context.js'
import type { Volume } from '../model/volume.js'
import type { VolumeName } from '../model/volume-name.js'
import { type CoreDeps, mountPath } from './core-deps.js'
import { driverCall } from './driver-call.js'
import { completed, createRequest, detached } from './volume-transitions.js'

/** Carries an operation that was cut short to an end: the call is made again, or its inverse. */
export class Resumption {
  readonly #deps: CoreDeps

  constructor(deps: CoreDeps) {
    this.#deps = deps
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
      case 'forgetting':
      case 'trashing':
        return this.#revive(volume, call)
      case 'attaching':
      case 'detaching':
        return this.detach(volume, call)
    }
  }

  /**
   * Unmounts and detaches whatever an attach or a detach left, and notes the volume as ready; as attached when the file system
   * is busy.
   */
  async detach(volume: Volume, call: CallContext): Promise<Volume> {
    const { ledger, drivers, mounter, policy } = this.#deps
    const driver = drivers.get(volume.driver)
    try {
      if (driver.attachment === 'recorded') await mounter.unmount(mountPath(policy, volume.name), call)
    } catch (thrown) {
      if (!isConvoyError(thrown, 'in-use') || volume.mountpoint === undefined) throw thrown
      const attached: Volume = { ...volume, state: 'attached' }
      ledger.commitLater('unmount', { put: 'volume', row: attached })
      return attached
    }
    await driver.detach(volume, driverCall(ledger, volume.id, call))
    const ready = detached(volume)
    ledger.commitLater('unmount', { put: 'volume', row: ready })
    return ready
  }

  async #createAgain(volume: Volume, call: CallContext): Promise<Volume> {
    const { ledger, drivers } = this.#deps
    const created = await drivers.get(volume.driver).create(createRequest(volume), driverCall(ledger, volume.id, call))
    return this.#becomes(completed(volume, created))
  }

  async #revive(volume: Volume, call: CallContext): Promise<Volume> {
    const { ledger, drivers } = this.#deps
    // Retiring changes the handle only once it is done: the ledger's handle may be the one from before.
    const driver = drivers.get(volume.driver)
    const handle = await driver.revive(volume, volume.name, driverCall(ledger, volume.id, call))
    return this.#becomes({ ...volume, ...handle, state: 'ready' })
  }

  #becomes(volume: Volume): Volume {
    this.#deps.ledger.commitLater('create-done', { put: 'volume', row: volume })
    return volume
  }
}
