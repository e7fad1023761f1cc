import { mkdirSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { AwsEc2Api } from '../src/drivers/ebs/aws-ec2-api.js'
import { EbsDriver } from '../src/drivers/ebs/ebs-driver.js'
import { ebsDriverOptions } from '../src/drivers/ebs/ebs-options.js'
import type { BlockDevices } from '../src/host/block-devices.js'
import { pause, startTimer } from '../src/host/clock.js'
import { runProgram } from '../src/host/exec.js'
import { MountHolders } from '../src/host/mount-holders.js'
import { readMountTable } from '../src/host/mount-table.js'
import { parseOptions } from '../src/model/options.js'
import { Journals } from '../test/conformance/driver-world.js'
import type { Disks, DiskVolume } from '../test/ec2/disks.js'
import { Ec2Emulator } from '../test/ec2/emulator.js'
import { FakeSysfs } from '../test/host/fake-sysfs.js'

export const instanceType = 'bench.large'

/** Disks of files, with a made-up sysfs that shows them as volumes of EBS. Their content outlives their being attached. */
export class LoopDisks implements Disks {
  readonly sysfs: FakeSysfs
  /** When the disk of the last attachment was there, by `performance.now`. */
  appearedAt = 0
  readonly #directory: string
  readonly #plugged = new Map<string, { readonly path: string; readonly number: string }>()

  constructor(directory: string) {
    this.#directory = directory
    mkdirSync(directory, { recursive: true })
    this.sysfs = new FakeSysfs(join(directory, 'sys'))
  }

  async plug({ id, sizeGib }: DiskVolume): Promise<void> {
    const image = join(this.#directory, id)
    const sizeBytes = sizeGib * 1024 ** 3
    writeFileSync(image, '', { flag: 'a' })
    truncateSync(image, sizeBytes)
    const { stdout } = await runProgram('losetup', ['--show', '-f', image], { timeoutMs: 10_000 })
    const path = stdout.trim()
    const { rdev } = statSync(path)
    const number = `${(rdev >> 8) & 0xfff}:${(rdev & 0xff) | ((rdev >> 12) & 0xfff00)}`
    this.#plugged.set(id, { path, number })
    this.sysfs.add(basename(path), { number, serial: id.replace('-', ''), sizeBytes })
    this.appearedAt = performance.now()
  }

  async unplug(id: string): Promise<void> {
    const disk = this.#plugged.get(id)
    if (disk === undefined) return
    this.#plugged.delete(id)
    this.sysfs.remove(basename(disk.path), disk.number)
    await runProgram('losetup', ['-d', disk.path], { timeoutMs: 10_000 })
  }
}

export interface EbsHostSettings {
  readonly disks: (instanceId: string) => Disks
  readonly devices: (disks: Disks) => BlockDevices
  readonly delays: { readonly attachMs: number }
}

/** The driver with the client of AWS, and an emulator of EC2 that answers at once, in this process. */
export class EbsBenchHost {
  readonly emulator: Ec2Emulator
  readonly instanceId: string
  readonly driver: EbsDriver
  readonly journals = new Journals()
  readonly #endings: readonly (() => unknown)[]

  private constructor(
    emulator: Ec2Emulator,
    driver: EbsDriver,
    of: { instanceId: string; endings: (() => unknown)[] },
  ) {
    this.emulator = emulator
    this.driver = driver
    this.instanceId = of.instanceId
    this.#endings = of.endings
  }

  static async start({ disks, devices, delays }: EbsHostSettings): Promise<EbsBenchHost> {
    process.env['AWS_ACCESS_KEY_ID'] = 'none'
    process.env['AWS_SECRET_ACCESS_KEY'] = 'none'
    process.env['AWS_EC2_METADATA_DISABLED'] = 'true'
    process.env['AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED'] = 'true'
    const endings: (() => unknown)[] = []
    const plugged: { disks?: Disks } = {}
    const emulator = await Ec2Emulator.start(
      {
        teardown: (ending: () => unknown) => void endings.push(ending),
        fail: (...said: unknown[]) => {
          throw new Error('a disk of the emulator failed', { cause: said })
        },
      },
      {
        delays: { createMs: 0, detachMs: 0, deleteMs: 0, ...delays },
        disks: {
          plug: async (volume, instanceId) => plugged.disks?.plug(volume, instanceId),
          unplug: async (volumeId, instanceId) => plugged.disks?.unplug(volumeId, instanceId),
        },
      },
    )
    const { cloud } = emulator
    cloud.addInstanceType({ name: instanceType, mostAttachments: 128, limitType: 'dedicated', instanceDisks: 0 })
    const { id: instanceId, zone } = cloud.addInstance({ type: instanceType })
    plugged.disks = disks(instanceId)
    const driver = new EbsDriver({
      api: new AwsEc2Api({ region: () => Promise.resolve(cloud.region), endpoint: emulator.endpoint }),
      devices: devices(plugged.disks),
      here: { instanceId, instanceType, region: cloud.region, zone },
      owner: { host: 'bench' },
      defaults: parseOptions(ebsDriverOptions, { defaultvolumesize: '1G' }, 'option of driver ebs'),
      readTable: () => readMountTable(),
      findHolders: (device) =>
        new MountHolders().findEach([{ kind: 'filesystem', device }]).then(([found = []]) => found),
      pause,
      startTimer,
      now: () => new Date(),
    })
    return new EbsBenchHost(emulator, driver, { instanceId, endings })
  }

  /** How often each action was asked for since the log was cleared. */
  callCounts(): ReadonlyMap<string, number> {
    const counts = new Map<string, number>()
    for (const { action } of this.emulator.calls.all) counts.set(action, (counts.get(action) ?? 0) + 1)
    return counts
  }

  async close(): Promise<void> {
    await this.driver.close()
    for (const ending of this.#endings) await ending()
  }
}
