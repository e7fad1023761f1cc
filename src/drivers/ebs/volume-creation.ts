import { ConvoyError, isConvoyError } from '../../errors.js'
import { optional } from '../../model/optional.js'
import type { VolumeName } from '../../model/volume-name.js'
import type { CreatedVolume, CreateRequest, DriverCall } from '../driver.js'
import {
  isAnswerLost,
  isGivenUp,
  noteAttempt,
  notedGeneration,
  noteGivenUp,
  noteRefusal,
  noteShown,
} from './creation-journal.js'
import { deleteVolume } from './delete-volume.js'
import type { EbsDeps } from './ebs-deps.js'
import { handleOf, isGoing, type OwnVolume } from './ebs-volume.js'
import type { CreateOutcome, VolumeRequest } from './ec2-api.js'
import { lookEveryMs } from './look-until.js'
import { NamedVolumes } from './named-volumes.js'
import { PendingVolumes } from './pending-volumes.js'
import { differingOptions } from './same-options.js'
import type { VolumeAdoption } from './volume-adoption.js'
import { parseVolumeSpec, type VolumeSpec } from './volume-spec.js'
import { creationToken, fitsTags, formatVolumeTags, parseVolumeTags, stateTag } from './volume-tags.js'

/** Looks at what EC2 shows of the volumes of a name, for one that another host has made a moment ago, or that an earlier call has. */
const looksForOther = 3
const looksForLost = 40
const mostGenerations = 100

/** Makes volumes, so that each create call makes one, however often it is repeated and wherever. */
export class VolumeCreation {
  readonly #deps: EbsDeps
  readonly #adoption: VolumeAdoption
  readonly #named: NamedVolumes
  readonly #pending: PendingVolumes
  /** The generation that the next volume of a name begins with: that of one which was deleted is used up for a day. */
  readonly #generations = new Map<VolumeName, number>()

  constructor(deps: EbsDeps, adoption: VolumeAdoption) {
    this.#deps = deps
    this.#adoption = adoption
    this.#named = new NamedVolumes(deps)
    this.#pending = new PendingVolumes(deps, this.#named)
  }

  async create(request: CreateRequest, call: DriverCall): Promise<CreatedVolume> {
    const spec = parseVolumeSpec(request.options, this.#deps.defaults)
    this.#refuseEarly(request, spec)
    const found = await this.#named.find(request, call)
    const isOther = found !== undefined && found.tags.id !== request.id
    if (isOther && !this.#mayHaveMade(call)) return createdOf(await this.#takeUp(found, request, call))
    if (spec.adopts !== undefined) return createdOf(await this.#adoption.adopt(spec.adopts, request, call))
    // What an earlier call of ours made, and EC2 does not show yet, is asked for again, to be given up for the older one.
    const made = found === undefined || isOther ? await this.#make(request, spec, call) : found
    if (made.tags.id !== request.id) return createdOf(await this.#takeUp(made, request, call))
    return createdOf(await this.#settle(made, request, call))
  }

  #mayHaveMade({ journal }: DriverCall): boolean {
    return this.#deps.owner.cluster !== undefined && isAnswerLost(journal) && notedGeneration(journal) !== undefined
  }

  #refuseEarly({ name, options }: CreateRequest, { zone = this.#deps.here.zone }: VolumeSpec): void {
    if (!fitsTags(options)) {
      throw new ConvoyError('invalid-argument', `the options of "${name}" are too long to be kept with the volume`, {
        hint: 'all options together may have about 2,000 characters',
      })
    }
    const { region, zone: own } = this.#deps.here
    // `eu-west-1a`, or `us-west-2-lax-1a`.
    if (zone.startsWith(region) && /^[a-z-]/.test(zone.slice(region.length))) return
    throw new ConvoyError('invalid-argument', `zone ${zone} is not in ${region}, where this host is`, {
      hint: `leave out az: this host is in ${own}, and can use volumes of that zone only`,
    })
  }

  /** What another host of the cluster made, or an earlier volume of this one. */
  async #takeUp(found: OwnVolume, { options }: CreateRequest, call: DriverCall): Promise<OwnVolume> {
    const { tags, volume } = found
    const differing = differingOptions(options, tags.options)
    if (differing.length > 0) {
      const has = differing.map((name) => `${name}=${tags.options[name] ?? 'nothing'}`).join(', ')
      throw new ConvoyError('already-exists', `volume "${tags.name}" (${volume.id}) exists with ${has}`, {
        hint: 'use another name, or create it with the options it has',
      })
    }
    const there = await this.#pending.untilAvailable(found, call)
    if (tags.state === 'live') return there
    await this.#deps.api.tagVolume(volume.id, stateTag('live'), call.signal)
    return { ...there, tags: { ...tags, state: 'live' } }
  }

  async #make(request: CreateRequest, spec: VolumeSpec, call: DriverCall): Promise<OwnVolume> {
    let generation = notedGeneration(call.journal) ?? this.#generations.get(request.name) ?? 1
    for (const last = generation + mostGenerations; generation < last; generation++) {
      const wasLost = isAnswerLost(call.journal) && notedGeneration(call.journal) === generation
      await noteAttempt(call.journal, { generation, disk: diskOf(spec), fsType: spec.fsType })
      this.#generations.set(request.name, generation + 1)
      const outcome = await this.#ask(this.#requestOf(request, spec, generation), wasLost, call)
      const own = await this.#ownOf(outcome, request, wasLost, call)
      if (own !== undefined) return own
    }
    throw new ConvoyError(
      'unavailable',
      `EC2 takes no new volume "${request.name}": ${mostGenerations} tokens are used up`,
      { hint: 'wait an hour, or use another name' },
    )
  }

  async #ask(request: VolumeRequest, wasLost: boolean, { journal, signal }: DriverCall): Promise<CreateOutcome> {
    try {
      return await this.#deps.api.createVolume(request, signal)
    } catch (thrown) {
      const isRefusal = isConvoyError(thrown, 'invalid-argument') || isConvoyError(thrown, 'not-found')
      // A refusal of today says nothing of what was asked for before.
      if (isRefusal && !wasLost) await noteRefusal(journal)
      throw thrown
    }
  }

