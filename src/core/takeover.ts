import type { OtherHolder } from '../drivers/driver.js'
import { ConvoyError } from '../errors.js'
import type { CallContext } from '../model/call-context.js'
import { optional } from '../model/optional.js'
import type { Volume } from '../model/volume.js'
import type { VolumeName } from '../model/volume-name.js'
import type { CoreDeps } from './core-deps.js'
import { driverCall } from './driver-call.js'
import { volumeEvent } from './events.js'
import type { Resumption } from './resumption.js'
import type { Volumes } from './volumes.js'

interface Parts {
  readonly volumes: Volumes
  readonly resumption: Resumption
}

/** Takes volumes from hosts that are lost for good: what only an operator can know. */
export class Takeover {
  readonly #deps: CoreDeps
  readonly #parts: Parts

  constructor(deps: CoreDeps, parts: Parts) {
    this.#deps = deps
    this.#parts = parts
  }

  /**
   * Takes the volume from the host that has it; nothing to do when none has. Without `isForced` it only says who has it, and what
   * would be lost: ConvoyError `in-use`.
   */
  async run(name: VolumeName, { isForced }: { readonly isForced: boolean }, call: CallContext): Promise<Volume> {
    const { drivers, ledger, locks } = this.#deps
    const { volumes, resumption } = this.#parts
    await volumes.getSettled(name, call)
    return locks.run(name, call.signal, async () => {
      const volume = await resumption.resume(name, call)
      if (volume === undefined || volume.state === 'forgotten') return volumes.get(name)
      const { takeover } = drivers.get(volume.driver)
      if (takeover === undefined) throw shared(volume)
      const ofDriver = driverCall(ledger, volume.id, call)
      const holder = await takeover.holderOf(volume, ofDriver)
      if (holder === undefined) return volume
      if (!isForced) throw wouldBeLost(volume, holder)
      call.log.warn({ volume: name, from: holder }, 'taken from another host because an operator said so')
      await takeover.seize(volume, ofDriver)
      const details = { from: holder.host, ...optional('since', holder.since) }
      ledger.commitLater('event', volumeEvent(this.#deps, 'volume.take-over', volume, details))
      return volume
    })
  }
}

function wouldBeLost({ name }: Volume, { host, since, state }: OtherHolder): ConvoyError {
  const time = since === undefined ? '' : ` since ${since}`
  return new ConvoyError('in-use', `volume "${name}" is attached to ${host}${time}, which is ${state}`, {
    hint:
      'stop its container there. If that host is lost for good: convoy takeover --force. What it has not synced to the disk is lost ' +
      'then, and everything that it writes from then on; its programs may go on without noticing',
  })
}

function shared({ name, driver }: Volume): ConvoyError {
  return new ConvoyError(
    'unsupported',
    `volume "${name}" is on ${driver}, which all hosts use at once: nothing to take over`,
  )
}
