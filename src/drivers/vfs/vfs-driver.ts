import { join } from 'node:path'
import { ConvoyError } from '../../errors.js'
import type { FileOperation, FileResult } from '../../host/file-operations.js'
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
import { formatSidecar, parseSidecar, type Sidecar } from './sidecar.js'
import { VfsLayout } from './vfs-layout.js'
import { vfsVolumeOptions } from './vfs-options.js'
import {
  directoryOf,
  discovered,
  handleOf,
  isDirectory,
  isTrashed,
  missing,
  missingDirectory,
  nameTaken,
  noSuchDirectory,
  readSidecar,
  withoutRetirement,
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
  readonly #layout: VfsLayout
  #prepared: Promise<unknown> | undefined

  constructor(deps: VfsDeps) {
    this.#deps = deps
    this.#layout = new VfsLayout(deps.path)
  }

  async create(request: CreateRequest, call: DriverCall): Promise<CreatedVolume> {
    const options = parseOptions(vfsVolumeOptions, request.options, 'volume option')
    const directory = options.id ?? request.name
    const [text, status] = await this.#run(
      { op: 'read', path: this.#layout.sidecar(request.name) },
      { op: 'stat', path: this.#layout.data(directory) },
    )
    const existing = readSidecar(text)
    // The storage knows the name already: the call is repeated, or another host or an earlier ledger made the volume.
    if (existing !== undefined) return this.#complete({ ...existing, state: 'live' }, options, call)
    const isThere = isDirectory(status, this.#layout.data(directory))
    if (isThere) await this.#refuseTaken(directory)
    else if (options.id !== undefined) throw noSuchDirectory(this.#layout.data(directory))
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
    const trashed = isTrashed(volume) ? volume : await this.retire(volume, 'trashed')
    await removeTree(this.#layout.trashedData(trashed.id), call)
    await this.#run(
      { op: 'unlink', path: this.#layout.trashedSidecar(trashed.id) },
      { op: 'sync', path: this.#layout.trash },
    )
  }

  async attach(volume: VolumeHandle): Promise<MountSource> {
    const path = this.#layout.data(directoryOf(volume))
    const [status, internal] = await this.#run({ op: 'stat', path }, { op: 'stat', path: this.#layout.internal })
    if (!isDirectory(status, path)) throw missingDirectory(volume, path, internal !== null)
    const image = volume.attributes['imageBytes']
    if (image !== undefined) {
      await this.#run({ op: 'make-sparse', path: join(path, 'disk.img'), sizeBytes: parseSizeBytes(image) })
    }
    return { kind: 'directory', path }
  }

  mountDirectory(volume: VolumeHandle): string {
    return this.#layout.data(directoryOf(volume))
  }

  detach(): Promise<void> {
    return Promise.resolve()
  }

  async retire(volume: VolumeHandle, as: Retirement): Promise<VolumeHandle> {
    const sidecar = await this.#sidecarOf(volume)
    if (sidecar === undefined) return this.#alreadyRetired(volume, as)
    const retired: Sidecar = { ...sidecar, state: as, retiredAt: this.#deps.now().toISOString() }
    if (as === 'forgotten') {
      await this.#run(this.#write(this.#layout.sidecar(volume.name), retired))
      return volume
    }
    if (sidecar.origin === 'created') {
      await this.#run(this.#write(this.#layout.trashedSidecar(volume.id), retired))
      await this.#moveOnce(this.#layout.data(sidecar.directory), this.#layout.trashedData(volume.id))
    }
    await this.#run(
      { op: 'unlink', path: this.#layout.sidecar(volume.name) },
      { op: 'sync', path: this.#layout.volumes },
    )
    return { ...volume, attributes: { ...volume.attributes, trashed: 'true' } }
  }

  async revive(volume: VolumeHandle, name: VolumeName): Promise<VolumeHandle> {
    const [old, current, status] = await this.#run(
      { op: 'read', path: this.#layout.trashedSidecar(volume.id) },
      { op: 'read', path: this.#layout.sidecar(name) },
      { op: 'stat', path: this.#layout.data(name) },
    )
    const [trashed, holder] = [readSidecar(old), readSidecar(current)]
    const own = holder?.id === volume.id ? holder : undefined
    const isFree = holder === undefined && (status === null || trashed === undefined)
    if (own === undefined && !isFree) throw nameTaken(name, this.#layout.data(name))
    const sidecar = trashed ?? own ?? missing(volume)
    const revived = { ...withoutRetirement(sidecar), name, directory: own?.directory ?? name }
    await this.#run(this.#write(this.#layout.sidecar(name), revived))
    if (trashed !== undefined) {
      await this.#moveOnce(this.#layout.trashedData(volume.id), this.#layout.data(revived.directory))
      await this.#run(
        { op: 'unlink', path: this.#layout.trashedSidecar(volume.id) },
        { op: 'sync', path: this.#layout.trash },
      )
    }
    return handleOf(revived, this.#deps.defaultSizeBytes)
  }

  async *discover(call: CallContext): AsyncIterable<DiscoveredVolume> {
    for (const path of [this.#layout.volumes, this.#layout.trash]) {
      const [files] = await this.#run({ op: 'read-all', path, suffix: '.json' })
      for (const [file, text] of Array.isArray(files) ? files : []) {
        const sidecar = parseSidecar(text)
        const isWhole = sidecar !== undefined && this.#layout.isSidecarOf(join(path, file), sidecar)
        if (!isWhole) call.log.warn({ file: join(path, file) }, 'not a sidecar file: left alone')
        else yield discovered(sidecar, this.#deps.defaultSizeBytes)
      }
    }
  }

  async inspect(volume: VolumeHandle): Promise<Attributes> {
    const path = this.#layout.data(directoryOf(volume))
    const isLimited = volume.attributes['quotaProject'] !== undefined && (await this.#deps.quota.isEnforced(path))
    return {
      Path: path,
      PrepareForVM: String(volume.attributes['imageBytes'] !== undefined),
      SizeEnforced: String(isLimited),
    }
  }

  describe(): Attributes {
    const { path, defaultSizeBytes } = this.#deps
    return { Root: this.#layout.internal, Path: path, DefaultVolumeSize: String(defaultSizeBytes) }
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
    const path = this.#layout.data(sidecar.directory)
    await this.#prepare()
    await this.#run(
      this.#write(this.#layout.sidecar(sidecar.name), sidecar),
      { op: 'mkdir', path, mode: options.mode, ...optional('uid', options.uid), ...optional('gid', options.gid) },
      { op: 'sync', path: this.#deps.path },
    )
    const { origin, sizeBytes, quotaProject } = sidecar
    if (sizeBytes !== undefined && quotaProject !== undefined) {
      await this.#deps.quota.limit(path, quotaProject, sizeBytes).catch((thrown: unknown) => {
        call.log.warn({ volume: sidecar.name, err: thrown }, 'the size of a volume is not enforced')
      })
    }
    return { handle: handleOf(sidecar, this.#deps.defaultSizeBytes), origin, ...optional('sizeBytes', sizeBytes) }
  }

  async #projectFor(volumeId: string, sizeBytes: number | undefined): Promise<number | undefined> {
    if (sizeBytes === undefined || !(await this.#deps.quota.isEnforced(this.#deps.path))) return undefined
    return projectOf(volumeId)
  }

  /** Makes our own directories, once; a root that is read-only now may be writable later. */
  #prepare(): Promise<unknown> {
    const { internal, volumes, trash } = this.#layout
    this.#prepared ??= this.#run(
      { op: 'mkdir', path: internal, mode: 0o700 },
      { op: 'mkdir', path: volumes, mode: 0o700 },
      { op: 'mkdir', path: trash, mode: 0o700 },
      { op: 'sync', path: internal },
      { op: 'sync', path: this.#deps.path },
    ).catch((thrown: unknown) => {
      this.#prepared = undefined
      throw thrown
    })
    return this.#prepared
  }

  async #moveOnce(from: string, to: string): Promise<void> {
    try {
      await this.#run({ op: 'move', from, to })
    } catch (thrown) {
      // Repeated after a crash: what is no longer here has arrived there.
      const [source, target] = await this.#run({ op: 'stat', path: from }, { op: 'stat', path: to })
      if (source !== null || target === null) throw thrown
    }
  }

  /** The volume's sidecar, if it still bears the volume's id; undefined when there is none. */
  async #sidecarOf(volume: VolumeHandle): Promise<Sidecar | undefined> {
    const [text] = await this.#run({ op: 'read', path: this.#layout.sidecar(volume.name) })
    const sidecar = readSidecar(text)
    return sidecar?.id === volume.id ? sidecar : undefined
  }

  /** Only what carries our marker is touched, except that the second call finds the work of the first. */
  async #alreadyRetired(volume: VolumeHandle, as: Retirement): Promise<VolumeHandle> {
    const [text] = await this.#run({ op: 'read', path: this.#layout.trashedSidecar(volume.id) })
    if (as === 'trashed' && readSidecar(text)?.id === volume.id) {
      return { ...volume, attributes: { ...volume.attributes, trashed: 'true' } }
    }
    return missing(volume)
  }

  /** A directory of the root belongs to one volume only. */
  async #refuseTaken(directory: VolumeName): Promise<void> {
    const [files] = await this.#run({ op: 'read-all', path: this.#layout.volumes, suffix: '.json' })
    for (const [, text] of Array.isArray(files) ? files : []) {
      const other = parseSidecar(text)
      if (other?.directory === directory) throw nameTaken(directory, this.#layout.data(directory))
    }
  }

  /** Convoy 0.5 kept every volume's metadata in a directory that a volume named `config` would be. */
  async #refuseOldLayout(name: VolumeName): Promise<void> {
    if (name !== 'config') return
    const [files] = await this.#run({ op: 'read-all', path: this.#layout.data(name), suffix: '.json' })
    if (!Array.isArray(files) || !files.some(([file]) => file.startsWith('vfs_volume_'))) return
    throw new ConvoyError('invalid-argument', 'Convoy 0.5 keeps its own files in the directory "config" here', {
      hint: 'choose another volume name',
    })
  }

  #write(path: string, sidecar: Sidecar): FileOperation {
    const next = { ...sidecar, host: this.#deps.hostId, generation: sidecar.generation + 1 }
    return { op: 'write', path, text: formatSidecar(next) }
  }

  #run(...operations: readonly FileOperation[]): Promise<readonly (FileResult | undefined)[]> {
    return this.#deps.files.run(operations)
  }
}
