import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import t, { type Test } from 'tap'
import { AwsEc2Api } from '../../src/drivers/ebs/aws-ec2-api.js'
import type { Ec2Volume } from '../../src/drivers/ebs/ec2-api.js'
import { never } from '../drivers/ebs/virtual-time.js'
import { environment, motoRequirements, startMoto } from './moto.js'

const options = motoRequirements(t)
const sdk = fileURLToPath(new URL('../../program/ec2-sdk.js', import.meta.url))
Object.assign(process.env, environment)

const zone = 'eu-west-1a'
const request = { token: 'token-1', zone, type: 'gp3', sizeGib: 20, iops: 4000, throughput: 250 } as const
const tags = { 'convoy:name': 'db', 'convoy:cluster': 'one' }
const missing = 'vol-00000000000000000'

t.test('EBS, by the SDK of AWS and an emulator of its API', options, async (t) => {
  const endpoint = await startMoto(t)
  const api = new AwsEc2Api({ region: () => Promise.resolve(environment.AWS_REGION), endpoint })
  t.teardown(() => api.close())
  await t.test('a volume is made with its tags, found, tagged and deleted', async (t) => testVolume(t, api))
  await t.test('a volume is attached and detached, and its instance says so', async (t) =>
    testAttachment(t, api, endpoint),
  )
  await t.test('what does not exist is refused in the words of AWS', async (t) => testRefusals(t, api))
  await t.test('the limit of a type is known', async (t) => testLimit(t, api))
  await t.test('the SDK as it is shipped speaks the same', async (t) => testShipped(t, api, endpoint))
})

async function make(t: Test, api: AwsEc2Api): Promise<Ec2Volume> {
  const made = await api.createVolume({ ...request, tags }, never)
  if (made.kind === 'made') return made.volume
  return t.fail(made.reason) as never
}

async function testVolume(t: Test, api: AwsEc2Api): Promise<void> {
  const { id } = await make(t, api)
  const found = await api.findVolume(id, never)
  t.match(found, {
    id,
    state: 'available',
    zone,
    sizeGib: 20,
    type: 'gp3',
    iops: 4000,
    throughput: 250,
    attachments: [],
    tags,
  })
  t.same(await api.findVolumes(tags, never), [found])
  t.same(await api.findVolumes({ ...tags, 'convoy:cluster': 'other' }, never), [])
  await api.tagVolume(id, { 'convoy:state': 'trashed' }, never)
  t.match(await api.findVolume(id, never), { tags: { ...tags, 'convoy:state': 'trashed' } })
  await api.untagVolume(id, ['convoy:state'], never)
  t.same((await api.findVolume(id, never))?.tags, tags)
  t.same(
    (await Promise.all([missing, id].map((one) => api.findVolume(one, never)))).map((one) => one?.id),
    [undefined, id],
  )
  await api.deleteVolume(id, never)
  t.equal(await api.findVolume(id, never), undefined)
  await api.deleteVolume(id, never)
}

async function testAttachment(t: Test, api: AwsEc2Api, endpoint: string): Promise<void> {
  const instanceId = await startInstance(endpoint)
  const { id: volumeId } = await make(t, api)
  const device = '/dev/xvdba'
  t.same(await api.attachVolume({ volumeId, instanceId, device }, never), { kind: 'attaching' })
  t.match(await api.findVolume(volumeId, never), {
    state: 'in-use',
    attachments: [{ instanceId, device, state: 'attached' }],
  })
  const instance = await api.findInstance(instanceId, never)
  t.match(instance, { id: instanceId, state: 'running', type: 'm5.large' })
  t.match(
    instance?.devices.find((one) => one.device === device),
    { volumeId, state: 'attached' },
  )
  await api.detachVolume({ volumeId, instanceId, isForced: false }, never)
  t.match(await api.findVolume(volumeId, never), { state: 'available', attachments: [] })
  await api.deleteVolume(volumeId, never)
}

async function testRefusals(t: Test, api: AwsEc2Api): Promise<void> {
  t.equal(await api.findVolume(missing, never), undefined)
  t.equal(await api.findInstance('i-00000000000000000', never), undefined)
  const attachment = { volumeId: missing, instanceId: 'i-00000000000000000', device: '/dev/xvdba' }
  await t.rejects(api.attachVolume(attachment, never), { code: 'not-found', message: /AttachVolume.*NotFound/ })
}

async function testLimit(t: Test, api: AwsEc2Api): Promise<void> {
  const limit = await api.attachmentLimit('m5.large', never)
  t.ok(limit === undefined || limit.most > 0)
  t.equal(await api.attachmentLimit('x9.huge', never), undefined)
}

async function testShipped(t: Test, api: AwsEc2Api, endpoint: string): Promise<void> {
  const { id } = await make(t, api)
  const asked = `const { EC2Client, DescribeVolumesCommand } = require(process.argv[1])
    const client = new EC2Client({ endpoint: process.argv[2], region: process.env.AWS_REGION })
    client.send(new DescribeVolumesCommand({ Filters: [{ Name: 'tag:convoy:name', Values: ['db'] }] }))
      .then(({ Volumes }) => console.log(JSON.stringify(Volumes)))`
  const { stdout } = await promisify(execFile)(process.execPath, ['-e', asked, sdk, endpoint], { env: environment })
  t.match(JSON.parse(stdout), [{ VolumeId: id, Size: 20, Throughput: 250, Tags: [{}, {}] }])
}

/** An instance of the account's first image; resolves to its id. */
async function startInstance(endpoint: string): Promise<string> {
  const ask = async (parameters: Readonly<Record<string, string>>) => {
    const scope = `Credential=none/20260101/${environment.AWS_REGION}/ec2/aws4_request`
    const answer = await fetch(endpoint, {
      method: 'POST',
      headers: { authorization: `AWS4-HMAC-SHA256 ${scope}, SignedHeaders=host, Signature=none` },
      body: new URLSearchParams({ Version: '2016-11-15', ...parameters }),
    })
    return answer.text()
  }
  const [, image = ''] = /<imageId>(ami-\w+)</.exec(await ask({ Action: 'DescribeImages' })) ?? []
  const placement = { 'Placement.AvailabilityZone': zone }
  const started = await ask({
    Action: 'RunInstances',
    ImageId: image,
    InstanceType: 'm5.large',
    MinCount: '1',
    MaxCount: '1',
    ...placement,
  })
  const [, id = ''] = /<instanceId>(i-\w+)</.exec(started) ?? []
  return id
}
