import { join } from 'node:path'
import { ConvoyError, isConvoyError } from '../../errors.js'
import type { FileOperation } from '../../host/file-operations.js'
import { projectOf, type ProjectQuota } from '../../host/project-quota.js'
import { optional } from '../../model/optional.js'
import { type OptionValues, parseOptions } from '../../model/options.js'
import { profileOption } from '../../model/profile.js'
import type { Attributes } from '../../model/volume.js'
import type { VolumeName } from '../../model/volume-name.js'
import type { CreatedVolume, CreateRequest, DriverCall, Journal } from '../driver.js'
import type { ShareOwnership } from './share-ownership.js'
import type { Sidecar } from './sidecar.js'
import { vfsVolumeOptions } from './vfs-options.js'
import type { VfsRoot } from './vfs-root.js'
import type { VfsStorage } from './vfs-storage.js'
import { isDirectory, nameTaken, noSuchDirectory, readSidecar } from './vfs-volume.js'

interface CreationDeps {
  readonly root: VfsRoot
  readonly storage: VfsStorage
  readonly quota: ProjectQuota
  readonly ownership: ShareOwnership
  readonly hostId: string
}

interface CreationStart {
  /** The request's options in today's names. */
  readonly texts: Attributes
  /** Called before anything of the volume is written. */
  readonly begin: () => Promise<void>
}

type VolumeOptions = OptionValues<typeof vfsVolumeOptions>

/** How volumes come to be: the sidecar first, then the directory, so that a directory without a sidecar is not ours. */
export class VfsCreation {
  readonly #deps: CreationDeps

  constructor(deps: CreationDeps) {
    this.#deps = deps
  }

  async create(request: CreateRequest, { texts, begin }: CreationStart, call: DriverCall): Promise<CreatedVolume> {
    const options = parseOptions({ ...vfsVolumeOptions, ...profileOption }, texts, 'volume option')
    const { root, storage, ownership } = this.#deps
    await storage.prepare()
    await ownership.look()
    await begin()
    if (root.source !== undefined) await noteBegun(storage.where, call.journal)
    try {
      const isUsual = options.id === undefined && this.#refusalOf(options) === undefined
      if (!isUsual) return await this.#createOver(request, options, call)
      return await this.#createFresh(request, options, call)
    } catch (thrown) {
      throw await storage.reasonFor(thrown)
    }
  }

