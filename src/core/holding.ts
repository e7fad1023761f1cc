import { ConvoyError } from '../errors.js'
import type { MountHolder } from '../host/mount-holders.js'
import { commandLineMountId, type MountReference } from '../model/mount.js'
import type { TrashedVolume, Volume, VolumePlace } from '../model/volume.js'
import { type CoreDeps, mountPath } from './core-deps.js'

/** Whether a volume is in use, by what Docker told us and by what the kernel shows. */
export class Holding {
  readonly #deps: CoreDeps
  /** Ids of volumes that nobody has been told of since this daemon made them, or since the kernel showed that nobody held them. */
  readonly #free = new Set<string>()
  /** Volumes whose last mount was given back, by id: the kernel is to be asked about them. */
  readonly #released = new Map<string, Volume>()

  constructor(deps: CoreDeps) {
    this.#deps = deps
  }

  noteCreated({ id, origin }: Volume): void {
    if (origin === 'created') this.#free.add(id)
  }

  /** To be called before anybody is told where the volume is, and when it goes. */
  noteMounted({ id }: Volume): void {
    this.#free.delete(id)
    this.#released.delete(id)
  }

  /** The last mount was given back: the kernel is asked soon, so that a removal, which often comes next, need not wait for it. */
  noteReleased(volume: Volume): void {
    if (this.#released.size === 0) this.#deps.soon(() => void this.#askAboutReleased())
    this.#released.set(volume.id, volume)
  }

  /** Mounts of the volume in any namespace, besides our own. */
  async of(volume: Volume): Promise<readonly MountHolder[]> {
    return this.#at(this.#placeOf(volume))
  }

  /** Those of the volumes that somebody mounts. */
  async heldAmong(volumes: readonly Volume[]): Promise<ReadonlySet<Volume>> {
    const found = await this.#deps.holders.ofEach(volumes.map((volume) => this.#placeOf(volume)))
    return new Set(volumes.filter((_, index) => found[index]?.length !== 0))
  }

  /** Mounts of a deleted volume's data, in any namespace: whoever knows its directory can mount it without asking us. */
  async ofTrashed(volume: TrashedVolume): Promise<readonly MountHolder[]> {
    const place = this.#deps.drivers.get(volume.driver).placeOf(volume)
    return place === undefined ? [] : this.#at(place)
  }

  /** References of the engine that runs now, and the command line's; older ones hold only what the kernel confirms. */
  current(volume: Volume): readonly MountReference[] {
    const { ledger } = this.#deps
    const isCurrent = ({ id, epoch }: MountReference) => epoch === ledger.epoch || id === commandLineMountId
    return [...ledger.mountsOf(volume.name).values()].filter(isCurrent)
  }

  /** ConvoyError `in-use`, by what we were told. */
  refuseReferenced(volume: Volume): void {
    const references = this.#deps.holders.seesEveryNamespace()
      ? this.current(volume)
      : [...this.#deps.ledger.mountsOf(volume.name).values()]
    if (references.length === 0) return
    const ids = references.map(({ id }) => id.slice(0, 12)).join(', ')
    throw new ConvoyError('in-use', `volume "${volume.name}" is mounted (${ids})`, {
      hint: 'stop the containers that use it first',
    })
  }

  /** ConvoyError `in-use`, by what the kernel shows. It is not asked again where nothing can have changed since. */
  async refuseHeld(volume: Volume): Promise<void> {
    if (this.#released.has(volume.id)) await this.#askAboutReleased()
    if (this.#free.has(volume.id)) return
    const [first, ...others] = await this.of(volume)
    if (first === undefined) return
    const more = others.length === 0 ? '' : ` and ${others.length} more`
    throw new ConvoyError('in-use', `volume "${volume.name}" is still mounted by process ${first.pid}${more}`, {
      hint: 'stop the container or process that uses it first',
    })
  }

  /** One look for all of them. What fails is asked again when it matters. */
  async #askAboutReleased(): Promise<void> {
    const asked = [...this.#released]
    if (asked.length === 0) return
    const held = await this.heldAmong(asked.map(([, volume]) => volume)).catch(() => undefined)
    for (const [id, volume] of asked) {
      if (this.#released.get(id) !== volume) continue
      this.#released.delete(id)
      if (held?.has(volume) === false) this.#free.add(id)
    }
  }

  async #at(place: VolumePlace): Promise<readonly MountHolder[]> {
    return (await this.#deps.holders.ofEach([place]))[0] ?? []
  }

  #placeOf(volume: Volume): VolumePlace {
    const { drivers, policy } = this.#deps
    return drivers.get(volume.driver).placeOf(volume) ?? { path: mountPath(policy, volume.name) }
  }
}