  /** None when the token was used for a volume that is gone. */
  async #ownOf(
    outcome: CreateOutcome,
    request: CreateRequest,
    wasLost: boolean,
    call: DriverCall,
  ): Promise<OwnVolume | undefined> {
    if (outcome.kind === 'made') {
      const tags = parseVolumeTags(outcome.volume.tags)
      // With our own id in its tags it is of this very request; but it may have been deleted since the first time.
      return tags?.id !== request.id || isGoing(outcome.volume) ? undefined : { volume: outcome.volume, tags }
    }
    const mayBeOther = outcome.kind === 'limit' || this.#deps.owner.cluster !== undefined
    const looks = wasLost ? looksForLost : mayBeOther ? looksForOther : 1
    for (let look = 0; look < looks; look++) {
      const found = await this.#named.find(request, call)
      if (found !== undefined) return found
      if (look + 1 < looks) await this.#deps.pause(lookEveryMs, call.signal)
    }
    if (outcome.kind === 'token-used') return undefined
    throw new ConvoyError('unavailable', `EC2 makes no volume "${request.name}": ${outcome.reason}`, {
      hint: 'delete volumes that nobody needs (convoy doctor shows them), or ask AWS for a higher quota',
    })
  }

  /** What this call made, unless another host of the cluster was first: then that one, and ours goes. */
  async #settle(made: OwnVolume, request: CreateRequest, call: DriverCall): Promise<OwnVolume> {
    if (isGivenUp(call.journal, made.volume.id)) return this.#giveUp(made, request, call)
    const own = await this.#pending.untilAvailable(made, call)
    // Once it was settled it may hold data: then nothing is deleted here.
    if (this.#deps.owner.cluster === undefined || !isAnswerLost(call.journal)) return own
    const oldest = await this.#pending.oldestOfName(own, call)
    if (oldest.volume.id === own.volume.id) {
      await noteShown(call.journal)
      return own
    }
    call.log.warn(
      { volume: request.name, made: own.volume.id, kept: oldest.volume.id },
      'another host made this volume at the same time',
    )
    await noteGivenUp(call.journal, own.volume.id)
    return this.#giveUp(own, request, call)
  }

  async #giveUp({ volume }: OwnVolume, request: CreateRequest, call: DriverCall): Promise<OwnVolume> {
    await deleteVolume(this.#deps.api, volume.id, call.signal)
    const all = await this.#named.findAll(request.name, call)
    const other = all.find(({ volume: { id } }) => id !== volume.id)
    if (other !== undefined) return this.#takeUp(other, request, call)
    throw new ConvoyError('unavailable', `the volume "${request.name}" that another host made has just gone`, {
      hint: 'create it again',
    })
  }

  #requestOf(request: CreateRequest, spec: VolumeSpec, generation: number): VolumeRequest {
    const { owner, here } = this.#deps
    const { sizeBytes } = spec
    const tags = {
      ...request,
      ...optional('sizeBytes', sizeBytes),
      ...owner,
      origin: 'created',
      state: 'live',
    } as const
    return {
      ...spec.disk,
      token: creationToken(owner.cluster ?? owner.host, request.name, generation),
      zone: spec.zone ?? here.zone,
      tags: { ...spec.tags, ...formatVolumeTags(tags) },
    }
  }
}

/** What our journal says of a new disk: only that of a blank one may ever be formatted. */
const diskOf = ({ disk }: VolumeSpec) => (disk.snapshotId === undefined ? 'blank' : 'snapshot')

function createdOf(own: OwnVolume): CreatedVolume {
  return { handle: handleOf(own), origin: own.tags.origin, ...optional('sizeBytes', own.tags.sizeBytes) }
}
