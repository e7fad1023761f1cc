import { diskNode, hotplugPorts } from './qemu-command.js'
import type { Qmp } from './qmp.js'

/** A stand-in for an EBS volume: a file, and the id that the guest sees as the serial of its NVMe device. */
export interface Volume {
  /** Such as vol-0123456789abcdef0. */
  readonly id: string
  readonly file: string
}

interface Plugged {
  readonly port: number
  /** Names that QEMU never had: it may need a moment to forget those of a device that it refused. */
  readonly device: string
  readonly node: string
}

/** The volumes that are plugged into one guest. QEMU locks the file: no other guest can have it at the same time. */
export class NvmePorts {
  readonly #qmp: Qmp
  readonly #plugged = new Map<string, Plugged>()
  #lastNumber = 0

  constructor(qmp: Qmp) {
    this.#qmp = qmp
  }

  /** Resolves when QEMU has the device; the guest sees it a moment later. */
  async plug(volume: Volume): Promise<void> {
    if (this.#plugged.has(volume.id)) throw new Error(`${volume.id} is attached already`)
    const number = ++this.#lastNumber
    const plugged = { port: this.#freePort(), device: `nvme${number}`, node: `volume${number}` }
    // Taken before the first await: QEMU accepts two devices on one port, and the guest never sees the second.
    this.#plugged.set(volume.id, plugged)
    try {
      await this.#add(volume, plugged)
    } catch (error) {
      this.#plugged.delete(volume.id)
      throw error
    }
  }

  /** Resolves when the guest has let go of the device and another guest may have the volume. */
  async unplug({ id }: Volume): Promise<void> {
    const plugged = this.#plugged.get(id)
    if (plugged === undefined) throw new Error(`${id} is not attached`)
    const gone = this.#qmp.event('DEVICE_DELETED', plugged.device)
    gone.catch(() => undefined)
    await this.#qmp.run('device_del', { id: plugged.device })
    await gone
    await this.#qmp.run('blockdev-del', { 'node-name': plugged.node })
    this.#plugged.delete(id)
  }

  async #add({ id, file }: Volume, { port, device, node }: Plugged): Promise<void> {
    const backend = { driver: 'file', filename: file, aio: 'threads' }
    await this.#qmp.run('blockdev-add', { ...diskNode, 'node-name': node, file: backend })
    const sectors = { logical_block_size: 512, physical_block_size: 4096 }
    const place = { id: device, drive: node, bus: `port${port}` }
    try {
      await this.#qmp.run('device_add', { driver: 'nvme', serial: serialOf(id), ...place, ...sectors })
    } catch (error) {
      await this.#qmp.run('blockdev-del', { 'node-name': node }).catch(() => undefined)
      throw error
    }
  }

  #freePort(): number {
    const used = new Set([...this.#plugged.values()].map(({ port }) => port))
    const port = Array.from({ length: hotplugPorts }, (_, index) => index).find((index) => !used.has(index))
    if (port === undefined) throw new Error('no port is free')
    return port
  }
}

/** The id as EC2 writes it into the controller: without the dash, which makes 20 characters, all that NVMe has. */
export const serialOf = (volumeId: string) => volumeId.replace('-', '')
