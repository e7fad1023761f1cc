import { ConvoyError } from '../../src/errors.js'
import type { DiskMounter, MountRequest, UnmountResult } from '../../src/host/mounter.js'
import { isBelow, type MountEntry } from '../../src/host/mount-table.js'
import type { FakeKernel } from './fake-kernel.js'
import type { FaultInjector } from './fault-injector.js'

/** mount(8) and umount(8) on a {@link FakeKernel}: like the real one, umount succeeds while a container still has it. */
export class FakeMounter implements DiskMounter {
  readonly #kernel: FakeKernel
  readonly #faults: FaultInjector

  constructor(kernel: FakeKernel, faults: FaultInjector) {
    this.#kernel = kernel
    this.#faults = faults
  }

  mount({ source, mountpoint, fsType, device }: MountRequest): Promise<void> {
    return this.#faults.step(`mount ${mountpoint}`, () => {
      if (device !== undefined && !this.#kernel.isDiskThere(device))
        throw new ConvoyError('internal', `no disk ${device}`)
      if (this.#isLost(this.#kernel.findMounted(mountpoint))) this.#kernel.abandon(mountpoint)
      const found = this.#kernel.findMounted(mountpoint)
      if (found === undefined) this.#kernel.mount(source, mountpoint, fsType)
      else if (found.source !== source) throw new ConvoyError('in-use', `${found.source} is mounted on ${mountpoint}`)
    })
  }

  unmount(mountpoint: string): Promise<UnmountResult> {
    return this.#faults.step(`unmount ${mountpoint}`, () => {
      this.#kernel.unmount(mountpoint)
      return { lazily: this.#kernel.isLazy }
    })
  }

  abandon(mountpoint: string): Promise<void> {
    return this.#faults.step(`abandon ${mountpoint}`, () => this.#kernel.abandon(mountpoint))
  }

  async lostBelow(directory: string): Promise<readonly MountEntry[]> {
    return (await this.mountsBelow(directory)).filter((entry) => this.#isLost(entry))
  }

  #isLost(entry: MountEntry | undefined): boolean {
    return entry !== undefined && !this.#kernel.isDiskThere(entry.device)
  }

  mountsBelow(directory: string): Promise<readonly MountEntry[]> {
    return Promise.resolve(this.#kernel.hostMounts.filter(({ mountpoint }) => isBelow(mountpoint, directory)))
  }
}
