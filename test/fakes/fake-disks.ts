import { setImmediate as turn } from 'node:timers/promises'
import { ConvoyError } from '../../src/errors.js'
import type { BlockDevice, BlockDevices, DiskContent, FormatRequest } from '../../src/host/block-devices.js'
import type { Disks, DiskVolume } from '../ec2/disks.js'
import type { FakeKernel } from './fake-kernel.js'
import type { FaultInjector } from './fault-injector.js'

interface Disk {
  readonly sizeBytes: number
  content: DiskContent
  text: string | undefined
  /** How often it was formatted: more than once is a loss of data. */
  formats: number
  isUnreadable?: boolean
  /** It fails when it is checked, and not before. */
  isUncheckable?: boolean
}

/** The disks of one instance: they come and go as EC2 says, and keep what is on them. */
export class FakeDisks implements Disks {
  readonly instanceId: string
  /** By id of the volume. */
  readonly all = new Map<string, Disk>()
  readonly plugged = new Map<string, BlockDevice>()
  /** Of the instance: it learns of its disks. */
  kernel: FakeKernel | undefined
  /** On Xen: what EC2 attached the volume as. Such disks have that name, and no serial number. */
  findName: ((volumeId: string) => string | undefined) | undefined
  #next = 1

  constructor(instanceId: string) {
    this.instanceId = instanceId
  }

  /** The disk of a volume, blank when it is new. */
  disk({ id, sizeGib }: Pick<DiskVolume, 'id' | 'sizeGib'>): Disk {
    const known = this.all.get(id)
    if (known !== undefined) return known
    const disk: Disk = { sizeBytes: sizeGib * 1024 ** 3, content: { kind: 'blank' }, text: undefined, formats: 0 }
    this.all.set(id, disk)
    return disk
  }

  plug(volume: DiskVolume, instanceId: string): Promise<void> {
    const { sizeBytes } = this.disk(volume)
    const number = this.#next++
    const path = this.findName?.(volume.id) ?? `/dev/nvme${number}n1`
    const serial = this.findName === undefined ? { serial: serialOf(volume.id) } : {}
    if (instanceId !== this.instanceId) return Promise.resolve()
    this.plugged.set(volume.id, { path, number: `259:${number}`, sizeBytes, ...serial })
    this.kernel?.attachDevice(path, `259:${number}`)
    return Promise.resolve()
  }

  unplug(volumeId: string, instanceId: string): Promise<void> {
    if (instanceId !== this.instanceId) return Promise.resolve()
    this.kernel?.removeDevice(this.plugged.get(volumeId)?.path ?? '')
    this.plugged.delete(volumeId)
    return Promise.resolve()
  }

  /** What is on the disk at that path now. */
  at(path: string): Disk {
    const found = [...this.plugged].find(([, device]) => device.path === path)
    if (found === undefined) throw new Error(`there is no disk ${path}`)
    return this.disk({ id: found[0], sizeGib: 0 })
  }
}

function readable({ content, isUnreadable }: Disk, device: BlockDevice): DiskContent {
  if (isUnreadable === true) throw unreadable(device)
  return content
}

const unreadable = ({ path }: BlockDevice) =>
  new ConvoyError('unavailable', `the disk ${path} cannot be read: input/output error`)

const serialOf = (id: string) => id.replace('-', '')

function refuseOther(device: BlockDevice, serial: string | undefined): void {
  if ((serial && serialOf(serial)) !== device.serial)
    throw new ConvoyError('internal', `${device.path} is another disk`)
}

export interface FakeBlockDevicesDeps {
  readonly disks: FakeDisks
  readonly faults: FaultInjector
  /** Lets the time of the world pass. */
  readonly pause: (ms: number) => Promise<void>
}

/** What a process of the instance sees and does; what touches a disk is a step. */
export class FakeBlockDevices implements BlockDevices {
  readonly #deps: FakeBlockDevicesDeps

  constructor(deps: FakeBlockDevicesDeps) {
    this.#deps = deps
  }

  async findBySerial(serial: string): Promise<BlockDevice | undefined> {
    return [...this.#deps.disks.plugged.values()].find((device) => device.serial === serialOf(serial))
  }

  async findByName(name: string): Promise<BlockDevice | undefined> {
    return [...this.#deps.disks.plugged.values()].find(({ path }) => path === name)
  }

  async untilThere(serial: string, signal: AbortSignal): Promise<BlockDevice> {
    for (;;) {
      const found = await this.findBySerial(serial)
      if (found !== undefined) return found
      if (signal.aborted) throw new ConvoyError('deadline-exceeded', `no disk ${serial} came up in time`)
      await this.#deps.pause(50)
      await turn()
    }
  }

  async untilGone(device: BlockDevice): Promise<void> {
    while ((await this.findBySerial(device.serial ?? '')) !== undefined) await this.#deps.pause(50)
  }

  verify(device: BlockDevice, serial: string | undefined): Promise<void> {
    return this.#step('verify', device, () => {
      refuseOther(device, serial)
    })
  }

  examine(device: BlockDevice): Promise<DiskContent> {
    return this.#step('examine', device, (disk) => readable(disk, device))
  }

  async identify(device: BlockDevice): Promise<DiskContent> {
    const content = await this.#step('identify', device, (disk) => readable(disk, device))
    return content.kind === 'blank' ? { kind: 'unknown', description: 'nothing that has a name' } : content
  }

  format(device: BlockDevice, { fsType, serial }: FormatRequest): Promise<void> {
    return this.#step('format', device, (disk) => {
      refuseOther(device, serial)
      if (disk.content.kind !== 'blank') throw new ConvoyError('internal', `${device.path} is not blank`)
      disk.content = { kind: 'file-system', fsType }
      disk.formats++
    })
  }

  check(device: BlockDevice): Promise<void> {
    return this.#step('check', device, ({ isUncheckable }) => {
      if (isUncheckable === true) throw unreadable(device)
    })
  }

  #step<T>(what: string, { path }: BlockDevice, act: (disk: Disk) => T): Promise<T> {
    return this.#deps.faults.step(`${what} ${path}`, () => act(this.#deps.disks.at(path)))
  }
}
