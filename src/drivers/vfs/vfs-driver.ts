import { join } from 'node:path'
import { runChecked } from '../../host/exec.js'
import type { FileProcess } from '../../host/file-process.js'
import type { ProjectQuota } from '../../host/project-quota.js'
import { removeTree } from '../../host/remove-tree.js'
import type { CallContext } from '../../model/call-context.js'
import { parseSizeBytes } from '../../model/size.js'
import type { Attributes, VolumeHandle } from '../../model/volume.js'
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
import { vfsVolumeOptions } from './vfs-options.js'
import { VfsCreation } from './vfs-creation.js'
import { VfsRetirement } from './vfs-retirement.js'
import type { VfsRoot } from './vfs-root.js'
import { VfsStorage } from './vfs-storage.js'
import {
  directoryOf,
  discovered,
  fixedImage,
  handleOf,
  holdsMore,
  isDirectory,
  isTrashed,
  missingDirectory,
  unlessNotFound,
} from './vfs-volume.js'

/** A tree of millions of files on a slow disk. */
const usageTimeoutMs = 10 * 60_000

export interface VfsDeps {
  readonly root: VfsRoot
  readonly defaultSizeBytes: number
  readonly files: FileProcess
  readonly quota: ProjectQuota
  readonly hostId: string
  readonly now: () => Date
}

/**
 * Volumes that are directories below one directory. Each has a sidecar file (sidecar.ts); the sidecar is written before
 * the directory is made and removed after it is gone, so what has no sidecar is not ours.
 */
export class VfsDriver implements Driver {
  readonly name = 'vfs'
  readonly volumeOptions = vfsVolumeOptions
  readonly attachMode = 'shared'
  readonly attachment = 'stateless'
  readonly #deps: VfsDeps
  readonly #storage: VfsStorage
  readonly #creation: VfsCreation
  readonly #retirement: VfsRetirement

  constructor(deps: VfsDeps) {
    this.#deps = deps
    this.#storage = new VfsStorage(deps.root, deps.hostId, deps.files)
    this.#creation = new VfsCreation({ ...deps, storage: this.#storage })
    this.#retirement = new VfsRetirement({ ...deps, storage: this.#storage })
  }

  create(request: CreateRequest, call: DriverCall): Promise<CreatedVolume> {
    return this.#creation.create(request, call)
  }

  async remove(volume: VolumeHandle, call: DriverCall & RemovalProgress): Promise<void> {
    const { layout } = this.#storage
    if (!isTrashed(volume)) await this.retire(volume, 'trashed').catch(unlessNotFound)
    if (!(await this.#storage.isThere(volume))) return
    await removeTree(layout.trashedData(volume.id), call)
    await this.#storage.run(...this.#storage.unlink(layout.trashedSidecar(volume.id)))
  }

  async attach(volume: VolumeHandle): Promise<MountSource> {
    await this.#deps.root.find()
    const path = this.#storage.layout.data(directoryOf(volume))
    const [status, internal] = await this.#storage.run(
      { op: 'stat', path },
      { op: 'stat', path: this.#storage.layout.internal },
    )
    if (!isDirectory(status, path)) throw missingDirectory(volume, path, internal !== null)
    const image = volume.attributes['imageBytes']
    if (image !== undefined) {
      await this.#storage.run({ op: 'make-sparse', path: join(path, 'disk.img'), sizeBytes: parseSizeBytes(image) })
    }
    return { kind: 'directory', path }
  }

  mountDirectory(volume: VolumeHandle): string {
    const { layout } = this.#storage
    return isTrashed(volume) ? layout.trashedData(volume.id) : layout.data(directoryOf(volume))
  }

  detach(): Promise<void> {
    return Promise.resolve()
  }

  retire(volume: VolumeHandle, as: Retirement): Promise<VolumeHandle> {
    return this.#retirement.retire(volume, as)
  }

  revive(volume: VolumeHandle, name: VolumeName): Promise<VolumeHandle> {
    return this.#retirement.revive(volume, name)
  }

  async resize(volume: VolumeHandle, sizeBytes: number, call: DriverCall): Promise<VolumeHandle> {
    const { quota, defaultSizeBytes } = this.#deps
    const sidecar = await this.#storage.sidecarOf(volume)
    if (volume.attributes['imageBytes'] !== undefined) throw fixedImage(volume)
    if (sidecar.quotaProject !== undefined) {
      const usedBytes = await this.usage(volume, call)
      if (usedBytes > sizeBytes) throw holdsMore(volume, usedBytes)
      await quota.limit(this.mountDirectory(volume), sidecar.quotaProject, sizeBytes)
    }
    await this.#storage.run(...this.#storage.rewrite({ ...sidecar, sizeBytes }))
    return handleOf(sidecar, defaultSizeBytes)
  }

  async usage(volume: VolumeHandle, { signal }: CallContext): Promise<number> {
    const options = { timeoutMs: usageTimeoutMs, signal }
    const { stdout } = await runChecked('du', ['-skx', '--', this.mountDirectory(volume)], options, 'unavailable')
    return Number.parseInt(stdout, 10) * 1024
  }

  async *discover(call: CallContext): AsyncIterable<DiscoveredVolume> {
    await this.#deps.root.find()
    for (const which of ['volumes', 'trash'] as const) {
      for await (const { path, sidecar } of this.#storage.list(which)) {
        if (sidecar === undefined) call.log.warn({ file: path }, 'not a sidecar file: left alone')
        else yield discovered(sidecar, this.#deps.defaultSizeBytes)
      }
    }
  }

  async inspect(volume: VolumeHandle): Promise<Attributes> {
    const path = this.#storage.layout.data(directoryOf(volume))
    const isLimited = volume.attributes['quotaProject'] !== undefined && (await this.#deps.quota.isEnforced(path))
    return {
      Path: path,
      PrepareForVM: String(volume.attributes['imageBytes'] !== undefined),
      SizeEnforced: String(isLimited),
    }
  }

  describe(): Attributes {
    const { root, defaultSizeBytes } = this.#deps
    return { Root: this.#storage.layout.internal, Path: root.path, DefaultVolumeSize: String(defaultSizeBytes) }
  }

  snapshots(): undefined {
    return undefined
  }

  close(): Promise<void> {
    this.#deps.files.close()
    return Promise.resolve()
  }
}
