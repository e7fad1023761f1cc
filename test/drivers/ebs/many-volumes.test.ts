import t from 'tap'
import { AwsEc2Api } from '../../../src/drivers/ebs/aws-ec2-api.js'
import { EbsDriver } from '../../../src/drivers/ebs/ebs-driver.js'
import { ebsDriverOptions } from '../../../src/drivers/ebs/ebs-options.js'
import { pause } from '../../../src/host/clock.js'
import { parseOptions } from '../../../src/model/options.js'
import { Journals, requestFor } from '../../conformance/driver-world.js'
import { type CloudClock, RealClock } from '../../ec2/cloud-clock.js'
import { Ec2Emulator } from '../../ec2/emulator.js'
import { FakeBlockDevices, FakeDisks } from '../../fakes/fake-disks.js'
import { FaultInjector } from '../../fakes/fault-injector.js'

const haste = 100
const volumes = 100

/** Time that flies. */
class HastyClock implements CloudClock {
  readonly #clock = new RealClock()
  readonly #start = this.#clock.now()

  now(): number {
    return this.#start + (this.#clock.now() - this.#start) * haste
  }

  schedule(ms: number, act: () => Promise<void>): void {
    this.#clock.schedule(ms / haste, act)
  }

  close(): void {
    this.#clock.close()
  }
}

t.test('EB09 100 volumes that are attached at once while EC2 takes 2 requests a second: none fails', async (t) => {
  const clock = new HastyClock()
  const instanceId = 'i-0123456789abcdef0'
  const disks = new FakeDisks(instanceId)
  const emulator = await Ec2Emulator.start(t, { clock, disks })
  Object.assign(process.env, emulator.environment())
  const { cloud, endpoint, calls } = emulator
  cloud.addInstanceType({ name: 'big', instanceDisks: 0 })
  const { type: instanceType, zone } = cloud.addInstance({ id: instanceId, type: 'big' })
  const { region } = cloud
  const soon = (ms: number, ...signals: readonly (AbortSignal | undefined)[]) => pause(ms / haste, ...signals)
  const api = new AwsEc2Api({ region: async () => region, endpoint, nowMs: () => clock.now(), pause: soon })
  t.teardown(() => api.close())
  const driver = new EbsDriver({
    api,
    devices: new FakeBlockDevices({ disks, faults: new FaultInjector(), pause: soon }),
    here: { instanceId, instanceType, region, zone },
    owner: { host: 'host-1' },
    defaults: parseOptions(ebsDriverOptions, {}, 'option of driver ebs'),
    readTable: async () => [],

    findHolders: async () => [],
    pause: soon,
    startTimer: (ms, act) => {
      const timer = setTimeout(act, ms / haste)
      return () => clearTimeout(timer)
    },
    now: () => new Date(clock.now()),
  })
  const journals = new Journals()
  const requests = Array.from({ length: volumes }, (_, index) => requestFor(`db-${index}`, { options: { size: '1G' } }))
  const made = await Promise.all(requests.map((request) => driver.create(request, journals.call(request))))
  for (const action of ['AttachVolume', 'DescribeVolumes', 'DescribeInstances', 'DescribeInstanceTypes'] as const)
    cloud.faults.limit(action, { perSecond: 2, burst: 2 })
  const before = calls.count('DescribeVolumes')
  await Promise.all(made.map(({ handle }) => driver.attach(handle, journals.call(handle))))
  t.ok(cloud.volumes().every(({ attachments }) => attachments[0]?.state === 'attached'))
  t.equal(new Set(cloud.volumes().map(({ attachments }) => attachments[0]?.device)).size, volumes)
  const describes = calls.count('DescribeVolumes') - before
  t.ok(describes < volumes, `${describes} calls of DescribeVolumes`)
})
