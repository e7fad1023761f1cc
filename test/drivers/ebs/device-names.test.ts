import fc from 'fast-check'
import t from 'tap'
import { DeviceNames, full } from '../../../src/drivers/ebs/device-names.js'
import type { AttachmentLimit, InstanceDevice } from '../../../src/drivers/ebs/ec2-api.js'
import { FaultInjector } from '../../fakes/fault-injector.js'
import { CloudEc2 } from '../../fakes/cloud-ec2.js'
import { Cloud } from '../../ec2/cloud.js'
import type { InstanceRecord } from '../../ec2/records.js'

const { signal } = new AbortController()

/** The names of one instance whose devices a test sets. */
function setUp(given: Partial<InstanceRecord> = {}, limit?: AttachmentLimit) {
  const cloud = new Cloud()
  const { id, type, zone } = cloud.addInstance(given)
  const devices: InstanceDevice[] = []
  const api = new CloudEc2(cloud, new FaultInjector())
  api.attachmentLimit = async () => limit
  const root: InstanceDevice = { device: '/dev/xvda', volumeId: 'vol-root', state: 'attached' }
  const networkInterfaces = given.networkInterfaces ?? 1
  api.findInstance = async () => {
    api.calls.set('DescribeInstances', (api.calls.get('DescribeInstances') ?? 0) + 1)
    return { id, state: 'running', type, zone, networkInterfaces, devices: [root, ...devices] }
  }
  const here = { instanceId: id, instanceType: type, region: 'eu-west-1', zone }
  const names = new DeviceNames({ api, here, now: () => new Date(cloud.clock.now()) })
  const add = (volumeId: string, device: string) => devices.push({ volumeId, device, state: 'attached' })
  const take = (volumeId: string) => names.take(volumeId, signal)
  const asked = () => api.calls.get('DescribeInstances') ?? 0
  return { names, take, devices, add, pass: (ms: number) => cloud.advance(ms), asked }
}

const shared = (most: number, instanceDisks = 0): AttachmentLimit => ({ most, isShared: true, instanceDisks })
const dedicated = (most: number): AttachmentLimit => ({ most, isShared: false, instanceDisks: 4 })

t.test(
  'EB12 whatever volumes take and give back at once, no two have the same name, nor one that EC2 shows',
  async () => {
    const act = fc.record({ volume: fc.integer({ min: 0, max: 30 }), how: fc.constantFrom('take', 'give', 'bad') })
    await fc.assert(
      fc.asyncProperty(fc.array(fc.array(act, { maxLength: 12 }), { maxLength: 12 }), async (rounds) => {
        const { names, take, add } = setUp()
        add('vol-other', '/dev/sdba')
        const held = new Map<string, string>()
        for (const round of rounds) {
          const takes = round.map(async ({ volume, how }) => {
            const id = `vol-${volume}`
            if (how === 'take') return held.set(id, await take(id))
            if (how === 'bad') names.markBad(id, held.get(id) ?? '/dev/xvdzz')
            else names.giveBack(id)
            return held.delete(id)
          })
          await Promise.all(takes)
          // What was given back while it was being taken is nobody's.
          for (const id of held.keys()) held.set(id, await take(id))
          const all = [...held.values()]
          if (new Set(all).size !== all.length || all.includes('/dev/xvdba')) return false
        }
        return true
      }),
      { numRuns: 60 },
    )
  },
)

t.test('a volume that has a name keeps it', async (t) => {
  const { take } = setUp()
  t.equal(await take('vol-1'), await take('vol-1'))
})

t.test('EB13 names are taken in turn: one that was given back is not the next', async (t) => {
  const { names, take } = setUp()
  const first = await take('vol-1')
  names.giveBack('vol-1')
  t.not(await take('vol-1'), first)
})

t.test('EB11 a name that did not work is the last to be tried again, and is tried then', async (t) => {
  const { names, take, add } = setUp()
  const [first, bad] = [await take('vol-a'), await take('vol-b')]
  names.markBad('vol-b', bad.replace('/dev/xvd', '/dev/sd'))
  const third = await take('vol-c')
  names.giveBack('vol-a')
  names.giveBack('vol-c')
  const others = new Set<string>()
  for (let number = 0; number < 103; number++) others.add(await take(`vol-${number}`))
  t.notOk(others.has(bad))
  t.ok(others.has(first) && others.has(third))
  t.equal(others.size, 103)
  t.equal(await take('vol-103'), bad)
  add('vol-x', '/dev/sdzz')
  await t.rejects(take('vol-104'), { code: 'invalid-argument', message: /takes no more than 104 volumes/ })
})

t.test(
  'EB27 a shared limit counts network interfaces and disks of the instance, and is told before EC2 refuses',
  async (t) => {
    const { take } = setUp({ networkInterfaces: 3 }, shared(8, 1))
    // One volume is what the instance started from.
    for (const id of ['vol-1', 'vol-2', 'vol-3']) await take(id)
    await t.rejects(take('vol-4'), {
      code: 'invalid-argument',
      message: /m5.large takes no more than 4 volumes, with the one it started from/,
    })
  },
)

t.test('EB27 a limit of volumes alone counts nothing else', async (t) => {
  const { take } = setUp({ networkInterfaces: 3 }, dedicated(4))
  for (const id of ['vol-1', 'vol-2', 'vol-3']) await take(id)
  await t.rejects(take('vol-4'), { message: /no more than 4 volumes/ })
})

t.test('EB27 of those that come at once no more are let in than there is room for', async (t) => {
  const { take } = setUp({}, dedicated(4))
  const outcomes = await Promise.allSettled(['vol-1', 'vol-2', 'vol-3', 'vol-4', 'vol-5'].map((id) => take(id)))
  t.equal(outcomes.filter(({ status }) => status === 'fulfilled').length, 3)
})

t.test('EB27 a volume that is attached needs no more room', async (t) => {
  const { take, add } = setUp({}, dedicated(2))
  add('vol-1', '/dev/xvdba')
  t.ok(await take('vol-1'))
})

t.test('EB27 room that came since EC2 was last asked is seen before a volume is refused', async (t) => {
  const { names, take, devices, add, asked } = setUp({}, dedicated(2))
  add('vol-1', '/dev/xvdba')
  await t.rejects(take('vol-2'))
  devices.length = 0
  t.ok(await take('vol-2'))
  names.giveBack('vol-2')
  const before = asked()
  await take('vol-3')
  t.equal(asked(), before, 'while there is room EC2 is not asked each time')
})

t.test('EB27 a limit that EC2 does not tell is none', async (t) => {
  const { take } = setUp()
  for (let number = 0; number < 40; number++) await take(`vol-${number}`)
  t.match(full({ instanceId: 'i-1', instanceType: 'm9.new', region: 'r', zone: 'z' }).message, /m9.new takes no more$/)
})

t.test('EB27 a volume that went without our doing takes up no room for ever', async (t) => {
  const { take, add, devices, pass } = setUp({}, dedicated(2))
  await take('vol-1')
  add('vol-1', '/dev/xvdba')
  devices.length = 0
  await t.rejects(take('vol-2'), 'it may be on its way')
  await pass(11 * 60_000)
  t.ok(await take('vol-2'))
})
