import t from 'tap'
import type { Ec2Attachment, Ec2Instance, InstanceState } from '../../../src/drivers/ebs/ec2-api.js'
import { StoppedHolders } from '../../../src/drivers/ebs/stopped-holders.js'

const holder: Ec2Attachment = { instanceId: 'i-1', device: '/dev/xvdba', state: 'attached', since: '2026-01-01' }

function setUp() {
  let seconds = 0
  const holders = new StoppedHolders({ now: () => new Date(seconds * 1000) })
  const instance = (state: InstanceState): Ec2Instance => {
    return { id: 'i-1', state, type: 'm5.large', zone: 'eu-west-1a', devices: [], networkInterfaces: 1 }
  }
  const read = (at: number, state: InstanceState | undefined, of = holder, volume = 'vol-1') => {
    seconds = at
    return holders.isProven(volume, of, state && instance(state))
  }
  return { read }
}

t.test('EB19 one reading of a stopped instance proves nothing, two of them 30 s apart do', async (t) => {
  for (const state of ['stopped', 'terminated'] as const) {
    const { read } = setUp()
    t.notOk(read(0, state))
    t.notOk(read(29.999, state))
    t.ok(read(30, state))
  }
})

t.test(
  'EB18 an instance that runs, starts, stops or is not known to EC2 is no stopped one, however long',
  async (t) => {
    for (const state of ['running', 'pending', 'stopping', 'shutting-down', undefined] as const) {
      const { read } = setUp()
      t.notOk(read(0, state))
      t.notOk(read(60, state))
    }
  },
)

t.test('EB19 an instance that was seen to run between two readings has to be proven anew', async (t) => {
  const { read } = setUp()
  read(0, 'stopped')
  read(20, 'running')
  t.notOk(read(40, 'stopped'))
  t.ok(read(70, 'stopped'))
})

t.test('EB19 readings that are minutes apart are no proof: it may have run between them', async (t) => {
  const { read } = setUp()
  read(0, 'stopped')
  t.notOk(read(301, 'stopped'))
  t.ok(read(331, 'stopped'))
})

t.test('EB19 what was read of another volume, or of an earlier attachment, is no proof', async (t) => {
  const { read } = setUp()
  read(0, 'stopped')
  t.notOk(read(60, 'stopped', { ...holder, since: '2026-02-02' }))
  t.notOk(read(60, 'stopped', holder, 'vol-2'))
})
