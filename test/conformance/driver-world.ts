import type {
  CreatedVolume,
  CreateRequest,
  DiscoveredVolume,
  Driver,
  DriverCall,
  MountSource,
} from '../../src/drivers/driver.js'
import type { Attributes, VolumeHandle } from '../../src/model/volume.js'
import type { VolumeName } from '../../src/model/volume-name.js'
import type { FaultInjector } from '../fakes/fault-injector.js'
import { QuietLog } from '../fakes/quiet-log.js'

/** A storage under test, and processes that use it. */
export interface DriverStorage {
  /** A driver in a process of its own; what it asks of the storage are steps of `faults`. */
  open(faults: FaultInjector): Driver
  /** What is at a source now; undefined when nothing was written. */
  read(source: MountSource): Promise<string | undefined>
  write(source: MountSource, text: string): Promise<void>
  /** Puts data there that was there before us; resolves to the options that take it over. */
  plant(text: string): Promise<Attributes>
  /** Options that would take over what is not there; those of a directory without them. */
  readonly missing?: Attributes
  /** It cannot change sizes, and says what a volume takes only while it is mounted. */
  readonly isRigid?: true
  /** What the planted data is now. */
  readPlanted(): Promise<string | undefined>
  close(): Promise<void>
}

const names = new Map<string, number>()

/** An id that no other volume of this test run has. */
export function newId(): string {
  const number = (names.get('id') ?? 0) + 1
  names.set('id', number)
  return `00000000-0000-4000-8000-${String(number).padStart(12, '0')}`
}

export const named = (name: string) => name as VolumeName

export function requestFor(name: string, more: Partial<CreateRequest> = {}): CreateRequest {
  return { name: named(name), id: newId(), options: {}, createdAt: '2026-01-01T00:00:00.000Z', ...more }
}

/** The journals of all volumes: durable, as core's are. */
export class Journals {
  readonly #notes = new Map<string, Attributes>()
  readonly log = new QuietLog()

  call(volume: { readonly id: string }, signal: AbortSignal = new AbortController().signal): DriverCall {
    const notes = this.#notes
    return {
      signal,
      log: this.log,
      journal: {
        get notes() {
          return notes.get(volume.id) ?? {}
        },
        write: async (next) => void notes.set(volume.id, next),
      },
    }
  }
}

/** A driver with everything that core does around it, as short as a test wants it. */
export class Subject {
  readonly journals = new Journals()
  readonly storage: DriverStorage
  driver: Driver
  faults: FaultInjector
  readonly #newFaults: () => FaultInjector

  constructor(storage: DriverStorage, newFaults: () => FaultInjector) {
    this.storage = storage
    this.#newFaults = newFaults
    this.faults = newFaults()
    this.driver = storage.open(this.faults)
  }

  /** Another process takes over: nothing is left of what the driver had in memory. */
  restart(): void {
    this.faults.kill()
    this.faults = this.#newFaults()
    this.driver = this.storage.open(this.faults)
  }

  call(volume: { readonly id: string }): DriverCall {
    return this.journals.call(volume)
  }

  create(request: CreateRequest): Promise<CreatedVolume> {
    return this.driver.create(request, this.call(request))
  }

  async make(name: string, text?: string): Promise<VolumeHandle> {
    const { handle } = await this.create(requestFor(name))
    if (text !== undefined) await this.write(handle, text)
    return handle
  }

  async write(volume: VolumeHandle, text: string): Promise<void> {
    await this.storage.write(await this.attach(volume), text)
    await this.detach(volume)
  }

  async read(volume: VolumeHandle): Promise<string | undefined> {
    const text = await this.storage.read(await this.attach(volume))
    await this.detach(volume)
    return text
  }

  attach(volume: VolumeHandle): Promise<MountSource> {
    return this.driver.attach(volume, this.call(volume))
  }

  detach(volume: VolumeHandle): Promise<void> {
    return this.driver.detach(volume, this.call(volume))
  }

  retire(volume: VolumeHandle, as: 'forgotten' | 'trashed'): Promise<VolumeHandle> {
    return this.driver.retire(volume, as, this.call(volume))
  }

  revive(volume: VolumeHandle, name: string): Promise<VolumeHandle> {
    return this.driver.revive(volume, named(name), this.call(volume))
  }

  remove(volume: VolumeHandle): Promise<void> {
    return this.driver.remove(volume, this.call(volume))
  }

  async discover(): Promise<readonly DiscoveredVolume[]> {
    const found: DiscoveredVolume[] = []
    const call = this.journals.call({ id: '' })
    for (const storage of this.driver.storages(call.log)) {
      for await (const one of this.driver.discover(storage, call)) found.push(one)
    }
    return found
  }

  /** What the storage says it holds: `name state`, sorted. */
  async listed(): Promise<readonly string[]> {
    return (await this.discover()).map(({ handle, state }) => `${handle.name} ${state}`).sort()
  }
}
