import { join, relative } from 'node:path'
import { isConvoyError } from '../../errors.js'
import { within } from '../../host/clock.js'
import { runChecked } from '../../host/exec.js'
import type { ProjectQuota } from '../../host/project-quota.js'
import { removeTree } from '../../host/remove-tree.js'
import { sourceBelow } from '../../host/volume-holders.js'
import type { CallContext } from '../../model/call-context.js'
import { optional } from '../../model/optional.js'
import { parseSizeBytes } from '../../model/size.js'
import type { Attributes, VolumeHandle, VolumePlace } from '../../model/volume.js'
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
} from '../driver.js'
import { ownAccessPointOf, type OwnAccessPoints } from './own-access-points.js'
import { sourceOf, withoutPlace } from './share.js'
import { withTodaysNames } from './old-share-options.js'
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

/** A tree of millions of files on a slow disk. */
const usageTimeoutMs = 10 * 60_000
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
  readonly #deps: VfsDeps

  constructor(deps: VfsDeps) {
    this.#deps = deps
  }

  async create(request: CreateRequest, call: DriverCall): Promise<CreatedVolume> {
    const { places, ownAccessPoints } = this.#deps
    const options = await ownAccessPoints.provide(request, places.complete(withTodaysNames(request.options)), call)
    const place = await places.choose(options)
    return place.creation.create(request, withoutPlace(options), call)
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
    await removeTree(storage.layout.trashedData(volume.id), call)
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
    const ask = root.source === undefined ? [] : [{ op: 'statfs', path: root.path } as const]
    const look = [path, storage.layout.internal].map((one) => ({ op: 'stat', path: one }) as const)
    const [status, internal] = await storage.run(...look, ...ask)
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

  storageOf(volume: VolumeHandle): string | undefined {
    return sourceOf(volume.attributes)
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
    const options = { timeoutMs: usageTimeoutMs, signal }
    const path = storage.layout.currentData(volume)
    const { stdout } = await runChecked('du', ['-skx', '--', path], options, 'unavailable')
    return Number.parseInt(stdout, 10) * 1024
  }

  async *discover(call: CallContext): AsyncIterable<DiscoveredVolume> {
    for (const place of this.#deps.places.all(call.log)) yield* discoverIn(place, call)
  }

  async inspect(volume: VolumeHandle): Promise<Attributes> {
    const { root, storage } = this.#homeOf(volume)
    const path = storage.layout.data(directoryOf(volume))
    const isLimited = volume.attributes['quotaProject'] !== undefined && (await this.#deps.quota.isEnforced(path))
    return {
      Path: path,
      PrepareForVM: String(volume.attributes['imageBytes'] !== undefined),
      SizeEnforced: String(isLimited),
      ...root.describe(),
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
    for await (const { path, sidecar } of storage.list(which)) {
      if (sidecar === undefined) log.warn({ file: path }, 'not a sidecar file: left alone')
      else yield discovered(sidecar, storage.handleOf(sidecar))
    }
  }
}
