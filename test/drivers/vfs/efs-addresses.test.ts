import t from 'tap'
import { EfsAddresses, type EfsAddressesDeps } from '../../../src/drivers/vfs/efs-addresses.js'
import { ConvoyError } from '../../../src/errors.js'
import { FakeEfs } from '../../fakes/fake-efs.js'
import { FaultInjector } from '../../fakes/fault-injector.js'
import { QuietLog } from '../../fakes/quiet-log.js'

const fileSystem = 'fs-0123456789abcdef0'
const dnsName = `${fileSystem}.efs.eu-west-1.amazonaws.com`
const away = (message: string) => Promise.reject(new ConvoyError('unavailable', message))
const denied = new ConvoyError('invalid-argument', 'EFS DescribeMountTargets failed: AccessDenied', {
  hint: 'allow elasticfilesystem:DescribeMountTargets',
})

const warningsOf = ({ lines }: QuietLog) => lines.filter(({ level }) => level === 'warn').map(({ message }) => message)

function setUp(more: Partial<EfsAddressesDeps> = {}) {
  const efs = new FakeEfs(new FaultInjector())
  efs.targets.push({ address: '10.0.2.4', zone: 'eu-west-1b', isAvailable: true })
  efs.targets.push({ address: '10.0.1.4', zone: 'eu-west-1a', isAvailable: true })
  const log = new QuietLog()
  const asked: string[] = []
  const addresses = new EfsAddresses({
    api: efs,
    region: () => Promise.resolve('eu-west-1'),
    placement: () => Promise.resolve({ region: 'eu-west-1', zone: 'eu-west-1a' }),
    resolveHost: (name) => {
      asked.push(name)
      return Promise.resolve(['10.0.3.4'])
    },
    log,
    ...more,
  })
  return { efs, log, asked, addresses }
}

t.test('the mount target of this zone is taken', async (t) => {
  const { addresses, log } = setUp()
  t.same(await addresses.choose(fileSystem), { server: '10.0.1.4', zone: 'eu-west-1a' })
  t.same(warningsOf(log), [])
})

t.test('without one here another zone has to do, which is said; one that is not available has none', async (t) => {
  const { efs, addresses, log } = setUp()
  efs.targets[1] = { address: '10.0.1.4', zone: 'eu-west-1a', isAvailable: false }
  t.same(await addresses.choose(fileSystem), { server: '10.0.2.4', zone: 'eu-west-1b' })
  t.match(warningsOf(log), [/another zone/])
})

t.test('a host that does not know its zone takes any', async (t) => {
  const { addresses, log } = setUp({ placement: () => away('no EC2') })
  t.same(await addresses.choose(fileSystem), { server: '10.0.2.4', zone: 'eu-west-1b' })
  t.same(warningsOf(log), [])
})

t.test('when the API refuses, or does not answer, the name in the DNS of the VPC is used', async (t) => {
  for (const refusal of [denied, new ConvoyError('unavailable', 'no answer')]) {
    const { efs, addresses, asked } = setUp()
    efs.refusals.set('mountTargets', refusal)
    t.same(await addresses.choose(fileSystem), { server: dnsName })
    t.same(await addresses.all(fileSystem), ['10.0.3.4'])
    t.same(asked, [dnsName, dnsName])
  }
  const china = setUp({ region: () => Promise.resolve('cn-north-1') })
  china.efs.refusals.set('mountTargets', denied)
  t.same(await china.addresses.choose(fileSystem), { server: `${fileSystem}.efs.cn-north-1.amazonaws.com.cn` })
})

t.test('when nothing helps, the error says what was tried and what to do', async (t) => {
  const { efs, addresses } = setUp({ resolveHost: () => Promise.resolve([]) })
  efs.refusals.set('mountTargets', denied)
  await t.rejects(addresses.choose(fileSystem), {
    code: 'unavailable',
    message: new RegExp(`AccessDenied; ${dnsName} has no address`),
    hint: /DescribeMountTargets.*DNS.*vfs\.share=ADDRESS/,
  })
  t.same(await addresses.all(fileSystem), [])
  const nowhere = setUp({ region: () => away('the region is not known') })
  nowhere.efs.refusals.set('mountTargets', denied)
  await t.rejects(nowhere.addresses.choose(fileSystem), { code: 'unavailable', message: /AccessDenied; the region/ })
  t.same(await nowhere.addresses.all(fileSystem), [])
})

t.test('a file system that does not exist, or has no mount target, is not looked for in the DNS', async (t) => {
  const { efs, addresses, asked } = setUp()
  await t.rejects(addresses.choose('fs-00000000'), { code: 'unavailable', message: /no file system fs-00000000/ })
  efs.targets.length = 0
  await t.rejects(addresses.choose(fileSystem), {
    code: 'unavailable',
    message: /no mount target/,
    hint: /create-mount/,
  })
  t.same(asked, [])
})
