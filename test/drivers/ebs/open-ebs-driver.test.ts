import { existsSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { openEbsDriver } from '../../../src/drivers/ebs/open-ebs-driver.js'
import type { Attributes } from '../../../src/model/volume.js'
import { Ec2Emulator } from '../../ec2/emulator.js'
import { QuietLog } from '../../fakes/quiet-log.js'

async function start(t: Test) {
  const emulator = await Ec2Emulator.start(t)
  Object.assign(process.env, emulator.environment())
  const { id } = emulator.cloud.addInstance()
  emulator.metadata.instanceId = id
  const root = t.testdir({})
  const log = new QuietLog()
  const open = (options: Attributes = {}, more: { readonly cluster?: string } = {}) =>
    openEbsDriver({ options, root, hostId: 'host-1', now: () => new Date(), log, ...more })
  return { emulator, id, root, open, log }
}

/** Nobody listens there. */
const leaveEc2 = () => void (process.env['AWS_EC2_METADATA_SERVICE_ENDPOINT'] = 'http://127.0.0.1:1')

t.test('on an instance of EC2 the driver knows where it is, and what is set', async (t) => {
  const { id, open, root } = await start(t)
  const driver = await open({ defaultvolumesize: '20G', defaultkmskeyid: 'alias/mine' }, { cluster: 'prod' })
  t.match(driver.describe(), {
    Region: 'eu-west-1',
    AvailabilityZone: 'eu-west-1a',
    Instance: id,
    InstanceType: 'm5.large',
    Cluster: 'prod',
    DefaultVolumeSize: String(20 * 2 ** 30),
    DefaultKmsKeyID: 'alias/mine',
    DefaultEncrypted: 'true',
  })
  await driver.close()
  t.ok(existsSync(join(root, 'instance.json')))
})

t.test('EB28 without metadata the driver starts as the instance that it was', async (t) => {
  const { id, open } = await start(t)
  await (await open()).close()
  leaveEc2()
  const driver = await open()
  t.match(driver.describe(), { Instance: id, Region: 'eu-west-1' })
  await driver.close()
})

t.test('on what is no instance of EC2 the driver does not start, and says why', async (t) => {
  const { open } = await start(t)
  leaveEc2()
  await t.rejects(open(), { code: 'unavailable', name: 'ConvoyError' })
})

t.test('the region can be another one, for an endpoint that is not EC2 itself', async (t) => {
  const { open } = await start(t)
  const driver = await open({ region: 'eu-central-1', endpoint: 'http://127.0.0.1:1' })
  t.match(driver.describe(), { Region: 'eu-central-1' })
  await driver.close()
  await t.rejects(open({ defaultvolumesize: 'big' }), { code: 'invalid-argument' })
})
