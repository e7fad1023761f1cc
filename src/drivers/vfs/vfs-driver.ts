import { join, relative } from 'node:path'
import { isConvoyError } from '../../errors.js'
import { within } from '../../host/clock.js'
import type { ProjectQuota } from '../../host/project-quota.js'
import { measureTree } from '../../host/measure-tree.js'
import { removePatiently } from '../../host/patient-removal.js'
import { sourceBelow } from '../../host/volume-holders.js'
import type { CallContext, Logger } from '../../model/call-context.js'
import { optional } from '../../model/optional.js'
import { parseSizeBytes } from '../../model/size.js'
import type { Attributes, SizeLimit, VolumeHandle, VolumePlace } from '../../model/volume.js'
import type { VolumeName } from '../../model/volume-name.js'
import type {
  CreatedVolume,
  CreateRequest,
  DiscoveredVolume,
  Driver,
  DriverCall,
  MountSource,
  RemovalProgress,
  Retirement,
  StorageName,
  VolumeOnStorage,
  StorageSpace,
} from '../driver.js'
import { ownAccessPointOf, type OwnAccessPoints } from './own-access-points.js'
import { parseShare, sourceOf, withoutPlace } from './share.js'
import { withTodaysNames } from './old-share-options.js'
import { describeFault } from './sidecar.js'
import { vfsVolumeOptions } from './vfs-options.js'
import type { VfsPlace } from './vfs-place.js'
import type { VfsPlaces } from './vfs-places.js'
import {
  directoryOf,
  discovered,
  fixedImage,
  holdsMore,
  isDirectory,
  isTrashed,
  missing,
  missingDirectory,
  unlessNotFound,
} from './vfs-volume.js'

/** For a storage that has been away for long: whoever waits for it longer keeps Docker waiting for nothing. */
const lastChanceMs = 4000

export interface VfsDeps {
  readonly places: VfsPlaces
  readonly ownAccessPoints: OwnAccessPoints
  readonly defaultSizeBytes: number
  readonly quota: ProjectQuota
}

/**
 * Volumes that are directories below one directory or share. Each has a sidecar file (sidecar.ts); the sidecar is written before
 * the directory is made and removed after it is gone, so what has no sidecar is not ours.
 */
export class VfsDriver implements Driver {
  readonly name = 'vfs'
  readonly volumeOptions = vfsVolumeOptions
  readonly attachMode = 'shared'
  readonly attachment = 'stateless'
  readonly takeover = undefined
  readonly #deps: VfsDeps

  constructor(deps: VfsDeps) {
    this.#deps = deps
  }

  async create(request: CreateRequest, call: DriverCall): Promise<CreatedVolume> {
    const { places, ownAccessPoints } = this.#deps
    const options = await ownAccessPoints.provide(request, places.complete(withTodaysNames(request.options)), call)
    const make = ({ creation }: VfsPlace, begin: () => Promise<void>) =>
      creation.create(request, { texts: withoutPlace(options), begin }, call)
    return places.making(options, make, call)
  }

  async remove(volume: VolumeHandle, call: DriverCall & RemovalProgress): Promise<void> {
    const accessPoint = ownAccessPointOf(volume)
    if (accessPoint === undefined) return this.#removeData(volume, call)
    // A call that was cut short may have come further.
    const isGone = await this.#deps.ownAccessPoints.isGone(accessPoint)
    if (!isGone) await this.#removeData(volume, call)
    if (!isGone && (await this.#homeOf(volume).storage.holdsAny())) {
      call.log.warn({ volume: volume.name, accessPoint }, 'other volumes lie on the access point: it stays')
    } else await this.#removeAccessPoint(volume, accessPoint, call)
  }

  async #removeAccessPoint(volume: VolumeHandle, accessPoint: string, call: DriverCall): Promise<void> {
    const { places, ownAccessPoints } = this.#deps
    await places.forgetAccessPoint(accessPoint, volume.attributes, call)
    await ownAccessPoints.remove(volume, accessPoint)
  }

