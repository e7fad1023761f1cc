import { setImmediate as turn } from 'node:timers/promises'
import type { Test } from 'tap'
import { AwsEc2Api } from '../../../src/drivers/ebs/aws-ec2-api.js'
import { EbsDriver } from '../../../src/drivers/ebs/ebs-driver.js'
import { ebsDriverOptions } from '../../../src/drivers/ebs/ebs-options.js'
import { parseOptions } from '../../../src/model/options.js'
import { Journals } from '../../conformance/driver-world.js'
import { ManualClock } from '../../ec2/cloud-clock.js'
import { Ec2Emulator, type EmulatorSettings } from '../../ec2/emulator.js'
import { FakeBlockDevices, FakeDisks } from '../../fakes/fake-disks.js'
import { FaultInjector } from '../../fakes/fault-injector.js'

process.env['AWS_ACCESS_KEY_ID'] = 'none'
process.env['AWS_SECRET_ACCESS_KEY'] = 'none'
process.env['AWS_EC2_METADATA_DISABLED'] = 'true'

/** The driver with the real client of EC2 at the emulator, on an instance whose disks are false. Time passes when somebody waits. */
export class WiredHost {
  readonly emulator: Ec2Emulator
  readonly instanceId: string
  readonly disks: FakeDisks
  readonly api: AwsEc2Api
  readonly driver: EbsDriver
  readonly journals = new Journals()

  private constructor(emulator: Ec2Emulator, instanceId: string, disks: FakeDisks) {
    const { cloud } = emulator
    this.emulator = emulator
    this.instanceId = instanceId
    this.disks = disks
    let ms = 0
    const paceOfRequests = async (pausedMs: number) => {
      ms += pausedMs
      await turn()
    }
    const pause = (pausedMs: number) => cloud.advance(pausedMs)
    this.api = new AwsEc2Api({
      region: () => Promise.resolve(cloud.region),
      endpoint: emulator.endpoint,
      nowMs: () => ms,
      pause: paceOfRequests,
    })
    this.driver = new EbsDriver({
      api: this.api,
      devices: new FakeBlockDevices({ disks, faults: new FaultInjector(), pause }),
      here: { instanceId, instanceType: 'm5.large', region: cloud.region, zone: cloud.zones[0] ?? '' },
      owner: { host: 'host-1' },
      defaults: parseOptions(ebsDriverOptions, {}, 'option of driver ebs'),
      readTable: () => Promise.resolve([]),

      findHolders: async () => [],
      pause,
      startTimer: () => () => undefined,
      now: () => new Date(cloud.clock.now()),
    })
  }

  static async start(t: Test, settings: Pick<EmulatorSettings, 'policy'> = {}): Promise<WiredHost> {
    const plugged: { disks?: FakeDisks } = {}
    const emulator = await Ec2Emulator.start(t, {
      ...settings,
      clock: new ManualClock(),
      disks: {
        plug: async (volume, instanceId) => plugged.disks?.plug(volume, instanceId),
        unplug: async (volumeId, instanceId) => plugged.disks?.unplug(volumeId, instanceId),
      },
    })
    const { id } = emulator.cloud.addInstance({ zone: emulator.cloud.zones[0] ?? '' })
    const disks = (plugged.disks = new FakeDisks(id))
    const host = new WiredHost(emulator, id, disks)
    t.teardown(() => host.api.close())
    return host
  }
}
