import { ConvoyError } from '../errors.js'
import type { MountHolder } from '../host/mount-holders.js'
import { commandLineMountId, type MountReference } from '../model/mount.js'
import type { Volume } from '../model/volume.js'
import { type CoreDeps, mountPath } from './core-deps.js'

/** Whether a volume is in use, by what Docker told us and by what the kernel shows. */
export class Holding {
  readonly #deps: CoreDeps
  /** Ids of volumes that this daemon made and told nobody about. */
  readonly #neverMounted = new Set<string>()

  constructor(deps: CoreDeps) {
    this.#deps = deps
  }

  noteCreated({ id, origin }: Volume): void {
    if (origin === 'created') this.#neverMounted.add(id)
  }

  /** To be called before anybody is told where the volume is, and when it goes. */
  noteMounted({ id }: Volume): void {
    this.#neverMounted.delete(id)
  }

  /** Mounts of the volume in any namespace, besides our own. */
  of(volume: Volume): Promise<readonly MountHolder[]> {
    const { drivers, holders, policy } = this.#deps
    const directory = drivers.get(volume.driver).mountDirectory(volume)
    return holders.of(directory ?? mountPath(policy, volume.name))
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

  /**
   * ConvoyError `in-use`, by what the kernel shows. It is not asked about a volume that this daemon made and that nobody has
   * been told of.
   */
  async refuseHeld(volume: Volume): Promise<void> {
    if (this.#neverMounted.has(volume.id)) return
    const [first, ...others] = await this.of(volume)
    if (first === undefined) return
    const more = others.length === 0 ? '' : ` and ${others.length} more`
    throw new ConvoyError('in-use', `volume "${volume.name}" is still mounted by process ${first.pid}${more}`, {
      hint: 'stop the container or process that uses it first',
    })
  }
}
