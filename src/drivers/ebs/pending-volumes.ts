import { ConvoyError } from '../../errors.js'
import type { VolumeName } from '../../model/volume-name.js'
import type { DriverCall } from '../driver.js'
import { noteBurned } from './creation-journal.js'
import { deleteVolume } from './delete-volume.js'
import type { EbsDeps } from './ebs-deps.js'
import { isGoing, type OwnVolume } from './ebs-volume.js'
import type { Ec2Volume } from './ec2-api.js'
import { lookEveryMs, lookUntil, unseenMs } from './look-until.js'
import type { NamedVolumes } from './named-volumes.js'

/** One that was seen is gone when EC2 says so many times in a row: each answer may come from another machine. */
const looksUntilGone = 5

/** Volumes that EC2 has been asked for, until they are there in the eyes of everybody. */
export class PendingVolumes {
  readonly #deps: EbsDeps
  readonly #named: NamedVolumes

  constructor(deps: EbsDeps, named: NamedVolumes) {
    this.#deps = deps
    this.#named = named
  }

  /** EC2 answers before it knows whether the volume can be: a key of KMS may refuse. */
  async untilAvailable(own: OwnVolume, call: DriverCall): Promise<OwnVolume> {
    const { api, pause, now } = this.#deps
    const start = now().getTime()
    let hasBeenSeen = false
    let misses = 0
    let seen: Ec2Volume | undefined = own.volume
    while (seen?.state !== 'available' && seen?.state !== 'in-use') {
      const isLost: boolean = hasBeenSeen && misses >= looksUntilGone
      if (isLost || (seen !== undefined && isGoing(seen))) return this.#failed(own, seen, call)
      if (call.signal.aborted || (seen === undefined && now().getTime() - start > unseenMs)) throw notYet(own)
      await pause(seen === own.volume ? 0 : lookEveryMs, call.signal)
      seen = await api.findVolume(own.volume.id, call.signal)
      hasBeenSeen ||= seen !== undefined
      misses = seen === undefined ? misses + 1 : 0
    }
    return { ...own, volume: seen }
  }

  /**
   * Which volume of the name stays. Hosts of a cluster may have made one each, before EC2 showed any: once it shows ours, it shows
   * those from before, too.
   */
  async oldestOfName(own: OwnVolume, call: DriverCall): Promise<OwnVolume> {
    const oldest = await lookUntil(this.#deps, { forMs: unseenMs, signal: call.signal }, async () => {
      const named = await this.#named.findAll(own.tags.name, call)
      return named.some(({ volume }) => volume.id === own.volume.id) ? named[0] : undefined
    })
    if (oldest === undefined) throw notYet(own)
    return oldest
  }

  async #failed({ volume, tags }: OwnVolume, seen: Ec2Volume | undefined, call: DriverCall): Promise<never> {
    // What only seems to be gone is left alone.
    if (seen?.state === 'error') await deleteVolume(this.#deps.api, volume.id, call.signal)
    await noteBurned(call.journal)
    throw failure(tags.name, volume, seen)
  }
}

function failure(name: VolumeName, volume: Ec2Volume, seen: Ec2Volume | undefined): ConvoyError {
  const { id, isEncrypted, kmsKeyId = seen?.kmsKeyId } = volume
  const what = seen === undefined ? 'it went away' : `it is in the state ${seen.state}`
  const key = kmsKeyId === undefined ? '' : ` with the key ${kmsKeyId}`
  return new ConvoyError('invalid-argument', `EC2 could not make volume "${name}" (${id})${key}: ${what}`, {
    hint:
      kmsKeyId === undefined && !isEncrypted
        ? 'try again; AWS Health may say more'
        : 'the key may be disabled, or convoy may not use it: kms:CreateGrant, kms:GenerateDataKeyWithoutPlaintext, kms:Decrypt, kms:DescribeKey',
  })
}

function notYet({ volume, tags }: OwnVolume): ConvoyError {
  return new ConvoyError('unavailable', `EC2 has not made volume "${tags.name}" (${volume.id}) in time`, {
    hint: 'create it again: the same volume is waited for',
  })
}
