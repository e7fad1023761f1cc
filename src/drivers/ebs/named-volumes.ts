import { ConvoyError } from '../../errors.js'
import type { VolumeName } from '../../model/volume-name.js'
import type { CreateRequest, DriverCall } from '../driver.js'
import type { EbsDeps } from './ebs-deps.js'
import { type OwnVolume, ownAmong } from './ebs-volume.js'
import type { Ec2Volume } from './ec2-api.js'
import { lookEveryMs } from './look-until.js'
import { nameTag, ownerTags, parseVolumeTags } from './volume-tags.js'

/** After that no host still thinks about which of several volumes of a name stays. */
const settledMs = 120_000

/** Volumes by their names: of the cluster, or without one those that this host made. */
export class NamedVolumes {
  readonly #deps: Pick<EbsDeps, 'api' | 'here' | 'now' | 'owner' | 'pause'>

  constructor(deps: Pick<EbsDeps, 'api' | 'here' | 'now' | 'owner' | 'pause'>) {
    this.#deps = deps
  }

  /**
   * The volume with this id, or the one of that name. ConvoyError `already-exists` when there are several, or when another host has
   * a free one of that name.
   */
  async find({ id, name }: Pick<CreateRequest, 'id' | 'name'>, call: DriverCall): Promise<OwnVolume | undefined> {
    for (;;) {
      const named = await this.#ask(name, call)
      const own = this.#liveAmong(named)
      const marked = own.filter(({ tags }) => tags.id === id)
      const found = marked.length > 0 ? marked : own
      if (found.length === 0) this.#refuseOthers(name, named)
      if (found.length <= 1) return found[0]
      // Hosts that made one each are about to settle on one of them.
      if (call.signal.aborted || !found.some((one) => this.#isYoung(one))) throw several(name, found)
      await this.#deps.pause(lookEveryMs, call.signal)
    }
  }

  /** All of that name that are not in the trash, the oldest first; the same order on every host. */
  async findAll(name: VolumeName, call: DriverCall): Promise<readonly OwnVolume[]> {
    return [...this.#liveAmong(await this.#ask(name, call))].sort(byAge)
  }

  #isYoung({ volume }: OwnVolume): boolean {
    return Math.abs(this.#deps.now().getTime() - Date.parse(volume.createdAt)) < settledMs
  }

  #ask(name: VolumeName, { signal }: DriverCall): Promise<readonly Ec2Volume[]> {
    const { api, owner } = this.#deps
    const ofCluster = owner.cluster === undefined ? {} : ownerTags(owner)
    return api.findVolumes({ ...nameTag(name), ...ofCluster }, signal)
  }

  #liveAmong(named: readonly Ec2Volume[]): readonly OwnVolume[] {
    return ownAmong(named, this.#deps.owner).filter(({ tags }) => tags.state !== 'trashed')
  }

  /** Without a cluster a name alone does not say that a volume of another host is meant. */
  #refuseOthers(name: VolumeName, named: readonly Ec2Volume[]): void {
    const { here, owner } = this.#deps
    if (owner.cluster !== undefined) return
    for (const { id, state, zone, tags } of named) {
      const parsed = parseVolumeTags(tags)
      if (state !== 'available' || zone !== here.zone || parsed === undefined || parsed.state === 'trashed') continue
      const { cluster, host } = parsed
      const maker = cluster === undefined ? `host ${host}` : `cluster ${cluster}`
      throw new ConvoyError('already-exists', `${id} is a free volume "${name}" that ${maker} made`, {
        hint:
          cluster === undefined
            ? `to take it over: -o id=${id}; to share volumes between hosts: start convoy with the same --cluster on each`
            : `to share the volumes of that cluster: start convoy with --cluster ${cluster}; or use another name`,
      })
    }
  }
}

function several(name: VolumeName, found: readonly OwnVolume[]): ConvoyError {
  return new ConvoyError('already-exists', `there are several volumes "${name}": ${found.map(describe).join(', ')}`, {
    hint: 'change the tag convoy:name of the wrong ones, or take over the right one under another name: -o id=vol-…',
  })
}

const byAge = (a: OwnVolume, b: OwnVolume) =>
  a.volume.createdAt.localeCompare(b.volume.createdAt) || a.volume.id.localeCompare(b.volume.id)

const describe = ({ volume, tags }: OwnVolume) =>
  `${volume.id} (${volume.state}, ${volume.sizeGib} GiB, made ${volume.createdAt} by ${tags.host})`
