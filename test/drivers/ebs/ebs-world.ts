import { EbsDriver } from '../../../src/drivers/ebs/ebs-driver.js'
import { ebsDriverOptions } from '../../../src/drivers/ebs/ebs-options.js'
import type { Owner } from '../../../src/drivers/ebs/ebs-deps.js'
import type { BlockDevice } from '../../../src/host/block-devices.js'
import type { MountHolder } from '../../../src/host/mount-holders.js'
import type { MountEntry } from '../../../src/host/mount-table.js'
import { optional } from '../../../src/model/optional.js'
import { parseOptions } from '../../../src/model/options.js'
import type { MountSource } from '../../../src/drivers/driver.js'
import type { Attributes } from '../../../src/model/volume.js'
import type { DriverStorage } from '../../conformance/driver-world.js'
import { ManualClock } from '../../ec2/cloud-clock.js'
import { Cloud, type CloudSettings } from '../../ec2/cloud.js'
import { CloudEc2 } from '../../fakes/cloud-ec2.js'
import { FakeBlockDevices, FakeDisks } from '../../fakes/fake-disks.js'
import type { InstanceRecord } from '../../ec2/records.js'
import type { FaultInjector } from '../../fakes/fault-injector.js'

/** A host of the cloud: its disks, and drivers that run there. Time passes when somebody waits. */
export class EbsHost {
  readonly cloud: Cloud
  readonly disks: FakeDisks
  readonly owner: Owner
  readonly instanceId: string
  readonly instanceType: string
  mounts: readonly MountEntry[] = []
  readTable: () => Promise<readonly MountEntry[]> = async () => this.mounts
  /** Numbers of disks that a container has mounted, and nobody else. */
  readonly heldByContainers = new Set<string>()
  /** One of each driver that was opened. */
  readonly apis: CloudEc2[] = []

  constructor(cloud: Cloud, disks: FakeDisks, owner: Owner) {
    this.cloud = cloud
    this.disks = disks
    this.owner = owner
    this.instanceId = disks.instanceId
    this.instanceType = cloud.findInstance(this.instanceId)?.type ?? ''
  }

  /** Of the driver that was opened last. */
  get api(): CloudEc2 | undefined {
    return this.apis.at(-1)
  }

  /** What the host sees of the volume of EBS. */
  mount(volumeId: string): void {
    const device = this.disks.plugged.get(volumeId)
    if (device === undefined) throw new Error(`${volumeId} is not attached to ${this.owner.host}`)
    this.mounts = [...this.mounts, mountOf(device)]
  }

  unmountAll(): void {
    this.mounts = []
  }

  async #findHolders(device: string): Promise<readonly MountHolder[]> {
    const holder = { pid: 77, namespace: 'mnt:[1]', mountpoint: '/data', isOwnNamespace: false, deleted: false }
    const own = (await this.readTable()).filter((entry) => entry.device === device)
    return [
      ...own.map(({ mountpoint }) => ({ ...holder, mountpoint, isOwnNamespace: true })),
      ...(this.heldByContainers.has(device) ? [holder] : []),
    ]
  }

  open(faults: FaultInjector, options: Attributes = {}): EbsDriver {
    const { cloud, disks, owner, instanceId, instanceType } = this
    const zone = cloud.findInstance(instanceId)?.zone ?? ''
    const pause = async (ms: number, ...signals: readonly (AbortSignal | undefined)[]) => {
      if (!signals.some((signal) => signal?.aborted === true)) await cloud.advance(ms)
    }
    const api = new CloudEc2(cloud, faults)
    this.apis.push(api)
    return new EbsDriver({
      api,
      devices: new FakeBlockDevices({ disks, faults, pause }),
      here: { instanceId, instanceType, region: cloud.region, zone },
      owner,
      defaults: parseOptions(ebsDriverOptions, options, 'option of driver ebs'),
      readTable: () => this.readTable(),
      findHolders: (device) => this.#findHolders(device),
      pause,
      startTimer: (ms, act) => {
        let isOver = false
        cloud.clock.schedule(ms, async () => {
          if (!isOver) act()
        })
        return () => (isOver = true)
      },
      now: () => new Date(cloud.clock.now()),
    })
  }
}

type HostSettings = Partial<InstanceRecord> & { readonly cluster?: string }

function mountOf({ path: source, number: device }: BlockDevice): MountEntry {
  const ids = { mountId: 1000, parentId: 1, root: '/', deleted: false, options: [], superOptions: [] }
  return { ...ids, device, source, mountpoint: '/mounts/x', fsType: 'ext4' }
}

/** Several instances of one cloud; each sees the disks that are attached to it. */
export class EbsWorld {
  readonly cloud: Cloud
  readonly #disks: FakeDisks[] = []

  constructor(settings: Omit<CloudSettings, 'disks' | 'clock'> = {}) {
    const all = this.#disks
    this.cloud = new Cloud({
      ...settings,
      clock: new ManualClock(),
      disks: {
        plug: async (volume, instanceId) => {
          for (const disks of all) await disks.plug(volume, instanceId)
        },
        unplug: async (volumeId, instanceId) => {
          for (const disks of all) await disks.unplug(volumeId, instanceId)
        },
      },
    })
  }

  addHost(host: string, more: HostSettings = {}): EbsHost {
    const { zone = this.cloud.zones[0] ?? '', cluster, ...instance } = more
    const owner = { host, ...optional('cluster', cluster) }
    const { id } = this.cloud.addInstance({ zone, tags: { Name: host }, ...instance })
    const disks = new FakeDisks(id)
    // What is on a disk goes with it from host to host.
    const first = this.#disks[0]
    if (first !== undefined) Object.assign(disks, { all: first.all })
    this.#disks.push(disks)
    return new EbsHost(this.cloud, disks, owner)
  }
}

/** For the conformance suite. */
export class EbsStorage implements DriverStorage {
  readonly isRigid = true
  readonly missing = { id: 'vol-00000000000000000' }
  readonly world = new EbsWorld()
  readonly host = this.world.addHost('host-1')
  #planted = ''

  open(faults: FaultInjector): EbsDriver {
    return this.host.open(faults)
  }

  async read(source: MountSource): Promise<string | undefined> {
    return this.host.disks.at(pathOf(source)).text
  }

  async write(source: MountSource, text: string): Promise<void> {
    const disk = this.host.disks.at(pathOf(source))
    if (disk.content.kind !== 'file-system') throw new Error('there is no file system')
    disk.text = text
  }

  async plant(text: string): Promise<Attributes> {
    const volume = this.world.cloud.addVolume()
    Object.assign(this.host.disks.disk(volume), { content: { kind: 'file-system', fsType: 'ext4' }, text })
    this.#planted = volume.id
    return { id: volume.id }
  }

  async readPlanted(): Promise<string | undefined> {
    return this.host.disks.disk({ id: this.#planted, sizeGib: 0 }).text
  }

  async close(): Promise<void> {
    this.world.cloud.close()
  }
}

function pathOf(source: MountSource): string {
  if (source.kind === 'filesystem') return source.source
  throw new Error('a volume of EBS is a disk')
}
