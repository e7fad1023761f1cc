import { ConvoyError, isConvoyError } from '../../errors.js'
import type { CallContext } from '../../model/call-context.js'
import { optional } from '../../model/optional.js'
import { parseFileMode } from '../../model/options.js'
import type { Attributes, VolumeHandle } from '../../model/volume.js'
import type { DriverCall } from '../driver.js'
import type { AccessPoint, AccessPointRequest, EfsApi } from './efs-api.js'
import { ownAccessPoint } from './efs-file-system.js'
import { vfsVolumeOptions } from './vfs-options.js'

export interface OwnAccessPointsDeps {
  readonly api: EfsApi
  readonly hostId: string
  readonly pause: (ms: number, signal: AbortSignal) => Promise<void>
}

type Owner = Pick<VolumeHandle, 'name' | 'id'>

/** Notes of a volume's journal: of which file system an access point is being made, and the one that was made. */
const notes = { intent: 'makesaccesspoint', made: 'madeaccesspoint' } as const
const idTag = 'convoy:id'
const pollMs = 1000
const mostPolls = 60

/** The access points that convoy makes, one for a volume that asks for it, and deletes with the volume. */
export class OwnAccessPoints {
  readonly #deps: OwnAccessPointsDeps

  constructor(deps: OwnAccessPointsDeps) {
    this.#deps = deps
  }

  /**
   * The options of a volume, with the access point that was made for it in place of `auto`. Its intent is durable before it is
   * made, so that {@link findMade} finds it.
   */
  async provide(volume: Owner, options: Attributes, call: DriverCall): Promise<Attributes> {
    const { efs, accesspoint, uid, gid, ...others } = options
    if (efs === undefined || accesspoint !== ownAccessPoint) return options
    const { journal } = call
    const isRepeated = journal.notes[notes.intent] !== undefined
    await journal.write({ ...journal.notes, [notes.intent]: efs })
    const earlier = isRepeated ? await this.#find(volume, efs) : undefined
    const { id } = earlier ?? (await this.#make(this.#requestFor(volume, efs, options), call))
    await journal.write({ ...journal.notes, [notes.made]: id })
    await this.#untilAvailable(id, call)
    // Whoever writes by way of it is its user: it owns what is made, and may give it to nobody else.
    const isUser = uid !== undefined && gid !== undefined
    const owner = isUser ? {} : { ...optional('uid', uid), ...optional('gid', gid) }
    return { ...others, ...owner, efs, accesspoint: id, ownaccesspoint: 'true' }
  }

  /** The access point that a create which failed has made for the volume. */
  async findMade(volume: Owner, { journal }: DriverCall): Promise<string | undefined> {
    const fileSystem = journal.notes[notes.intent]
    if (fileSystem === undefined) return undefined
    return journal.notes[notes.made] ?? (await this.#find(volume, fileSystem))?.id
  }

  async isGone(id: string): Promise<boolean> {
    return (await this.#deps.api.findAccessPoint(id)) === undefined
  }

  /** Only what bears our tag, with the id of that volume. */
  async remove({ id: volumeId }: Owner, id: string): Promise<void> {
    const { api } = this.#deps
    const found = await api.findAccessPoint(id)
    if (found?.tags[idTag] === volumeId) await api.deleteAccessPoint(id)
  }

  async #make(request: AccessPointRequest, { journal }: DriverCall): Promise<AccessPoint> {
    try {
      return await this.#deps.api.createAccessPoint(request)
    } catch (thrown) {
      // Refused, and so nothing was made: to undo that must not need what is missing here.
      if (isConvoyError(thrown, 'invalid-argument') || isConvoyError(thrown, 'not-found')) {
        const { [notes.intent]: intent, ...before } = journal.notes
        await journal.write(before)
      }
      throw thrown
    }
  }

  async #find({ id }: Owner, fileSystem: string): Promise<AccessPoint | undefined> {
    const all = await this.#deps.api.accessPointsOf(fileSystem)
    return all.find(({ tags, state }) => tags[idTag] === id && !state.startsWith('delet'))
  }

  #requestFor({ name, id }: Owner, fileSystem: string, options: Attributes): AccessPointRequest {
    const read = (option: 'uid' | 'gid') =>
      options[option] === undefined ? undefined : vfsVolumeOptions[option].parse(options[option])
    const [uid, gid] = [read('uid'), read('gid')]
    const mode = options['mode'] === undefined ? vfsVolumeOptions.mode.default : parseFileMode(options['mode'])
    return {
      fileSystem,
      token: id,
      directory: { path: `/convoy-${id}`, uid: uid ?? 0, gid: gid ?? 0, mode: mode.toString(8).padStart(4, '0') },
      user: uid === undefined || gid === undefined ? undefined : { uid, gid },
      tags: { Name: name, 'convoy:name': name, [idTag]: id, 'convoy:host': this.#deps.hostId },
    }
  }

  async #untilAvailable(id: string, { signal }: CallContext): Promise<void> {
    let state: string | undefined = 'creating'
    for (let polls = 0; polls < mostPolls && state === 'creating'; polls++) {
      if (polls > 0) await this.#deps.pause(pollMs, signal)
      signal.throwIfAborted()
      // Not found so soon after it was made is not gone: other machines of AWS answer.
      state = (await this.#deps.api.findAccessPoint(id))?.state ?? 'creating'
      if (state === 'available') return
    }
    throw new ConvoyError('unavailable', `the access point ${id} does not become available: it is "${state}"`, {
      hint: `see aws efs describe-access-points --access-point-id ${id}, and create the volume again`,
    })
  }
}

/** The access point that convoy made for this volume alone. */
export function ownAccessPointOf({ attributes }: VolumeHandle): string | undefined {
  return attributes['ownaccesspoint'] === 'true' ? attributes['accesspoint'] : undefined
}
