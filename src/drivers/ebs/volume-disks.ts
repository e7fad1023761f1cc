import { isConvoyError } from '../../errors.js'
import type { BlockDevice } from '../../host/block-devices.js'
import type { MountEntry } from '../../host/mount-table.js'
import type { EbsDeps } from './ebs-deps.js'
import { onAbort } from './until-aborted.js'

/** How often a disk without a serial number is looked for: the others are waited for. */
const lookByNameMs = 1000

export interface MountedDisk {
  readonly device: BlockDevice
  readonly mount: MountEntry
}

export interface DiskWait {
  readonly forMs: number
  readonly signal: AbortSignal
}

/**
 * The disks of volumes on this host, by their serial numbers. Those of Xen have none: they are found by the name under which EC2 attached
 * them, which an instance with NVMe shows nowhere.
 */
export class VolumeDisks {
  readonly #deps: Pick<EbsDeps, 'devices' | 'readTable' | 'startTimer' | 'now'>

  constructor(deps: Pick<EbsDeps, 'devices' | 'readTable' | 'startTimer' | 'now'>) {
    this.#deps = deps
  }

  /** `name`: EC2's, as far as it is known. */
  async find(volumeId: string, name: string | undefined): Promise<BlockDevice | undefined> {
    const { devices } = this.#deps
    const found = await devices.findBySerial(volumeId)
    if (found !== undefined || name === undefined) return found
    return devices.findByName(name)
  }

  /** One that is mounted in our own namespace. */
  async findMounted(volumeId: string, name: string | undefined): Promise<MountedDisk | undefined> {
    const device = await this.find(volumeId, name)
    const mount = device && (await this.findMount(device))
    return device && mount && { device, mount }
  }

  async findMount({ number }: BlockDevice): Promise<MountEntry | undefined> {
    return (await this.#deps.readTable()).find((entry) => entry.device === number)
  }

  /** None when it has not come in time. */
  async untilThere(volumeId: string, name: string, { forMs, signal }: DiskWait): Promise<BlockDevice | undefined> {
    const { now } = this.#deps
    for (const end = now().getTime() + forMs; ;) {
      const found = await this.find(volumeId, name)
      if (found !== undefined) return found
      const leftMs = end - now().getTime()
      if (leftMs <= 0 || signal.aborted) return undefined
      await this.#untilSerial(volumeId, Math.min(leftMs, lookByNameMs), signal)
    }
  }

  async #untilSerial(serial: string, ms: number, signal: AbortSignal): Promise<void> {
    const { devices, startTimer } = this.#deps
    const enough = new AbortController()
    const end = () => enough.abort()
    const leave = onAbort(signal, end)
    const stopTimer = startTimer(ms, end)
    try {
      await devices.untilThere(serial, enough.signal)
    } catch (thrown) {
      if (!isConvoyError(thrown, 'deadline-exceeded')) throw thrown
    } finally {
      leave()
      stopTimer()
    }
  }
}
