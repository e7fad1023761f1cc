import type {
  CreatedVolume,
  CreateRequest,
  DiscoveredVolume,
  Driver,
  DriverCall,
  MountSource,
  RemovalProgress,
  Retirement,
  SnapshotOperations,
  TakeoverOperations,
  StorageName,
  StorageSpace,
} from '../../src/drivers/driver.js'
import { ConvoyError } from '../../src/errors.js'
import { optional } from '../../src/model/optional.js'
import type { OptionTable } from '../../src/model/options.js'
import { parseSizeBytes } from '../../src/model/size.js'
import type { Attributes, SizeLimit, VolumeHandle, VolumePlace } from '../../src/model/volume.js'
import type { VolumeName } from '../../src/model/volume-name.js'
import type { FakeKernel } from './fake-kernel.js'
import { FakeSnapshots } from './fake-snapshots.js'
import type { FakeStorage, Marker } from './fake-storage.js'
import type { FaultInjector } from './fault-injector.js'

export interface FakeDriverDeps {
  readonly storage: FakeStorage
  readonly kernel: FakeKernel
  readonly faults: FaultInjector
  readonly now: () => Date
  readonly host?: string
  readonly hasSnapshots?: boolean
}

/** What every fake driver does with its markers. Each look at the storage and each change of it is a step of its own. */
export abstract class FakeDriver implements Driver {
  abstract readonly name: string
  abstract readonly attachMode: 'exclusive' | 'shared'
  abstract readonly attachment: 'stateless' | 'recorded'
  abstract readonly takeover: TakeoverOperations | undefined
  readonly volumeOptions: OptionTable = {
    size: { parse: parseSizeBytes, placeholder: 'SIZE', help: 'the size' },
    id: { parse: (text) => text, placeholder: 'PLACE', help: 'take over this piece of the storage' },
  }
  protected readonly deps: FakeDriverDeps

  constructor(deps: FakeDriverDeps) {
    this.deps = deps
  }

  async create(request: CreateRequest, call: DriverCall): Promise<CreatedVolume> {
    const { storage } = this.deps
    const existing = await this.step('create: look', () => storage.markerOf(request.name))
    const marker = existing ?? this.#newMarker(request)
    if (existing === undefined) await this.beforeFirst(marker, call)
    await this.step('create: mark', () => void storage.markers.set(marker.id, alive(marker)))
    await this.step('create: make', () => this.makePiece(marker))
    return { handle: handleOf(marker), origin: marker.origin, ...optional('sizeBytes', marker.sizeBytes) }
  }

  storageOf(): undefined {
    return undefined
  }

  async remove(volume: VolumeHandle, call: DriverCall & RemovalProgress): Promise<void> {
    const { storage, kernel } = this.deps
    const marker = await this.step('remove: look', () => storage.markers.get(volume.id))
    if (marker === undefined) return
    if (marker.state !== 'trashed') await this.retire(volume, 'trashed')
    const trashed = storage.markers.get(volume.id)
    if (trashed === undefined) return
    await this.step('remove: destroy', () => {
      kernel.noteRemoved(this.pathOf(trashed.place))
      storage.pieces.delete(trashed.place)
      call.onProgress?.(1)
    })
    await this.step('remove: unmark', () => void storage.markers.delete(volume.id))
  }

