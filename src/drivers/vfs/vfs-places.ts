import { ConvoyError } from '../../errors.js'
import { optional } from '../../model/optional.js'
import type { Attributes } from '../../model/volume.js'
import type { CallContext, Logger } from '../../model/call-context.js'
import type { StorageName } from '../driver.js'
import type { KnownShares } from './known-shares.js'
import { type NfsShare, parseNfsShare } from './nfs-share.js'
import type { VfsPlace } from './vfs-place.js'

export interface VfsPlacesDeps {
  /** Where volumes are that name no share. */
  readonly main: VfsPlace
  /** The share that the main place is on, if this daemon mounts it. */
  readonly mainShare: NfsShare | undefined
  readonly known: KnownShares
  /** `where`: the attributes of handles that lead to it. */
  readonly openShare: (share: NfsShare, where: Attributes) => VfsPlace
}

/** Where the volumes of this driver are: one main place, and the shares of volumes that name their own. */
export class VfsPlaces {
  readonly #deps: VfsPlacesDeps
  readonly #shares = new Map<string, VfsPlace>()
  /** Shares that volumes have been made on since they were last about to be left. */
  readonly #chosen = new Set<string>()

  constructor(deps: VfsPlacesDeps) {
    this.#deps = deps
  }

  get main(): VfsPlace {
    return this.#deps.main
  }

  /** By the options of a volume, or by the attributes that its handle has of them. The same share is the same place. */
  for({ share: source, mountoptions }: Attributes): VfsPlace {
    if (source === undefined) return this.main
    const share = parseNfsShare(source, mountoptions)
    if (share.id === this.#deps.mainShare?.id) return this.main
    const known = this.#shares.get(share.id)
    if (known !== undefined) return known
    const opened = this.#deps.openShare(share, { share: source, ...optional('mountoptions', mountoptions) })
    this.#shares.set(share.id, opened)
    return opened
  }

  /** Those that something was asked of. */
  get opened(): readonly VfsPlace[] {
    return [this.main, ...this.#shares.values()]
  }

  /**
   * Where a volume with these options is to be made. A share that it names without saying how is mounted as it is for others;
   * ConvoyError `invalid-argument` when it says something else than they do.
   */
  async choose(options: Attributes): Promise<VfsPlace> {
    const { main, mainShare, known } = this.#deps
    if (options['share'] === undefined) return main
    const wanted = parseNfsShare(options['share'], options['mountoptions'])
    if (mainShare?.source === wanted.source) {
      refuseOther(mainShare, wanted, options)
      return main
    }
    this.#chosen.add(wanted.source)
    const before = known.list().find(({ share }) => share === wanted.source)
    if (before !== undefined) refuseOther(parseNfsShare(wanted.source, before['mountoptions']), wanted, options)
    const where = before ?? { share: wanted.source, ...optional('mountoptions', options['mountoptions']) }
    // A ledger that was lost will be rebuilt from there.
    await known.add(where)
    return this.for(where)
  }

  /** Of the place that volumes with these attributes are in: the share that they name, unless it is that of the daemon. */
  nameOf(attributes: Attributes): StorageName {
    return this.for(attributes) === this.main ? undefined : attributes['share']
  }

  /** Of all places that may hold volumes. */
  names(log: Logger): readonly StorageName[] {
    const shares = this.#deps.known.list().map((where) => {
      try {
        return this.nameOf(where)
      } catch (thrown) {
        log.warn({ ...where, err: thrown }, 'a share that volumes were on cannot be looked at')
        return undefined
      }
    })
    return [...new Set([undefined, ...shares])]
  }

  named(name: StorageName): readonly VfsPlace[] {
    if (name === undefined) return [this.main]
    return this.#deps.known.list().flatMap((where) => (where['share'] === name ? [this.for(where)] : []))
  }

  /** Unmounts and forgets the shares that are not among these. */
  async leaveUnused(used: ReadonlySet<StorageName>, call: CallContext): Promise<void> {
    for (const where of this.#deps.known.list().filter(({ share }) => !used.has(share))) {
      try {
        await this.#leave(where, call)
      } catch (thrown) {
        call.log.warn({ ...where, err: thrown }, 'a share that no volume is on any more stays mounted for now')
      }
    }
  }

  async #leave(where: Attributes, call: CallContext): Promise<void> {
    const { id, source } = parseNfsShare(where['share'] ?? '', where['mountoptions'])
    const place = this.for(where)
    this.#chosen.delete(source)
    if (place !== this.main) await place.root.leave(call)
    // A volume is being made there by now.
    if (this.#chosen.has(source)) return
    this.#deps.known.remove(where)
    this.#shares.delete(id)
    if (place !== this.main) place.close()
    call.log.info({ ...where }, 'a share that no volume is on any more is not mounted any longer')
  }

  close(): void {
    for (const place of this.opened) place.close()
  }
}

function refuseOther(known: NfsShare, wanted: NfsShare, { mountoptions }: Attributes): void {
  if (mountoptions === undefined || known.id === wanted.id) return
  const describe = ({ options, versions }: NfsShare) => `${options.join(',')}, NFS ${versions.join(' or ')}`
  throw new ConvoyError(
    'invalid-argument',
    `the share ${known.source} is mounted with ${describe(known)}, not with ${describe(wanted)}`,
    { hint: 'leave mountoptions out, or give what the other volumes there have' },
  )
}