  /** The usual case, both places being empty, in one go. */
  async #createFresh(request: CreateRequest, options: VolumeOptions, call: DriverCall): Promise<CreatedVolume> {
    const sidecar = await this.#draft(request, options, 'created')
    const { sidecar: file, data } = this.#deps.storage.layout.pathsOf(sidecar)
    const isFree = [file, data].map((path) => ({ op: 'expect-nothing', path }) as const)
    try {
      return await this.#complete(sidecar, options, call, isFree)
    } catch (thrown) {
      if (!isConvoyError(thrown, 'already-exists')) throw thrown
      return this.#createOver(request, options, call)
    }
  }

  async #createOver(request: CreateRequest, options: VolumeOptions, call: DriverCall): Promise<CreatedVolume> {
    const { storage } = this.#deps
    const directory = options.id ?? request.name
    const [path, file] = [storage.layout.data(directory), storage.layout.sidecar(request.name)]
    const [text, status] = await storage.run({ op: 'read', path: file }, { op: 'stat', path })
    const existing = readSidecar(text, file)
    // The storage knows the name already: the call is repeated, or another host or an earlier ledger made the volume.
    if (existing !== undefined && existing.id !== request.id) return this.#takeOver(existing)
    if (existing !== undefined) return this.#complete({ ...existing, state: 'live' }, options, call)
    const isThere = isDirectory(status, path)
    if (!isThere && options.id !== undefined) throw noSuchDirectory(path)
    if (isThere && (await storage.isTaken(directory))) throw nameTaken(directory, path)
    const refusal = isThere ? undefined : this.#refusalOf(options)
    if (refusal !== undefined) throw refusal
    await this.#refuseOldLayout(request.name)
    return this.#complete(await this.#draft(request, options, isThere ? 'adopted' : 'created'), options, call)
  }

  #refusalOf({ uid, gid }: VolumeOptions): ConvoyError | undefined {
    return uid === undefined && gid === undefined ? undefined : this.#deps.ownership.refusal
  }

  async #draft(request: CreateRequest, options: VolumeOptions, origin: Sidecar['origin']): Promise<Sidecar> {
    const { name, id, createdAt, onRemove } = request
    const isLimited =
      origin === 'created' && options.size !== undefined && (await this.#deps.quota.isEnforced(this.#deps.root.path))
    return {
      version: 1,
      name,
      id,
      directory: options.id ?? name,
      state: 'live',
      createdAt,
      options: request.options,
      origin,
      ...optional('onRemove', onRemove),
      ...optional('sizeBytes', options.size),
      ...optional('quotaProject', isLimited ? projectOf(id) : undefined),
      host: this.#deps.hostId,
      generation: 0,
    }
  }

  /** Writes the sidecar and makes the directory unless it is there: again and again to the same result. */
  async #complete(
    sidecar: Sidecar,
    options: VolumeOptions,
    call: DriverCall,
    conditions: readonly FileOperation[] = [],
  ): Promise<CreatedVolume> {
    const { storage } = this.#deps
    const path = storage.layout.data(sidecar.directory)
    await storage.run(
      ...conditions,
      storage.write(sidecar),
      {
        op: 'mkdir-owned',
        path,
        via: join(storage.layout.internal, `new-${sidecar.id}`),
        mode: options.mode,
        ...optional('uid', options.uid),
        ...optional('gid', options.gid),
      },
      { op: 'sync', path: this.#deps.root.path },
    )
    return this.#created(await this.#limit(sidecar, path, call))
  }

  /** Sets the limit that the sidecar speaks of; resolves to one that speaks of none when it cannot be set. */
  async #limit(sidecar: Sidecar, path: string, call: DriverCall): Promise<Sidecar> {
    const { quotaProject, ...unlimited } = sidecar
    if (sidecar.sizeBytes === undefined || quotaProject === undefined) return sidecar
    try {
      await this.#deps.quota.limit(path, quotaProject, sidecar.sizeBytes)
      return sidecar
    } catch (thrown) {
      call.log.warn({ volume: sidecar.name, err: thrown }, 'the size of a volume is not enforced')
      await this.#deps.storage.run(this.#deps.storage.write(unlimited))
      return unlimited
    }
  }

  /** The volume is older than this request: its data stays as it is, its directory is never made anew. */
  async #takeOver(existing: Sidecar): Promise<CreatedVolume> {
    const { storage } = this.#deps
    const live: Sidecar = { ...existing, state: 'live' }
    if (existing.state !== 'live') await storage.run(storage.write(live))
    return this.#created(live)
  }

  #created(sidecar: Sidecar): CreatedVolume {
    const { origin, sizeBytes } = sidecar
    return { handle: this.#deps.storage.handleOf(sidecar), origin, ...optional('sizeBytes', sizeBytes) }
  }

  /** Convoy 0.5 kept every volume's metadata in a directory that a volume named `config` would be. */
  async #refuseOldLayout(name: VolumeName): Promise<void> {
    if (name !== 'config') return
    const { storage } = this.#deps
    const files = await storage.names(storage.layout.data(name))
    if (!files.some((file) => file.startsWith('vfs_volume_'))) return
    throw new ConvoyError('invalid-argument', 'Convoy 0.5 keeps its own files in the directory "config" here', {
      hint: 'choose another volume name',
    })
  }
}

/** Before anything of the volume is written: undoing that needs to know whether, and where, there is something to undo. */
async function noteBegun(where: Attributes, journal: Journal): Promise<void> {
  await journal.write({ ...journal.notes, ...where, begun: 'true' })
}