  async #removeData(volume: VolumeHandle, call: DriverCall & RemovalProgress): Promise<void> {
    const { storage, retirement } = this.#homeOf(volume)
    if (!isTrashed(volume)) await retirement.retire(volume, 'trashed').catch(unlessNotFound)
    if (!(await storage.isThere(volume))) return
    await removePatiently(storage.layout.trashedData(volume.id), call)
    await storage.run(...storage.unlink(storage.layout.trashedSidecar(volume.id)))
  }

  async attach(volume: VolumeHandle): Promise<MountSource> {
    const place = this.#homeOf(volume)
    const { longDown } = place.root
    const source = this.#attachIn(place, volume)
    if (longDown === undefined) return source
    return within(lastChanceMs, source).catch((thrown: unknown) => {
      throw isConvoyError(thrown, 'unavailable') || isConvoyError(thrown, 'deadline-exceeded') ? longDown : thrown
    })
  }

  async #attachIn({ root, storage }: VfsPlace, volume: VolumeHandle): Promise<MountSource> {
    if (root.source === undefined) await root.find()
    const path = storage.layout.data(directoryOf(volume))
    const look = [path, storage.layout.internal].map((one) => ({ op: 'stat', path: one }) as const)
    const asked = storage.run(...look, { op: 'statfs', path: root.path })
    const [status, internal] = await asked.catch(async (thrown: unknown) => {
      throw await storage.reasonFor(thrown)
    })
    if (!isDirectory(status, path)) throw missingDirectory(volume, path, internal !== null)
    const image = volume.attributes['imageBytes']
    if (image !== undefined) {
      await storage.run({ op: 'make-sparse', path: join(path, 'disk.img'), sizeBytes: parseSizeBytes(image) })
    }
    return { kind: 'directory', path }
  }

  placeOf(volume: VolumeHandle): VolumePlace {
    const { root, storage } = this.#homeOf(volume)
    const path = storage.layout.currentData(volume)
    const { source } = root
    if (source === undefined) return { path }
    return { path, source: sourceBelow(source, relative(root.path, path)), ...optional('servers', root.servers) }
  }

  storageOf(volume: VolumeHandle): StorageName {
    return this.#deps.places.nameOf(volume.attributes)
  }

  detach(): Promise<void> {
    return Promise.resolve()
  }

  async retire(volume: VolumeHandle, as: Retirement, call: DriverCall): Promise<VolumeHandle> {
    // The handle of a volume whose create failed says nothing yet.
    const isDraft = volume.attributes['directory'] === undefined
    if (!isDraft) return this.#homeOf(volume).retirement.retire(volume, as)
    try {
      return await this.#retireDraft(volume, as, call)
    } catch (thrown) {
      const made = isConvoyError(thrown, 'not-found')
        ? await this.#deps.ownAccessPoints.findMade(volume, call)
        : undefined
      if (made !== undefined) await this.#removeAccessPoint(volume, made, call)
      throw thrown
    }
  }

  async #retireDraft(volume: VolumeHandle, as: Retirement, { journal }: DriverCall): Promise<VolumeHandle> {
    const place = this.#deps.places.for(journal.notes)
    if (place.root.source !== undefined && journal.notes['begun'] === undefined) return missing(volume)
    return place.retirement.retire(volume, as)
  }

  async revive(volume: VolumeHandle, name: VolumeName): Promise<VolumeHandle> {
    return this.#homeOf(volume).retirement.revive(volume, name)
  }

  async resize(volume: VolumeHandle, sizeBytes: number, call: DriverCall): Promise<VolumeHandle> {
    const { quota } = this.#deps
    const { storage } = this.#homeOf(volume)
    const sidecar = await storage.sidecarOf(volume)
    if (volume.attributes['imageBytes'] !== undefined) throw fixedImage(volume)
    if (sidecar.quotaProject !== undefined) {
      const usedBytes = await this.usage(volume, call)
      if (usedBytes > sizeBytes) throw holdsMore(volume, usedBytes)
      await quota.limit(storage.layout.currentData(volume), sidecar.quotaProject, sizeBytes)
    }
    await storage.run(...storage.rewrite({ ...sidecar, sizeBytes }))
    return storage.handleOf(sidecar)
  }

  async usage(volume: VolumeHandle, { signal }: CallContext): Promise<number> {
    const { root, storage } = this.#homeOf(volume)
    await root.find()
    // What hangs already is found out soon.
    await storage.run({ op: 'statfs', path: root.path })
    return measureTree(storage.layout.currentData(volume), signal)
  }

  storages(log: Logger): readonly StorageName[] {
    return this.#deps.places.names(log)
  }

  async *discover(storage: StorageName, call: CallContext): AsyncIterable<DiscoveredVolume> {
    for (const place of this.#deps.places.named(storage)) yield* discoverIn(place, call)
  }

  async leaveUnused(volumes: Iterable<VolumeOnStorage>, call: CallContext): Promise<void> {
    const used = new Set<StorageName>()
    for (const { attributes, options } of volumes) {
      // One that is being made has no attributes yet.
      used.add(sourceOf(attributes) ?? parseShare(withTodaysNames(options))?.source)
    }
    await this.#deps.places.leaveUnused(used, call)
  }

  async inspect(volume: VolumeHandle): Promise<Attributes> {
    const { root, storage } = this.#homeOf(volume)
    return {
      Path: storage.layout.data(directoryOf(volume)),
      PrepareForVM: String(volume.attributes['imageBytes'] !== undefined),
      SizeEnforced: String((await this.limitOf(volume)) === 'hard'),
      ...root.describe(),
    }
  }

  remarks(volume: VolumeHandle): Attributes {
    return this.#homeOf(volume).ownership.remarks
  }

  async limitOf(volume: VolumeHandle): Promise<SizeLimit> {
    const { quotaProject, imageBytes } = volume.attributes
    // The size of a disk image.
    if (imageBytes !== undefined) return 'none'
    if (quotaProject === undefined) return 'soft'
    const path = this.#homeOf(volume).storage.layout.data(directoryOf(volume))
    return (await this.#deps.quota.isEnforced(path)) ? 'hard' : 'soft'
  }

  async *spaces({ log }: CallContext): AsyncIterable<StorageSpace> {
    for (const place of this.#deps.places.opened.filter(({ root }) => root.isThere)) {
      try {
        yield* [(await place.space()) ?? []].flat()
      } catch (thrown) {
        log.debug(
          { storage: place.root.source ?? place.root.path, err: thrown },
          'a storage does not say how full it is',
        )
      }
    }
  }

  describe(): Attributes {
    const { places, defaultSizeBytes } = this.#deps
    const { root, storage } = places.main
    const common = { Root: storage.layout.internal, Path: root.path, DefaultVolumeSize: String(defaultSizeBytes) }
    return { ...common, ...root.describe() }
  }

  snapshots(): undefined {
    return undefined
  }

  close(): Promise<void> {
    this.#deps.places.close()
    return Promise.resolve()
  }

  #homeOf(volume: VolumeHandle): VfsPlace {
    return this.#deps.places.for(volume.attributes)
  }
}

async function* discoverIn({ root, storage }: VfsPlace, { log }: CallContext): AsyncIterable<DiscoveredVolume> {
  await root.find()
  for (const which of ['volumes', 'trash'] as const) {
    for await (const { path, text, sidecar } of storage.list(which)) {
      if (sidecar === undefined) log.warn({ file: path, ...describeFault(text) }, 'not a sidecar file: left alone')
      else yield discovered(sidecar, storage.handleOf(sidecar))
    }
  }
}
