import t, { type Test } from 'tap'
import { ManualClock } from './cloud-clock.js'
import { clientOf } from './ec2-client.js'
import { Ec2Emulator, type EmulatorSettings } from './emulator.js'

async function start(t: Test, settings: EmulatorSettings = {}) {
  const emulator = await Ec2Emulator.start(t, { clock: new ManualClock(), ...settings })
  return { emulator, cloud: emulator.cloud, client: clientOf(t, emulator) }
}

/** What is posted as it is, without the client. */
function post(
  emulator: Ec2Emulator,
  form: Readonly<Record<string, string>>,
  authorization?: string,
): Promise<Response> {
  const headers = authorization === undefined ? {} : { authorization }
  return fetch(emulator.endpoint, { method: 'POST', headers, body: new URLSearchParams(form) })
}

const scope = 'AWS4-HMAC-SHA256 Credential=none/20260101/eu-west-1/ec2/aws4_request, SignedHeaders=host, Signature=none'

t.test('a volume is created, shown, attached, detached and deleted by the client of AWS', async (t) => {
  const { cloud, client } = await start(t)
  const { id: instanceId } = cloud.addInstance()
  const made = await client.createVolume({
    AvailabilityZone: 'eu-west-1a',
    Size: 20,
    VolumeType: 'gp3',
    Iops: 4000,
    Throughput: 250,
    Encrypted: true,
    KmsKeyId: 'alias/one',
    ClientToken: 'token',
    TagSpecifications: [{ ResourceType: 'volume', Tags: [{ Key: 'Name', Value: 'a <&> "b"' }] }],
  })
  const VolumeId = made.VolumeId ?? ''
  const figures = { Size: 20, VolumeType: 'gp3', Iops: 4000, Throughput: 250, Encrypted: true, KmsKeyId: 'alias/one' }
  t.match(made, { VolumeId: /^vol-[0-9a-f]{17}$/, State: 'creating', CreateTime: Date, ...figures })
  await cloud.advance(20)
  const Device = '/dev/xvdba'
  t.match(await client.attachVolume({ VolumeId, InstanceId: instanceId, Device }), { State: 'attaching', Device })
  await cloud.advance(20)
  const attachment = { VolumeId, InstanceId: instanceId, Device, State: 'attached', AttachTime: Date }
  t.match(await client.describeVolumes({ VolumeIds: [VolumeId] }), {
    Volumes: [
      {
        VolumeId,
        AvailabilityZone: 'eu-west-1a',
        State: 'in-use',
        MultiAttachEnabled: false,
        Attachments: [{ ...attachment, DeleteOnTermination: false }],
        Tags: [{ Key: 'Name', Value: 'a <&> "b"' }],
        ...figures,
      },
    ],
  })
  t.match(await client.detachVolume({ VolumeId, Force: true }), {
    VolumeId,
    InstanceId: instanceId,
    State: 'detaching',
  })
  await cloud.advance(20)
  t.match(await client.describeVolumes({ VolumeIds: [VolumeId] }), {
    Volumes: [{ State: 'available', Attachments: [] }],
  })
  await client.deleteVolume({ VolumeId })
  await cloud.advance(20)
  await t.rejects(client.describeVolumes({ VolumeIds: [VolumeId] }), {
    name: 'InvalidVolume.NotFound',
    message: `The volume '${VolumeId}' does not exist.`,
    $metadata: { httpStatusCode: 400 },
  })
})

t.test('EB10 a batch with bad ids is refused as a whole, by their names', async (t) => {
  const { cloud, client } = await start(t)
  const bad = ['vol-00000000000000001', 'vol-00000000000000002']
  await t.rejects(client.describeVolumes({ VolumeIds: [cloud.addVolume().id, ...bad] }), {
    name: 'InvalidVolume.NotFound',
    message: `The volumes '${bad.join(', ')}' do not exist.`,
  })
  await t.rejects(client.describeVolumes({ VolumeIds: ['vol-nothing'] }), { name: 'InvalidParameterValue' })
})

