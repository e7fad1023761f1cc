import { ConvoyError } from '../../errors.js'
import type { CallContext, Logger } from '../../model/call-context.js'
import { optional } from '../../model/optional.js'
import type { Attributes } from '../../model/volume.js'
import type { StorageName } from '../driver.js'
import { withoutAccessPoint } from './efs-file-system.js'
import type { KnownShares } from './known-shares.js'
import { parseShare, type Share, sourceOf } from './share.js'
import type { VfsPlace } from './vfs-place.js'

export interface VfsPlacesDeps {
  /** Where volumes are that name no share. */
  readonly main: VfsPlace
  /** The share that the main place is on, if this daemon mounts it. */
  readonly mainShare: Share | undefined
  readonly known: KnownShares
  readonly openShare: (share: Share) => VfsPlace
}

/** Where the volumes of this driver are: one main place, and the shares of volumes that name their own. */
export class VfsPlaces {
  readonly #deps: VfsPlacesDeps
  readonly #shares = new Map<string, VfsPlace>()
  /** The shares on which volumes are being made, one entry for each. */
  readonly #making = new Set<Share>()
  /** Those, and all on which volumes have been made since unused ones were last looked for. */
  #chosen = new Set<string>()
  /** Shares that are being unmounted, by their ids. */
  readonly #leaving = new Map<string, Promise<void>>()

  constructor(deps: VfsPlacesDeps) {
    this.#deps = deps
  }

  get main(): VfsPlace {
    return this.#deps.main
  }

  /** By the options of a volume, or by the attributes that its handle has of them. The same share is the same place. */
  for(attributes: Attributes): VfsPlace {
    const share = parseShare(attributes)
    if (share === undefined || share.id === this.#deps.mainShare?.id) return this.main
    const known = this.#shares.get(share.id)
    if (known !== undefined) return known
    const opened = this.#deps.openShare(share)
    this.#shares.set(share.id, opened)
    return opened
  }

  /** Those that something was asked of. */
  get opened(): readonly VfsPlace[] {
    return [this.main, ...this.#shares.values()]
  }

  /**
   * The options of a volume with the file system that its access point is on, if it does not say. ConvoyError `invalid-argument`
   * when they cannot go together.
   */
  complete(options: Attributes): Attributes {
    const main = this.#deps.mainShare?.where
    const isOfMain = options['efs'] === undefined && options['accesspoint'] !== undefined
    if (isOfMain && (main?.['efs'] === undefined || options['share'] !== undefined)) throw withoutFileSystem()
    const mountoptions = withoutAccessPoint(main?.['mountoptions'])
    const completed = isOfMain ? { ...main, ...optional('mountoptions', mountoptions), ...options } : options
    parseShare(completed)
    return completed
  }

  /**
   * Makes a volume with these options where they say: `make` acts there, and calls `begin` before it changes anything. A share that
   * they name without saying how is mounted as it is for others; ConvoyError `invalid-argument` when they say something else than
   * the others do. A share on which nothing was begun is let go.
   */
  async making<T>(
    options: Attributes,
    make: (place: VfsPlace, begin: () => Promise<void>) => Promise<T>,
    call: CallContext,
  ): Promise<T> {
    const share = this.#choose(options)
    if (share === undefined) return make(this.main, () => Promise.resolve())
    this.#making.add(share)
    this.#chosen.add(share.source)
    // A ledger that was lost will be rebuilt from there.
    const begin = () => this.#deps.known.add(share.where)
    try {
      await this.#leaving.get(share.id)?.catch(() => undefined)
      // An access point was made before its share is mounted: to undo that it has to be known already.
      if (share.where['ownaccesspoint'] !== undefined) await begin()
      return await make(this.for(share.where), begin)
    } catch (thrown) {
      this.#making.delete(share)
      await this.#leaveUseless(share, call)
      throw thrown
    } finally {
      this.#making.delete(share)
    }
  }

  async #leaveUseless(share: Share, call: CallContext): Promise<void> {
    const { known } = this.#deps
    const isUsed = known.find(share.source) !== undefined || [...this.#making].some(({ id }) => id === share.id)
    if (isUsed) return
    await this.#unmount(share, call).catch((thrown: unknown) => {
      call.log.warn({ ...share.where, err: thrown }, 'a share that no volume is on stays mounted')
    })
  }

