import { join } from 'node:path'
import { ConvoyError } from '../../errors.js'
import type { FileProcess } from '../../host/file-process.js'
import { projectOf, type ProjectQuota } from '../../host/project-quota.js'
import { removeTree } from '../../host/remove-tree.js'
import type { CallContext } from '../../model/call-context.js'
import { optional } from '../../model/optional.js'
import { type OptionValues, parseOptions } from '../../model/options.js'
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
import type { Sidecar } from './sidecar.js'
import { vfsVolumeOptions } from './vfs-options.js'
import { VfsRetirement } from './vfs-retirement.js'
import { VfsStorage } from './vfs-storage.js'
import {
  directoryOf,
  discovered,
  handleOf,
  isDirectory,
  isTrashed,
  missingDirectory,
  nameTaken,
  noSuchDirectory,
  readSidecar,
  unlessNotFound,
} from './vfs-volume.js'

export interface VfsDeps {
  /** The directory that holds the volumes, without links. */
  readonly path: string
  readonly defaultSizeBytes: number
  readonly files: FileProcess
  readonly quota: ProjectQuota
  readonly hostId: string
  readonly now: () => Date
}

type VolumeOptions = OptionValues<typeof vfsVolumeOptions>

/**
 * Volumes that are directories below one directory. Each has a sidecar file ({@link Sidecar}); the sidecar is written before
 * the directory is made and removed after it is gone, so what has no sidecar is not ours.
 */
export class VfsDriver implements Driver {
  readonly name = 'vfs'
  readonly volumeOptions = vfsVolumeOptions
  readonly attachMode = 'shared'
  readonly attachment = 'stateless'
  readonly #deps: VfsDeps
  readonly #storage: VfsStorage
  readonly #retirement: VfsRetirement

  constructor(deps: VfsDeps) {
    this.#deps = deps
    this.#storage = new VfsStorage(deps.path, deps.hostId, deps.files)
    this.#retirement = new VfsRetirement({ ...deps, storage: this.#storage })
  }

  async create(request: CreateRequest, call: DriverCall): Promise<CreatedVolume> {
    const options = parseOptions(vfsVolumeOptions, request.options, 'volume option')
    const directory = options.id ?? request.name
    const [text, status] = await this.#storage.run(
      { op: 'read', path: this.#storage.layout.sidecar(request.name) },
      { op: 'stat', path: this.#storage.layout.data(directory) },
    )
    const existing = readSidecar(text)
    // The storage knows the name already: the call is repeated, or another host or an earlier ledger made the volume.
    if (existing !== undefined && existing.id !== request.id) return this.#takeOver(existing)
    if (existing !== undefined) return this.#complete({ ...existing, state: 'live' }, options, call)
    const isThere = isDirectory(status, this.#storage.layout.data(directory))
    if (isThere && (await this.#storage.isTaken(directory)))
      throw nameTaken(directory, this.#storage.layout.data(directory))
    if (!isThere && options.id !== undefined) throw noSuchDirectory(this.#storage.layout.data(directory))
    await this.#refuseOldLayout(request.name)
    const sidecar: Sidecar = {
      version: 1,
      name: request.name,
      id: request.id,
      directory,
      state: 'live',
      createdAt: request.createdAt,
      options: request.options,
      origin: isThere ? 'adopted' : 'created',
      ...optional('onRemove', request.onRemove),
      ...optional('sizeBytes', options.size),
      ...optional('quotaProject', isThere ? undefined : await this.#projectFor(request.id, options.size)),
      host: this.#deps.hostId,
      generation: 1,
    }
    return this.#complete(sidecar, options, call)
  }

  async remove(volume: VolumeHandle, call: DriverCall & RemovalProgress): Promise<void> {
    const { layout } = this.#storage
    if (!isTrashed(volume)) await this.retire(volume, 'trashed').catch(unlessNotFound)
    if (!(await this.#storage.isThere(volume))) return
    await removeTree(layout.trashedData(volume.id), call)
    await this.#storage.unlink(layout.trashedSidecar(volume.id))
  }

  async attach(volume: VolumeHandle): Promise<MountSource> {
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
    return this.#storage.layout.data(directoryOf(volume))
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

  async *discover(call: CallContext): AsyncIterable<DiscoveredVolume> {
    for (const which of ['volumes', 'trash'] as const) {
      for (const { path, sidecar } of await this.#storage.list(which)) {
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
    const { path, defaultSizeBytes } = this.#deps
    return { Root: this.#storage.layout.internal, Path: path, DefaultVolumeSize: String(defaultSizeBytes) }
  }

  snapshots(): undefined {
    return undefined
  }

  close(): Promise<void> {
    this.#deps.files.close()
    return Promise.resolve()
  }

  /** Writes the sidecar and makes the directory unless it is there: again and again to the same result. */
  async #complete(sidecar: Sidecar, options: VolumeOptions, call: DriverCall): Promise<CreatedVolume> {
    const path = this.#storage.layout.data(sidecar.directory)
    await this.#storage.prepare()
    await this.#storage.run(
      this.#storage.write(sidecar),
      {
        op: 'mkdir-owned',
        path,
        via: join(this.#storage.layout.internal, `new-${sidecar.id}`),
        mode: options.mode,
        ...optional('uid', options.uid),
        ...optional('gid', options.gid),
      },
      { op: 'sync', path: this.#deps.path },
    )
    const { sizeBytes, quotaProject } = sidecar
    if (sizeBytes !== undefined && quotaProject !== undefined) {
      await this.#deps.quota.limit(path, quotaProject, sizeBytes).catch((thrown: unknown) => {
        call.log.warn({ volume: sidecar.name, err: thrown }, 'the size of a volume is not enforced')
      })
    }
    return this.#created(sidecar)
  }

  /** The volume is older than this request: its data stays as it is, its directory is never made anew. */
  async #takeOver(existing: Sidecar): Promise<CreatedVolume> {
    const live: Sidecar = { ...existing, state: 'live' }
    if (existing.state !== 'live') await this.#storage.run(this.#storage.write(live))
    return this.#created(live)
  }

  #created(sidecar: Sidecar): CreatedVolume {
    const { origin, sizeBytes } = sidecar
    return { handle: handleOf(sidecar, this.#deps.defaultSizeBytes), origin, ...optional('sizeBytes', sizeBytes) }
  }

  async #projectFor(volumeId: string, sizeBytes: number | undefined): Promise<number | undefined> {
    if (sizeBytes === undefined || !(await this.#deps.quota.isEnforced(this.#deps.path))) return undefined
    return projectOf(volumeId)
  }

  /** Convoy 0.5 kept every volume's metadata in a directory that a volume named `config` would be. */
  async #refuseOldLayout(name: VolumeName): Promise<void> {
    if (name !== 'config') return
    const files = await this.#storage.readAll(this.#storage.layout.data(name))
    if (!files.some(([file]) => file.startsWith('vfs_volume_'))) return
    throw new ConvoyError('invalid-argument', 'Convoy 0.5 keeps its own files in the directory "config" here', {
      hint: 'choose another volume name',
    })
  }
}