t.test('filters find volumes by tags, with wildcards, by instance, state, zone and id', async (t) => {
  const { cloud, client } = await start(t)
  const instance = cloud.addInstance()
  const [root] = cloud.volumesSeen('DescribeVolumes')
  const one = cloud.addVolume({ tags: { 'convoy:name': 'pg', team: 'a*b' } })
  const other = cloud.addVolume({ tags: { 'convoy:name': 'pg2' }, zone: 'eu-west-1b' })
  const find = async (...filters: readonly (readonly [name: string, ...values: string[]])[]) => {
    const { Volumes = [] } = await client.describeVolumes({
      Filters: filters.map(([Name, ...Values]) => ({ Name, Values })),
    })
    return new Set(Volumes.map(({ VolumeId }) => VolumeId))
  }
  t.same(await find(['tag:convoy:name', 'pg']), new Set([one.id]))
  t.same(await find(['tag:convoy:name', 'pg*']), new Set([one.id, other.id]))
  t.same(await find(['tag:convoy:name', 'pg?']), new Set([other.id]))
  t.same(await find(['tag:team', 'a\\*b']), new Set([one.id]))
  t.same(await find(['tag:team', 'a\\*']), new Set())
  t.same(await find(['tag-key', 'team', 'nothing']), new Set([one.id]))
  t.same(await find(['tag:convoy:name', 'pg*'], ['availability-zone', 'eu-west-1b']), new Set([other.id]))
  t.same(await find(['attachment.instance-id', instance.id]), new Set([root?.id]))
  t.same(await find(['status', 'in-use']), new Set([root?.id]))
  t.same(await find(['volume-id', one.id, other.id]), new Set([one.id, other.id]))
  await t.rejects(find(['tag.team', 'x']), { name: 'InvalidParameterValue' })
})

t.test('pages show everything once', async (t) => {
  const { cloud, client } = await start(t)
  const ids = Array.from({ length: 12 }, () => cloud.addVolume().id).sort()
  const sizes: number[] = []
  const seen: (string | undefined)[] = []
  let page: { NextToken?: string | undefined } = {}
  do {
    const answer = await client.describeVolumes({ MaxResults: 5, ...page })
    sizes.push(answer.Volumes?.length ?? 0)
    seen.push(...(answer.Volumes ?? []).map(({ VolumeId }) => VolumeId))
    page = { NextToken: answer.NextToken }
  } while (page.NextToken !== undefined)
  t.same(sizes, [5, 5, 2])
  t.same(seen, ids)
  await t.rejects(client.describeVolumes({ MaxResults: 4 }), { name: 'InvalidParameterValue' })
  await t.rejects(client.describeVolumes({ NextToken: 'x' }), { name: 'InvalidParameterValue' })
  const both = { MaxResults: 5, VolumeIds: ids }
  await t.rejects(client.describeVolumes(both), { name: 'InvalidParameterCombination' })
})

t.test('a call without a size may be shown in pages', async (t) => {
  const { cloud, client } = await start(t)
  for (let count = 0; count < 3; count++) cloud.addVolume()
  cloud.pageSize = 2
  const { Volumes, NextToken } = await client.describeVolumes({})
  t.equal(Volumes?.length, 2)
  t.match(await client.describeVolumes({ NextToken }), { Volumes: { length: 1 }, NextToken: undefined })
})

t.test('instances and their types are shown', async (t) => {
  const { cloud, client } = await start(t)
  cloud.addInstanceType({ name: 'm5d.large', mostAttachments: 28, limitType: 'shared', instanceDisks: 1 })
  const tags = { Name: 'host' }
  const { id } = cloud.addInstance({ type: 'm5d.large', networkInterfaces: 2, tags, zone: 'eu-west-1b' })
  cloud.addInstance()
  const { Reservations } = await client.describeInstances({ InstanceIds: [id] })
  t.equal(Reservations?.length, 1)
  t.match(Reservations?.[0]?.Instances, [
    {
      InstanceId: id,
      InstanceType: 'm5d.large',
      State: { Name: 'running', Code: 16 },
      Placement: { AvailabilityZone: 'eu-west-1b' },
      RootDeviceName: '/dev/xvda',
      Tags: [{ Key: 'Name', Value: 'host' }],
      NetworkInterfaces: [{ Attachment: { DeviceIndex: 0 } }, { Attachment: { DeviceIndex: 1 } }],
      BlockDeviceMappings: [{ DeviceName: '/dev/xvda', Ebs: { Status: 'attached', VolumeId: /^vol-/ } }],
    },
  ])
  t.match(await client.describeInstanceTypes({ InstanceTypes: ['m5d.large'] }), {
    InstanceTypes: [
      {
        InstanceType: 'm5d.large',
        EbsInfo: { MaximumEbsAttachments: 28, AttachmentLimitType: 'shared' },
        InstanceStorageInfo: { Disks: [{ Count: 1, SizeInGB: 75 }] },
      },
    ],
  })
  const InstanceIds = ['i-00000000000000001']
  await t.rejects(client.describeInstances({ InstanceIds }), { name: 'InvalidInstanceID.NotFound' })
  await t.rejects(client.describeInstances({ InstanceIds: ['x'] }), { name: 'InvalidInstanceID.Malformed' })
  const unknown = client.describeInstanceTypes({ InstanceTypes: ['m9.huge' as 'm5.large'] })
  await t.rejects(unknown, { name: 'InvalidInstanceType' })
})

