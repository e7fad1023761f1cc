import { ConvoyError } from '../../errors.js'
import type { VolumeHandle } from '../../model/volume.js'
import type { VolumeName } from '../../model/volume-name.js'
import type { Retirement } from '../driver.js'
import type { Sidecar } from './sidecar.js'
import type { VfsStorage } from './vfs-storage.js'
import { missing, nameTaken, readSidecar, withoutRetirement } from './vfs-volume.js'

interface RetirementDeps {
  readonly storage: VfsStorage
  readonly now: () => Date
}

/**
 * How volumes leave and come back. Forgetting rewrites the sidecar. Trashing goes in three steps: the trash's sidecar, the data,
 * the old sidecar; and back the other way. Each step may find itself done already.
 */
export class VfsRetirement {
  readonly #deps: RetirementDeps

  constructor(deps: RetirementDeps) {
    this.#deps = deps
  }

  retire(volume: VolumeHandle, as: Retirement): Promise<VolumeHandle> {
    return as === 'forgotten' ? this.#forget(volume) : this.#trash(volume)
  }

  async #forget(volume: VolumeHandle): Promise<VolumeHandle> {
    const { storage, now } = this.#deps
    if (await storage.forget(volume, now().toISOString())) return volume
    await storage.sidecarOf(volume)
    return missing(volume)
  }

  async #trash(volume: VolumeHandle): Promise<VolumeHandle> {
    const { storage, now } = this.#deps
    const [own, trashed] = await this.#sidecarsOf(volume, volume.name)
    if (own === undefined && trashed === undefined) await storage.isThere(volume)
    if (own === undefined) return trashed === undefined ? missing(volume) : this.#inTrash(volume)
    const retired: Sidecar = { ...own, state: 'trashed', retiredAt: now().toISOString() }
    if (own.origin === 'adopted') await storage.run(...storage.unlink(storage.layout.sidecar(own.name)))
    else await this.#moveToTrash(volume, retired, trashed !== undefined)
    return this.#inTrash(volume)
  }

  async #moveToTrash(volume: VolumeHandle, trashed: Sidecar, hasBegun: boolean): Promise<void> {
    const { storage } = this.#deps
    const { sidecar, data, trashedData } = storage.layout.pathsOf(trashed)
    if (!hasBegun) await this.#refuseWithoutData(volume, { sidecar, data })
    await storage.prepare()
    await storage.run(
      ...storage.rewrite(trashed),
      { op: 'move', from: data, to: trashedData, ifThere: true },
      ...storage.unlink(sidecar),
    )
  }

  async revive(volume: VolumeHandle, name: VolumeName): Promise<VolumeHandle> {
    const { storage } = this.#deps
    const [own, trashed, holder] = await this.#sidecarsOf(volume, name)
    if (own === undefined && trashed === undefined) await storage.isThere(volume)
    if (own === undefined) await this.#refuseTaken(name, holder, trashed)
    const sidecar = trashed ?? own ?? missing(volume)
    const revived = { ...withoutRetirement(sidecar), name, directory: own?.directory ?? name }
    const paths = storage.layout.pathsOf(revived)
    // Nothing is written where nothing was changed: what is undone may have failed because nothing can be written.
    if (trashed !== undefined || own?.state !== 'live') await storage.run(...storage.rewrite(revived))
    if (trashed !== undefined) {
      await storage.moveOnce(paths.trashedData, paths.data)
      await storage.run(...storage.unlink(paths.trashedSidecar))
    }
    return storage.handleOf(revived)
  }

  /** What a failed create never made, or somebody removed, needs no place in the trash: a full disk may have none. */
  async #refuseWithoutData(volume: VolumeHandle, paths: { readonly data: string; readonly sidecar: string }) {
    const { storage } = this.#deps
    const [status] = await storage.run({ op: 'stat', path: paths.data })
    if (status !== null) return
    await storage.run(...storage.unlink(paths.sidecar))
    throw new ConvoyError('not-found', `volume "${volume.name}" had no directory ${paths.data}: its sidecar is removed`)
  }

  /** The volume's own sidecar under `name`, its sidecar in the trash, and whatever sidecar the name has. */
  async #sidecarsOf(
    volume: VolumeHandle,
    name: VolumeName,
  ): Promise<readonly [own: Sidecar | undefined, trashed: Sidecar | undefined, holder: Sidecar | undefined]> {
    const { storage } = this.#deps
    const [liveFile, trashedFile] = [storage.layout.sidecar(name), storage.layout.trashedSidecar(volume.id)]
    const [current, old] = await storage.run({ op: 'read', path: liveFile }, { op: 'read', path: trashedFile })
    const [holder, trashed] = [readSidecar(current, liveFile), readSidecar(old, trashedFile)]
    const isOwn = (sidecar: Sidecar | undefined) => (sidecar?.id === volume.id ? sidecar : undefined)
    return [isOwn(holder), isOwn(trashed), holder]
  }

  async #refuseTaken(name: VolumeName, holder: Sidecar | undefined, trashed: Sidecar | undefined): Promise<void> {
    const { storage } = this.#deps
    const path = storage.layout.data(name)
    const [status] = await storage.run({ op: 'stat', path })
    if (holder !== undefined || (status !== null && trashed !== undefined)) throw nameTaken(name, path)
  }

  #inTrash(volume: VolumeHandle): VolumeHandle {
    return { ...volume, attributes: { ...volume.attributes, ...this.#deps.storage.where, trashed: 'true' } }
  }
}
