import { setImmediate as turn } from 'node:timers/promises'
import { type Core, createCore } from '../../src/core/core.js'
import type { Policy } from '../../src/core/core-deps.js'
import { VolumeLocks } from '../../src/core/volume-locks.js'
import type { Driver } from '../../src/drivers/driver.js'
import { DriverRegistry } from '../../src/drivers/registry.js'
import { ConvoyError } from '../../src/errors.js'
import type { JobAssignment, JobResult } from '../../src/host/job-processes.js'
import type { CallContext } from '../../src/model/call-context.js'
import type { MountId } from '../../src/model/mount.js'
import { optional } from '../../src/model/optional.js'
import type { Attributes, VolumeHandle } from '../../src/model/volume.js'
import type { VolumeName } from '../../src/model/volume-name.js'
import { Ledger } from '../../src/store/ledger.js'
import { dayMs, FakeClock } from './fake-clock.js'
import { FakeContainers } from './fake-containers.js'
import { FakeFailedContainers } from './fake-failed-containers.js'
import { FakeDatabase } from './fake-database.js'
import { FakeDirectoryDriver, placeAt } from './fake-directory-driver.js'
import type { FakeDriverDeps } from './fake-driver.js'
import { FakeFilesystemDriver } from './fake-filesystem-driver.js'
import { FakeJobProcesses } from './fake-job-processes.js'
import { FakeKernel } from './fake-kernel.js'
import { FakeMounter } from './fake-mounter.js'
import { FakeStorage, type Piece } from './fake-storage.js'
import { type Fault, FaultInjector } from './fault-injector.js'
import { QuietLog } from './quiet-log.js'

export type Kind = 'directory' | 'filesystem'
export const kinds = ['directory', 'filesystem'] as const

export const named = (name: string) => name as VolumeName
export const mountId = (id: string) => id as MountId
export const anonymous = (digit: string) => digit.repeat(64) as VolumeName

/** In a world without a clock the next moment comes at once. */
const soon = (act: () => void) => void Promise.resolve().then(act)

/** One life of the daemon: gone with all it holds in memory when it is killed. */
interface Life {
  readonly faults: FaultInjector
  readonly ledger: Ledger
  readonly core: Core
  readonly locks: VolumeLocks
  readonly drivers: DriverRegistry
}

