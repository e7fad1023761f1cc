import { ConvoyError } from '../../errors.js'
import { optional } from '../../model/optional.js'
import type { VolumeHandle } from '../../model/volume.js'
import type { DriverCall, OtherHolder, TakeoverOperations } from '../driver.js'
import type { EbsDeps } from './ebs-deps.js'
import { holdersOf, nameInstance, volumeIdOf } from './ebs-volume.js'
import type { Ec2Attachment } from './ec2-api.js'
import { lookEveryMs } from './look-until.js'
import { missing, refuseForeign } from './volume-identity.js'

/** Takes volumes from instances by force, when an operator says so. */
export class VolumeTakeover implements TakeoverOperations {
  readonly #deps: EbsDeps

  constructor(deps: EbsDeps) {
    this.#deps = deps
  }

  async holderOf(volume: VolumeHandle, { signal }: DriverCall): Promise<OtherHolder | undefined> {
    const [holder] = await this.#holders(volume, signal)
    if (holder === undefined) return undefined
    const instance = await this.#deps.api.findInstance(holder.instanceId, signal)
    const host = nameInstance(holder.instanceId, instance)
    return { host, ...optional('since', holder.since), state: instance?.state ?? 'unknown to EC2' }
  }

  async seize(volume: VolumeHandle, { signal }: DriverCall): Promise<void> {
    const { api, pause } = this.#deps
    const volumeId = volumeIdOf(volume)
    for (let isFirst = true; ; isFirst = false) {
      const holders = await this.#holders(volume, signal)
      if (holders.length === 0) return
      if (isFirst) {
        for (const { instanceId } of holders) await api.detachVolume({ volumeId, instanceId, isForced: true }, signal)
      }
      if (signal.aborted) {
        throw new ConvoyError(
          'deadline-exceeded',
          `EC2 is still detaching ${volumeId} from ${holders[0]?.instanceId ?? ''}`,
          {
            hint: 'it goes on: run the same command again',
          },
        )
      }
      await pause(lookEveryMs, signal)
    }
  }

  async #holders(volume: VolumeHandle, signal: AbortSignal): Promise<readonly Ec2Attachment[]> {
    const { api, here, owner } = this.#deps
    const id = volumeIdOf(volume)
    const found = await api.findVolume(id, signal)
    if (found === undefined) throw missing(volume, id, here.region)
    refuseForeign(volume, found, owner)
    return holdersOf(found).filter(({ instanceId }) => instanceId !== here.instanceId)
  }
}
