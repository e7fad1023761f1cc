import { ConvoyError, type ErrorCode } from '../../errors.js'
import { optional } from '../../model/optional.js'
import type { Attributes } from '../../model/volume.js'
import type { CreateRequest, DriverCall } from '../driver.js'
import { noteAdoption, noteRefusal } from './creation-journal.js'
import type { EbsDeps } from './ebs-deps.js'
import { describeHolders, isOf, type OwnVolume } from './ebs-volume.js'
import type { Ec2Volume } from './ec2-api.js'
import { ec2CodeOf } from './ec2-errors.js'
import { lookEveryMs, unseenMs } from './look-until.js'
import { foreignOwner, formatVolumeTags, ownKeys, parseVolumeTags, type VolumeTags } from './volume-tags.js'

/** What an administrator gives a volume for a host that may not tag what has no tag of convoy. */
const isConsent = (key: string, value: string | undefined) => key === 'convoy:origin' && value === 'adopted'

/** Takes over volumes that are there already: `-o id=vol-…`. What is on them stays as it is. */
export class VolumeAdoption {
  readonly #deps: EbsDeps

  constructor(deps: EbsDeps) {
    this.#deps = deps
  }

  async adopt(volumeId: string, request: CreateRequest, call: DriverCall): Promise<OwnVolume> {
    const volume = await this.#find(volumeId, call)
    const before = parseVolumeTags(volume.tags)
    // An earlier call came as far as the tags, or further.
    if (before?.id !== request.id) this.#refuse(volume, before)
    const own = { volume, tags: this.#tagsFor(volume, request, before) }
    refuseTooManyTags(own)
    if (before?.id !== request.id) await noteAdoption(call.journal)
    return this.#mark(own, call)
  }

  /** One that is being detached is waited for. */
  async #find(volumeId: string, call: DriverCall): Promise<Ec2Volume> {
    const { api, here, pause } = this.#deps
    for (;;) {
      const volume = await api.findVolume(volumeId, call.signal)
      if (volume === undefined) {
        throw new ConvoyError('not-found', `EC2 has no volume ${volumeId} in ${here.region}`, {
          hint: 'check the id and the region: aws ec2 describe-volumes',
        })
      }
      const isLeaving = volume.attachments.length > 0 && volume.attachments.every(({ state }) => state === 'detaching')
      if (!isLeaving || call.signal.aborted) return volume
      await pause(lookEveryMs, call.signal)
    }
  }

