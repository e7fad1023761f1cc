import { pause } from '../src/host/clock.js'
import { SystemMounter } from '../src/host/mounter.js'
import type { VolumeHandle } from '../src/model/volume.js'
import { requestFor } from '../test/conformance/driver-world.js'
import type { EbsBenchHost, LoopDisks } from './ebs-host.js'
import { Samples } from './statistics.js'

/** Look-ups by id are asked for 0.9 times a second once there were three: a host that has nothing else to do has rested. */
const restMs = 4000

/** What took how long. */
export class EbsTimes {
  readonly create = new Samples()
  /** From the disk being there to the file system being mounted, when it has been made before. */
  readonly mount = new Samples()
  /** The same of the first mount, which makes the file system. */
  readonly firstMount = new Samples()
  readonly unmount = new Samples()
  readonly remove = new Samples()
}

/** How often each action of EC2 was asked for. */
export type CallCounts = ReadonlyMap<string, number>

/** Volumes from their making to their end, one at a time. */
export class EbsRounds {
  readonly times = new EbsTimes()
  /** Of create, mount, unmount and remove of the last volume. */
  calls: CallCounts = new Map()
  callsOfInspect = 0
  readonly #host: EbsBenchHost
  readonly #disks: LoopDisks
  readonly #mountpoint: string
  readonly #mounter = new SystemMounter()

  constructor(host: EbsBenchHost, disks: LoopDisks, mountpoint: string) {
    this.#host = host
    this.#disks = disks
    this.#mountpoint = mountpoint
  }

  async run(name: string): Promise<void> {
    const { driver, journals, emulator } = this.#host
    const { create, firstMount, mount, unmount, remove } = this.times
    const request = requestFor(name)
    const call = journals.call(request)
    await pause(restMs)
    emulator.calls.clear()
    const { handle } = await create.time(() => driver.create(request, call))
    firstMount.add(await this.#mount(handle))
    await this.#unmount(handle)
    await this.#untilFree(handle)
    const before = this.#host.callCounts()
    await pause(restMs)
    mount.add(await this.#mount(handle))
    await this.#countInspect(handle)
    await unmount.time(() => this.#unmount(handle))
    await this.#untilFree(handle)
    await pause(restMs)
    emulator.calls.clear()
    await remove.time(async () => driver.remove(await driver.retire(handle, 'trashed', call), call))
    this.calls = sum(before, this.#host.callCounts())
  }

  async #countInspect(handle: VolumeHandle): Promise<void> {
    const { driver, emulator } = this.#host
    const before = emulator.calls.count()
    await driver.inspect(handle)
    this.callsOfInspect += emulator.calls.count() - before
  }

  /** Resolves to the ms since the disk was there. */
  async #mount(handle: VolumeHandle): Promise<number> {
    const { driver, journals } = this.#host
    const call = journals.call(handle)
    const source = await driver.attach(handle, call)
    if (source.kind !== 'filesystem') throw new Error('a volume of EBS is a disk')
    await this.#mounter.mount({ ...source, mountpoint: this.#mountpoint }, call)
    return performance.now() - this.#disks.appearedAt
  }

  async #unmount(handle: VolumeHandle): Promise<void> {
    const { driver, journals } = this.#host
    const call = journals.call(handle)
    await this.#mounter.unmount(this.#mountpoint, call)
    await driver.detach(handle, call)
  }

  async #untilFree({ attributes }: VolumeHandle): Promise<void> {
    const { cloud } = this.#host.emulator
    while (cloud.volume(attributes['volume'] ?? '').state !== 'available') await pause(5)
  }
}

function sum(one: CallCounts, other: CallCounts): CallCounts {
  const all = new Map(one)
  for (const [action, count] of other) all.set(action, (all.get(action) ?? 0) + count)
  return all
}