/** A host with a daemon, its disk, its kernel, two storages and a Docker: everything that core touches, in memory. */
export class World {
  readonly clock = new FakeClock()
  readonly kernel = new FakeKernel()
  readonly database = new FakeDatabase()
  readonly containers = new FakeContainers()
  readonly failedContainers = new FakeFailedContainers()
  readonly log = new QuietLog()
  readonly storages = { directory: new FakeStorage(), filesystem: new FakeStorage() }
  readonly jobs = new FakeJobProcesses((assignment) => this.#work(assignment))
  policy: Policy = {
    onDockerRemove: 'retain',
    trashRetentionMs: dayMs,
    mountRoot: '/mounts',
    mostRunningJobs: 2,
    reviveContainers: false,
    eventRetention: { longestMs: 7 * dayMs, most: 10_000 },
    profiles: new Map(),
  }
  /** Why nothing may be mounted, in the lives to come. */
  mountRefusal: ConvoyError | undefined
  /** Replaces a driver in the lives to come. */
  decorate: (driver: Driver) => Driver = (driver) => driver
  /** Opens further drivers, in the lives to come. */
  openMore: (faults: FaultInjector) => readonly Driver[] = () => []
  #nextId = 1
  #life: Life

  private constructor(policy: Partial<Policy>) {
    this.policy = { ...this.policy, ...policy }
    this.#life = this.#begin()
  }

  /** A world whose daemon has started and found an empty storage. */
  static async start(policy: Partial<Policy> = {}): Promise<World> {
    const world = new World(policy)
    await world.recover()
    return world
  }

  /** A world whose daemon has not asked the storage yet. */
  static unstarted(policy: Partial<Policy> = {}): World {
    return new World(policy)
  }

  get core(): Core {
    return this.#life.core
  }

  get ledger(): Ledger {
    return this.#life.ledger
  }

  get faults(): FaultInjector {
    return this.#life.faults
  }

  get locks(): VolumeLocks {
    return this.#life.locks
  }

  get drivers(): DriverRegistry {
    return this.#life.drivers
  }

  /** The context of a call that nobody gives up, unless a signal says so. */
  call(signal: AbortSignal = new AbortController().signal): CallContext {
    return { signal, log: this.log }
  }

  /** Kills the daemon, starts the next one and lets it put things right, as `daemon` and its Upkeep do. */
  async restart(): Promise<void> {
    this.begin()
    await this.recover()
  }

  /** Kills the daemon and starts the next one, which has not done anything yet. */
  begin(): void {
    this.#life.faults.kill()
    this.#life = this.#begin()
  }

  async recover(): Promise<void> {
    const { core } = this
    if (core.volumes.degraded !== undefined) return
    const call = this.call()
    await core.recovery.voidAfterReboot()
    await core.recovery.resumeAll(call)
    await core.discovery.run(call)
    await core.recovery.reportUnknownMounts()
    core.jobs.resume()
    await core.trash.sweep(call)
    await this.reconcile()
  }

  async reconcile(): Promise<void> {
    const { core } = this
    const call = this.call()
    await core.discovery.runDue(call)
    await core.recovery.resumeAll(call)
    await core.reconciliation.run(call)
    await this.settle()
  }

  async reboot(): Promise<void> {
    this.kernel.reboot()
    this.jobs.dieAll()
    await this.restart()
  }

  /** All that was begun has come to rest: what is visible is durable, followers of jobs have followed. */
  async settle(): Promise<void> {
    for (let turns = 0; turns < 3; turns++) {
      await Promise.race([this.ledger.settle(), this.faults.death])
      await turn()
    }
  }

  /**
   * What became of an act: its value, how it failed, or that the daemon was killed. With a fault it also waits until the daemon
   * has done what it does later.
   */
  async attempt<T>(act: () => Promise<T>, fault?: Fault): Promise<Attempt<T>> {
    this.faults.arm(fault)
    const acting = act().then(
      (value) => ({ value }),
      (error: unknown) => ({ error: error instanceof ConvoyError ? error : notOurs(error) }),
    )
    const outcome = await Promise.race([acting, this.faults.death.then(() => ({ isCrashed: true }) as const)])
    if (!('isCrashed' in outcome)) await this.settle()
    this.faults.disarm()
    return this.faults.isDead && !('isCrashed' in outcome) ? { ...outcome, isCrashed: true } : outcome
  }

  /** Lets every job run to its end, also those that start meanwhile. */
  async finishJobs(): Promise<void> {
    await this.settle()
    while (this.jobs.running.length > 0) {
      await this.jobs.finishAll()
      await this.settle()
    }
  }

  async create(name: string, kind: Kind = 'directory', options: Attributes = {}) {
    return this.core.volumes.create(named(name), { driver: kind, ...options }, this.call())
  }

  async mount(name: string, id: string): Promise<string> {
    return this.core.mounts.mount(named(name), mountId(id), this.call())
  }

  async unmount(name: string, id: string): Promise<void> {
    await this.core.mounts.unmount(named(name), mountId(id), this.call())
  }

  /** `docker run`: Docker mounts, then the container's own namespace has it. */
  async startContainer(name: string, id: string): Promise<string> {
    const mountpoint = await this.mount(name, id)
    this.kernel.bind(id, mountpoint)
    return mountpoint
  }

  async stopContainer(name: string, id: string): Promise<void> {
    this.kernel.exit(id)
    await this.unmount(name, id)
  }

  /** The data that a path of the host shows. */
  pieceAt(path: string): Piece {
    const place = placeAt(path)
    if (place !== undefined) return this.storages.directory.piece(place)
    const { device } = this.kernel.resolve(path)
    return this.storages.filesystem.piece(device?.slice('/dev/fake/'.length) ?? `nothing at ${path}`)
  }

  /** Mounts the volume, writes into it and unmounts it. */
  async write(name: string, text: string): Promise<void> {
    this.pieceAt(await this.mount(name, 'writer')).text = text
    await this.unmount(name, 'writer')
  }

  async read(name: string): Promise<string | undefined> {
    const { text } = this.pieceAt(await this.mount(name, 'reader'))
    await this.unmount(name, 'reader')
    return text
  }

  count(name: string, id: string): number {
    return this.ledger.mountsOf(named(name)).get(mountId(id))?.count ?? 0
  }

  state(name: string): string {
    return this.ledger.volumes.get(named(name))?.state ?? 'absent'
  }

  trashed(name: string) {
    return [...this.ledger.trash.values()].filter((entry) => entry.name === name)
  }

  #begin(): Life {
    const faults = new FaultInjector()
    const ledger = new Ledger(this.database.connect(faults), this.database.contents(), soon)
    const drivers = new DriverRegistry(this.#openDrivers(faults))
    const locks = new VolumeLocks()
    const { kernel, containers, failedContainers, policy, log, clock } = this
    const core = createCore({
      ledger,
      drivers,
      mounter: new FakeMounter(kernel, faults),
      holders: {
        ...kernel.holders,
        ofEach: (places) =>
          faults.step(`holders of ${places.map(({ path }) => path).join(', ')}`, () => kernel.holders.ofEach(places)),
      },
      containers,
      failedContainers,
      jobProcesses: this.jobs.connect(faults),
      locks,
      hostId: 'this-host',
      bootId: kernel.bootId,
      now: clock.now,
      soon,
      newId: () => `00000000-0000-4000-8000-${String(this.#nextId++).padStart(12, '0')}`,
      policy,
      log,
      ...optional('mountRefusal', this.mountRefusal),
    })
    return { faults, ledger, core, locks, drivers }
  }

  #openDrivers(faults: FaultInjector): readonly Driver[] {
    const deps = (storage: FakeStorage): FakeDriverDeps => ({
      storage,
      kernel: this.kernel,
      faults,
      now: this.clock.now,
    })
    const drivers: Driver[] = [
      new FakeDirectoryDriver(deps(this.storages.directory)),
      new FakeFilesystemDriver(deps(this.storages.filesystem)),
    ]
    return [...drivers.map(this.decorate), ...this.openMore(faults)]
  }

  /** A job's process opens drivers of its own. */
  async #work({ request, journal }: JobAssignment): Promise<JobResult> {
    let notes = journal
    const volume: VolumeHandle = request.volume
    await new DriverRegistry(this.#openDrivers(new FaultInjector())).get(request.driver).remove(volume, {
      ...this.call(),
      journal: {
        get notes() {
          return notes
        },
        write: async (next) => void (notes = next),
      },
    })
    return { journal: notes }
  }
}

export interface Attempt<T> {
  readonly value?: T
  readonly error?: ConvoyError
  readonly isCrashed?: true
}

function notOurs(error: unknown): never {
  throw new Error('something other than a ConvoyError was thrown', { cause: error })
}