t.test('tags are put and taken away', async (t) => {
  const { cloud, client } = await start(t)
  const { id } = cloud.addVolume()
  const Tags = [
    { Key: 'empty', Value: '' },
    { Key: 'x', Value: '1' },
    { Key: 'y', Value: '1' },
  ]
  await client.createTags({ Resources: [id], Tags })
  t.same(cloud.volume(id).tags, { empty: '', x: '1', y: '1' })
  await client.deleteTags({ Resources: [id], Tags: [{ Key: 'x' }, { Key: 'y', Value: 'other' }] })
  t.same(cloud.volume(id).tags, { empty: '', y: '1' })
  await client.deleteTags({ Resources: [id] })
  t.same(cloud.volume(id).tags, {})
})

t.test('what EC2 does not know is refused', async (t) => {
  const { emulator, client } = await start(t)
  const describe = { Action: 'DescribeVolumes', Version: '2016-11-15' }
  const code = async (response: Response) => /<Code>(.*?)<\/Code>/.exec(await response.text())?.[1]
  const unsigned = await post(emulator, describe)
  t.equal(unsigned.status, 403)
  t.match(
    await unsigned.text(),
    /<Response><Errors><Error><Code>MissingAuthenticationToken<.*<RequestID>.+<\/RequestID><\/Response>/,
  )
  t.equal(await code(await post(emulator, describe, 'Bearer x')), 'IncompleteSignature')
  t.equal(await code(await post(emulator, describe, scope.replace('eu-west-1', 'us-east-1'))), 'AuthFailure')
  t.equal(await code(await post(emulator, {}, scope)), 'MissingAction')
  t.equal(await code(await post(emulator, { ...describe, Version: '2006-01-01' }, scope)), 'InvalidAction')
  t.equal(await code(await post(emulator, { ...describe, 'VolumeIds.1': 'x' }, scope)), 'UnknownParameter')
  t.equal(await code(await post(emulator, { ...describe, MaxResults: 'all' }, scope)), 'InvalidParameterValue')
  const TagSpecifications = [{ ResourceType: 'snapshot' as const, Tags: [{ Key: 'a', Value: '' }] }]
  const tagged = client.createVolume({ AvailabilityZone: 'eu-west-1a', Size: 1, TagSpecifications })
  await t.rejects(tagged, { name: 'InvalidParameterValue', message: /taggable resource/ })
  await t.rejects(client.describeRegions({}), { name: 'InvalidAction' })
  await t.rejects(client.deleteVolume({ VolumeId: '' }), { name: 'MissingParameter' })
  await t.rejects(client.describeVolumes({ DryRun: true }), {
    name: 'DryRunOperation',
    $metadata: { httpStatusCode: 412 },
  })
})

t.test('every call is in the log', async (t) => {
  const { emulator, client } = await start(t)
  const id = emulator.cloud.addVolume().id
  await client.describeVolumes({ VolumeIds: [id] })
  await t.rejects(client.describeVolumes({ VolumeIds: ['vol-00000000000000001'] }))
  await client.deleteVolume({ VolumeId: id })
  t.equal(emulator.calls.count(), 3)
  t.equal(emulator.calls.count('DescribeVolumes'), 2)
  t.same(emulator.calls.codes('DescribeVolumes'), ['ok', 'InvalidVolume.NotFound'])
  t.match(emulator.calls.of('DeleteVolume'), [
    { parameters: { VolumeId: id }, accessKeyId: 'none', at: emulator.cloud.clock.now() },
  ])
})
