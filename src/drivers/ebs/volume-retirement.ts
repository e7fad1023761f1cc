import { ConvoyError } from '../../errors.js'
import type { VolumeHandle } from '../../model/volume.js'
import type { VolumeName } from '../../model/volume-name.js'
import type { DriverCall, RemovalProgress, Retirement } from '../driver.js'
import { deleteVolume } from './delete-volume.js'
import type { EbsDeps } from './ebs-deps.js'
import { describeHolders, handleOf, holdersOf, isUnmarked, type OwnVolume, ownAmong } from './ebs-volume.js'
import type { Ec2Volume } from './ec2-api.js'
import { isAnswerLost } from './creation-journal.js'
import { lookEveryMs } from './look-until.js'
import { NamedVolumes } from './named-volumes.js'
import { formatVolumeTags, ownerTags, ownKeys, type VolumeTags } from './volume-tags.js'

/** A volume whose answer was lost: EC2 may show it so late. */
const looksForLost = 40

/** What becomes of volumes at their end, and back: all of it is in their tags, so that every host sees it. */
export class VolumeRetirement {
  readonly #deps: EbsDeps
  readonly #named: NamedVolumes

  constructor(deps: EbsDeps) {
    this.#deps = deps
    this.#named = new NamedVolumes(deps)
  }

  async retire(handle: VolumeHandle, as: Retirement, call: DriverCall): Promise<VolumeHandle> {
    if (isUnmarked(handle)) return handle
    const own = await this.#find(handle, call)
    if (as === 'trashed' && own.tags.origin === 'adopted') {
      await this.#unmark(own, call)
      return handle
    }
    return handleOf(await this.#retag(own, { ...own.tags, state: as, retiredAt: this.#deps.now().toISOString() }, call))
  }

  async revive(handle: VolumeHandle, name: VolumeName, call: DriverCall): Promise<VolumeHandle> {
    if (isUnmarked(handle)) return { ...handle, name }
    const own = await this.#find(handle, call)
    await this.#refuseTaken(handle, name, call)
    const { retiredAt: _, ...tags } = own.tags
    return handleOf(await this.#retag(own, { ...tags, name, state: 'live' }, call))
  }

  /** Deletes the volume, if by its tags it is this one, and nobody has it. */
  async remove(handle: VolumeHandle, call: DriverCall & RemovalProgress): Promise<void> {
    const { api, pause } = this.#deps
    if (isUnmarked(handle)) return
    for (let isFirst = true; ; isFirst = false) {
      const own = await this.#findIfThere(handle, call)
      if (own === undefined) return
      if (own.tags.origin === 'adopted') return this.#unmark(own, call)
      const holders = holdersOf(own.volume)
      const isFree = own.volume.state === 'available' && holders.length === 0
      if (isFree) return deleteVolume(api, own.volume.id, call.signal)
      if (holders.some(({ state }) => state === 'attached' || state === 'attaching')) throw held(handle, own.volume)
      if (isFirst) call.onWait?.(`EC2 to be done with ${own.volume.id}`)
      if (call.signal.aborted) throw notDone(handle, own.volume)
      await pause(lookEveryMs, call.signal)
    }
  }

  #unmark({ volume }: OwnVolume, call: DriverCall): Promise<void> {
    return this.#deps.api.untagVolume(volume.id, ownKeys(volume.tags), call.signal)
  }

  async #retag({ volume, tags: before }: OwnVolume, tags: VolumeTags, call: DriverCall): Promise<OwnVolume> {
    const texts = formatVolumeTags(tags)
    const { Name: _, ...others } = texts
    // The name that people see is theirs where convoy did not make the volume, and where they have changed it.
    const isNameOurs = tags.origin === 'created' && volume.tags['Name'] === before.name
    await this.#deps.api.tagVolume(volume.id, isNameOurs ? texts : others, call.signal)
    const stale = ownKeys(volume.tags).filter((key) => !Object.hasOwn(texts, key))
    if (stale.length > 0) await this.#deps.api.untagVolume(volume.id, stale, call.signal)
    return { volume, tags }
  }

  async #refuseTaken({ id }: VolumeHandle, name: VolumeName, call: DriverCall): Promise<void> {
    const named = await this.#named.findAll(name, call)
    const other = named.find(({ tags }) => tags.id !== id)
    if (other === undefined) return
    throw new ConvoyError('already-exists', `there is another volume "${name}": ${other.volume.id}`, {
      hint: 'bring it back under another name: --as NAME',
    })
  }

  /** ConvoyError `not-found` when EC2 has no volume that bears the mark of this one. */
  async #find(handle: VolumeHandle, call: DriverCall): Promise<OwnVolume> {
    const own = await this.#findIfThere(handle, call)
    if (own !== undefined) return own
    throw new ConvoyError('not-found', `EC2 has no volume with the tags of "${handle.name}"`)
  }

  async #findIfThere({ id, attributes }: VolumeHandle, call: DriverCall): Promise<OwnVolume | undefined> {
    const { api, owner } = this.#deps
    const volumeId = attributes['volume']
    // The handle of a volume whose create failed says nothing yet.
    if (volumeId === undefined) return this.#findMade(id, call)
    const volume = await api.findVolume(volumeId, call.signal)
    return volume && ownAmong([volume], owner).find(({ tags }) => tags.id === id)
  }

  /** What a create call made whose answer was lost: EC2 may show it late. */
  async #findMade(id: string, { journal, signal }: DriverCall): Promise<OwnVolume | undefined> {
    const { api, owner, pause } = this.#deps
    for (let looks = isAnswerLost(journal) ? looksForLost : 1; ; looks--) {
      const marked = await api.findVolumes({ 'convoy:id': id, ...ownerTags(owner) }, signal)
      const found = ownAmong(marked, owner).find(({ tags }) => tags.id === id)
      if (found !== undefined || looks <= 1) return found
      if (signal.aborted) throw mayCome(id)
      await pause(lookEveryMs, signal)
    }
  }
}

function mayCome(id: string): ConvoyError {
  return new ConvoyError(
    'unavailable',
    `EC2 may have made a volume with the tag convoy:id=${id}, and not show it yet`,
    {
      hint: 'it is looked for again later',
    },
  )
}

function notDone({ name }: VolumeHandle, volume: Ec2Volume): ConvoyError {
  return new ConvoyError(
    'unavailable',
    `EC2 is not done yet with ${volume.id}, which was volume "${name}": it is ${volume.state}`,
    {
      hint: 'it is deleted later',
    },
  )
}

function held({ name }: VolumeHandle, volume: Ec2Volume): ConvoyError {
  return new ConvoyError(
    'in-use',
    `${volume.id}, which was volume "${name}", is attached to ${describeHolders(volume)}`,
    {
      hint: 'it is not deleted while somebody has it: detach it there',
    },
  )
}
