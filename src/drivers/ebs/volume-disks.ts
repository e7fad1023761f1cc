import { isConvoyError } from '../../errors.js'
import type { BlockDevice } from '../../host/block-devices.js'
import type { EbsDeps } from './ebs-deps.js'
import { serialOf } from './ebs-volume.js'

/** How often a disk without a serial number is looked for: the others are waited for. */
const lookByNameMs = 1000

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
    const found = await devices.findBySerial(serialOf(volumeId))
    if (found !== undefined || name === undefined) return found
    return devices.findByName(name)
  }

  async findMounted(volumeId: string, name: string | undefined): Promise<BlockDevice | undefined> {
    const device = await this.find(volumeId, name)
    if (device === undefined) return undefined
    const entries = await this.#deps.readTable()
    return entries.some((entry) => entry.device === device.number) ? device : undefined
  }

  /** None when it has not come in time. */
  async untilThere(volumeId: string, name: string, { forMs, signal }: DiskWait): Promise<BlockDevice | undefined> {
    const { now } = this.#deps
    for (const end = now().getTime() + forMs; ;) {
      const found = await this.find(volumeId, name)
      if (found !== undefined) return found
      const leftMs = end - now().getTime()
      if (leftMs <= 0 || signal.aborted) return undefined
      await this.#untilSerial(serialOf(volumeId), Math.min(leftMs, lookByNameMs), signal)
    }
  }

  async #untilSerial(serial: string, ms: number, signal: AbortSignal): Promise<void> {
    const { devices, startTimer } = this.#deps
    const enough = new AbortController()
    const end = () => enough.abort()
    signal.addEventListener('abort', end)
    const stopTimer = startTimer(ms, end)
    try {
      await devices.untilThere(serial, enough.signal)
    } catch (thrown) {
      if (!isConvoyError(thrown, 'deadline-exceeded')) throw thrown
    } finally {
      signal.removeEventListener('abort', end)
      stopTimer()
    }
  }
}