  #refuse(volume: Ec2Volume, before: VolumeTags | undefined): void {
    const { here, owner } = this.#deps
    const { id, zone, state, isMultiAttach, tags } = volume
    const refuse = (message: string, hint: string, code: ErrorCode = 'invalid-argument') =>
      new ConvoyError(code, message, { hint })
    if (zone !== here.zone) {
      throw refuse(
        `${id} is in zone ${zone}, and this host in ${here.zone}`,
        'take it over on a host of its zone, or copy it by a snapshot',
      )
    }
    if (isMultiAttach)
      throw refuse(
        `${id} may be attached to several hosts at once`,
        'ext4 and xfs would be destroyed: use another volume',
      )
    if (state !== 'available') {
      const where = volume.attachments.length === 0 ? `is ${state}` : `is attached to ${describeHolders(volume)}`
      throw refuse(`${id} ${where}`, 'take over a volume that is available: detach it there first', 'in-use')
    }
    const foreign = foreignOwner(tags)
    if (foreign !== undefined) {
      throw refuse(
        `${id} belongs to another tool: it has the tag ${foreign}`,
        'remove that tag if the tool does not need it any more',
        'in-use',
      )
    }
    if (before === undefined) {
      const key = ownKeys(tags).find((one) => !isConsent(one, tags[one]))
      if (key === undefined) return
      throw refuse(
        `${id} has the tag ${key}=${tags[key] ?? ''} of convoy, and not all others`,
        'remove its tags that begin with convoy: if no host of convoy knows it',
        'in-use',
      )
    }
    if (isOf(before, owner)) {
      if (before.state !== 'live') return
      throw refuse(
        `${id} is volume "${before.name}" of convoy already`,
        `use it under that name, or run: convoy delete --reference ${before.name}`,
        'already-exists',
      )
    }
    if (before.cluster === undefined) return
    throw refuse(
      `${id} is volume "${before.name}" of cluster ${before.cluster}`,
      `start convoy with --cluster ${before.cluster}, or delete it there by reference`,
      'in-use',
    )
  }

  /** A volume that another host made keeps its kind: where its data is, and that convoy may delete it. */
  #tagsFor({ snapshotId }: Ec2Volume, request: CreateRequest, before: VolumeTags | undefined): VolumeTags {
    const wasMade = before?.origin === 'created' && snapshotId === undefined
    return {
      name: request.name,
      id: request.id,
      origin: wasMade ? 'created' : 'adopted',
      ...this.#deps.owner,
      state: 'live',
      createdAt: request.createdAt,
      options: request.options,
      ...optional('onRemove', request.onRemove),
      ...optional('sizeBytes', wasMade ? before.sizeBytes : undefined),
    }
  }

  /** The permission to tag what convoy has not made is optional: without it only this host knows. */
  async #mark(own: OwnVolume, call: DriverCall): Promise<OwnVolume> {
    const { volume, tags } = own
    const { api } = this.#deps
    const texts = tagTexts(tags)
    const isMarked = Object.entries(texts).every(([key, text]) => volume.tags[key] === text)
    try {
      if (!isMarked) await api.tagVolume(volume.id, texts, call.signal)
    } catch (thrown) {
      if (!isRefusedByPolicy(thrown)) throw thrown
      await noteRefusal(call.journal)
      call.log.warn(
        { volume: tags.name, id: volume.id, err: thrown },
        'taken over without tags: only this host knows that the volume is in use by convoy',
      )
      return { volume, tags, isUnmarked: true }
    }
    const stale = ownKeys(volume.tags).filter((key) => !Object.hasOwn(texts, key))
    if (stale.length > 0) await api.untagVolume(volume.id, stale, call.signal)
    await this.#untilMarked(own, call)
    return own
  }

  /** Whoever looks next shall find it: EC2 shows new tags late, and the last of two hosts that take it over at once has it. */
  async #untilMarked({ volume, tags }: OwnVolume, call: DriverCall): Promise<void> {
    const { api, now, pause } = this.#deps
    const start = now().getTime()
    const before = parseVolumeTags(volume.tags)?.id
    while (!call.signal.aborted && now().getTime() - start < unseenMs) {
      const seen = await api.findVolume(volume.id, call.signal)
      const shown = seen && parseVolumeTags(seen.tags)
      if (shown?.id === tags.id) return
      if (shown !== undefined && shown.id !== before) {
        throw new ConvoyError('in-use', `${volume.id} was taken over by ${shown.host} at the same time`, {
          hint: `it is volume "${shown.name}" there`,
        })
      }
      await pause(lookEveryMs, call.signal)
    }
    throw new ConvoyError('unavailable', `EC2 does not show the tags yet by which ${volume.id} is taken over`, {
      hint: 'create the volume again: what was begun goes on',
    })
  }
}

/** EC2 takes 50 for each volume, not counting those of AWS itself. */
const mostTags = 50

/** Beside those that it has, and one more when it is forgotten. */
function refuseTooManyTags({ volume, tags }: OwnVolume): void {
  const ours = tagTexts({ ...tags, retiredAt: tags.createdAt })
  const count = Object.keys({ ...volume.tags, ...ours }).filter((key) => !key.startsWith('aws:')).length
  if (count <= mostTags) return
  throw new ConvoyError(
    'invalid-argument',
    `${volume.id} would have ${count} tags with those of convoy, and EC2 takes ${mostTags}`,
    { hint: `remove ${count - mostTags} of its tags` },
  )
}

/** What people called it, or did not, stays. */
function tagTexts(tags: VolumeTags): Attributes {
  const { Name: _, ...texts } = formatVolumeTags(tags)
  return texts
}

const isRefusedByPolicy = (thrown: unknown) => /^(?:UnauthorizedOperation|AccessDenied)/.test(ec2CodeOf(thrown))