  async retire(volume: VolumeHandle, as: Retirement): Promise<VolumeHandle> {
    const { storage, kernel, now } = this.deps
    const marker = await this.step('retire: look', () => this.#marker(volume))
    if (marker.state === as) return handleOf(marker)
    const retired: Marker = { ...marker, state: as, retiredAt: now().toISOString() }
    if (as === 'trashed' && marker.origin === 'adopted') {
      await this.step('retire: unmark', () => void storage.markers.delete(marker.id))
      return handleOf(retired)
    }
    const place = as === 'trashed' ? this.trashPlace(marker) : marker.place
    await this.step(`retire: mark ${as}`, () => {
      if (as === 'trashed') kernel.noteRemoved(this.pathOf(marker.place))
      this.#move(marker.place, place)
      storage.markers.set(marker.id, { ...retired, place })
    })
    return handleOf({ ...retired, place })
  }

  async revive(volume: VolumeHandle, name: VolumeName): Promise<VolumeHandle> {
    const { storage } = this.deps
    const marker = await this.step('revive: look', () => this.#marker(volume))
    const place = marker.state === 'trashed' ? this.livePlace(marker, name) : marker.place
    const holder = storage.markerOf(name)
    const isTaken = (holder !== undefined && holder.id !== marker.id) || this.#isOccupied(place, marker)
    if (isTaken) throw new ConvoyError('already-exists', `there is a volume "${name}" on the storage`)
    const revived: Marker = alive({ ...marker, name, place })
    await this.step('revive: mark', () => {
      this.#move(marker.place, place)
      storage.markers.set(marker.id, revived)
    })
    return handleOf(revived)
  }

  async resize(volume: VolumeHandle, sizeBytes: number): Promise<VolumeHandle> {
    const marker = await this.step('resize: look', () => this.#marker(volume))
    if (sizeBytes < this.#usedBytes(marker)) throw new ConvoyError('invalid-argument', `"${volume.name}" holds more`)
    await this.step('resize', () => void this.deps.storage.markers.set(marker.id, { ...marker, sizeBytes }))
    return handleOf(marker)
  }

  usage(volume: VolumeHandle): Promise<number> {
    return this.step('usage', () => this.#usedBytes(this.#marker(volume)))
  }

  #usedBytes({ place }: Marker): number {
    return this.deps.storage.pieces.get(place)?.text?.length ?? 0
  }

  storages(): readonly StorageName[] {
    return [undefined]
  }

  leaveUnused(): Promise<void> {
    return Promise.resolve()
  }

  async *discover(): AsyncIterable<DiscoveredVolume> {
    const markers = await this.step('discover', () => [...this.deps.storage.markers.values()])
    for (const marker of markers) {
      const { state, origin, createdAt, options, onRemove, retiredAt, sizeBytes } = marker
      const rest = { ...optional('onRemove', onRemove), ...optional('sizeBytes', sizeBytes) }
      const when = state === 'live' ? {} : optional('retiredAt', retiredAt)
      yield { handle: handleOf(marker), state, origin, createdAt, options, ...rest, ...when }
    }
  }

  inspect(volume: VolumeHandle): Promise<Attributes> {
    return Promise.resolve({ Place: volume.attributes['place'] ?? '' })
  }

  remarks(): Attributes {
    return {}
  }

  limitOf(): Promise<SizeLimit> {
    return Promise.resolve('soft')
  }

  async *spaces(): AsyncIterable<StorageSpace> {
    const { space } = await this.step('spaces', () => this.deps.storage)
    if (space !== undefined) yield { ...space, storage: `${this.name}-storage` }
  }

  describe(): Attributes {
    return { Host: this.deps.host ?? 'this-host' }
  }

  snapshots(volume: VolumeHandle): SnapshotOperations | undefined {
    const { hasSnapshots, storage, faults } = this.deps
    return hasSnapshots === true ? new FakeSnapshots(storage, faults, placeOf(volume)) : undefined
  }

  close(): Promise<void> {
    return Promise.resolve()
  }

  abstract attach(volume: VolumeHandle, call: DriverCall): Promise<MountSource>
  abstract detach(volume: VolumeHandle, call: DriverCall): Promise<void>
  abstract placeOf(volume: VolumeHandle): VolumePlace | undefined

  /** Where the kernel would show the piece. */
  protected abstract pathOf(place: string): string
  protected abstract newPlace(request: CreateRequest): string
  protected abstract trashPlace(marker: Marker): string
  protected abstract livePlace(marker: Marker, name: VolumeName): string
  protected abstract makePiece(marker: Marker): void
  /** Before a new volume is marked: what must be durable first. */
  protected abstract beforeFirst(marker: Marker, call: DriverCall): Promise<void>

  protected step<T>(name: string, act: () => T): Promise<T> {
    return this.deps.faults.step(`${this.name} ${name}`, () => {
      this.deps.storage.check()
      return act()
    })
  }

  #newMarker(request: CreateRequest): Marker {
    const { storage } = this.deps
    const { name, id, options, createdAt, onRemove } = request
    const place = options['id'] ?? this.newPlace(request)
    const isThere = storage.pieces.has(place)
    if (options['id'] !== undefined && !isThere) throw new ConvoyError('not-found', `there is no ${place} to take over`)
    if (storage.holderOf(place) !== undefined) throw new ConvoyError('already-exists', `${place} belongs to a volume`)
    const sizeBytes = options['size'] === undefined ? undefined : parseSizeBytes(options['size'])
    const origin = isThere ? 'adopted' : 'created'
    const rest = { ...optional('onRemove', onRemove), ...optional('sizeBytes', sizeBytes) }
    return { name, id, place, state: 'live', origin, createdAt, options, ...rest }
  }

  #marker(volume: VolumeHandle): Marker {
    const marker = this.deps.storage.markers.get(volume.id)
    if (marker !== undefined) return marker
    throw new ConvoyError('not-found', `the storage holds no volume with the id of "${volume.name}"`)
  }

  #isOccupied(place: string, marker: Marker): boolean {
    return place !== marker.place && this.deps.storage.pieces.has(place)
  }

  #move(from: string, to: string): void {
    const { pieces } = this.deps.storage
    const piece = pieces.get(from)
    if (piece === undefined || from === to) return
    pieces.delete(from)
    pieces.set(to, piece)
  }
}

export function placeOf(volume: VolumeHandle): string {
  const place = volume.attributes['place']
  if (place !== undefined) return place
  throw new ConvoyError('internal', `the handle of "${volume.name}" has lost its attributes`)
}

function handleOf({ name, id, place }: Marker): VolumeHandle {
  return { name, id, attributes: { place } }
}

function alive(marker: Marker): Marker {
  const { retiredAt: _, ...rest } = marker
  return { ...rest, state: 'live' }
}