  /** Whoever needs it from now on opens it anew. ConvoyError `in-use` while somebody uses the mount itself. */
  async #unmount({ id, where }: Share, call: CallContext): Promise<void> {
    const place = this.for(where)
    this.#shares.delete(id)
    const leaving = place.root.leave(call).finally(() => {
      this.#leaving.delete(id)
      place.close()
    })
    this.#leaving.set(id, leaving)
    await leaving
  }

  /** None for the main place. */
  #choose(options: Attributes): Share | undefined {
    const { mainShare, known } = this.#deps
    const wanted = parseShare(options)
    if (wanted === undefined) return undefined
    const before = known.find(wanted.source)
    const other = [...this.#making].find(({ source }) => source === wanted.source)
    const isMain = mainShare?.source === wanted.source
    const share = isMain ? mainShare : ((before === undefined ? undefined : parseShare(before)) ?? other ?? wanted)
    refuseOther(share, wanted, options)
    // Each create has an entry of its own.
    return isMain ? undefined : { ...share }
  }

  /** Unmounts it, and does not look there again. `attributes`: of the handle that leads to it, if it has them. */
  async forgetAccessPoint(accessPoint: string, attributes: Attributes, call: CallContext): Promise<void> {
    const { known } = this.#deps
    for (const where of [...known.list(), attributes].filter((one) => one['accesspoint'] === accessPoint)) {
      const share = parseShare(where)
      if (share === undefined || this.for(where) === this.main) continue
      await this.#unmount(share, call)
      known.remove(where)
    }
  }

  /** Of the place that volumes with these attributes are in: the share that they name, unless it is that of the daemon. */
  nameOf(attributes: Attributes): StorageName {
    return this.for(attributes) === this.main ? undefined : sourceOf(attributes)
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
    return this.#deps.known.list().flatMap((where) => (sourceOf(where) === name ? [this.for(where)] : []))
  }

  /** Unmounts and forgets the shares that are not among these. */
  async leaveUnused(used: ReadonlySet<StorageName>, call: CallContext): Promise<void> {
    this.#chosen = new Set([...this.#making].map(({ source }) => source))
    const opened = [...this.#shares.values()].map(({ storage }) => storage.where)
    const all = new Map([...this.#deps.known.list(), ...opened].map((where) => [JSON.stringify(where), where]))
    for (const where of [...all.values()].filter((one) => !used.has(sourceOf(one)))) {
      try {
        await this.#leave(where, call)
      } catch (thrown) {
        call.log.warn({ ...where, err: thrown }, 'a share that no volume is on any more stays mounted for now')
      }
    }
  }

  /** Unless a volume is being made there, or was since the others were looked at. */
  async #leave(where: Attributes, call: CallContext): Promise<void> {
    const share = parseShare(where)
    if (share === undefined || this.#chosen.has(share.source)) return
    if (this.for(where) !== this.main) await this.#unmount(share, call)
    if (this.#chosen.has(share.source)) return
    this.#deps.known.remove(where)
    call.log.info({ ...where }, 'a share that no volume is on any more is not mounted any longer')
  }

  close(): void {
    for (const place of this.opened) place.close()
  }
}

function withoutFileSystem(): ConvoyError {
  return new ConvoyError('invalid-argument', 'accesspoint needs a file system of EFS', {
    hint: 'name it too: efs=fs-0123456789abcdef0; or start the daemon with vfs.efs',
  })
}

function refuseOther(known: Share, wanted: Share, { mountoptions }: Attributes): void {
  if (mountoptions === undefined || known.id === wanted.id) return
  const describe = ({ options, versions }: Share) => `${options.join(',')}, NFS ${versions.join(' or ')}`
  throw new ConvoyError(
    'invalid-argument',
    `the share ${known.source} is mounted with ${describe(known)}, not with ${describe(wanted)}`,
    { hint: 'leave mountoptions out, or give what the other volumes there have' },
  )
}
