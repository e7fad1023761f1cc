import t, { type Test } from 'tap'
import { ManualClock } from './cloud-clock.js'
import { clientOf } from './ec2-client.js'
import { Ec2Emulator } from './emulator.js'
import { IamPolicy } from './iam-policy.js'

type Condition = Readonly<Record<string, Readonly<Record<string, unknown>>>>

function decide(condition: Condition, context: Readonly<Record<string, readonly string[]>>): string {
  const statement = { Effect: 'Allow', Action: 'ec2:*', Resource: '*', Condition: condition }
  const policy = IamPolicy.parse({ Version: '2012-10-17', Statement: [statement] })
  return policy.decide({ action: 'ec2:X', resource: '*', context: new Map(Object.entries(context)) })
}

t.test('conditions hold as IAM says', async (t) => {
  const cases: readonly (readonly [Condition, Readonly<Record<string, readonly string[]>>, isAllowed: boolean])[] = [
    [{ StringEquals: { 'aws:RequestTag/a': 'x' } }, { 'aws:RequestTag/a': ['x'] }, true],
    [{ StringEquals: { 'AWS:requesttag/a': ['y', 'x'] } }, { 'aws:RequestTag/a': ['x'] }, true],
    [{ StringEquals: { 'aws:RequestTag/A': 'x' } }, { 'aws:RequestTag/a': ['x'] }, false],
    [{ StringEquals: { 'aws:RequestTag/a': 'x*' } }, { 'aws:RequestTag/a': ['xy'] }, false],
    [{ StringEquals: { 'aws:RequestTag/a': 'x' } }, {}, false],
    [{ StringEqualsIfExists: { 'aws:RequestTag/a': 'x' } }, {}, true],
    [{ StringNotEquals: { 'aws:RequestTag/a': 'x' } }, {}, true],
    [{ StringNotEquals: { 'aws:RequestTag/a': ['x', 'y'] } }, { 'aws:RequestTag/a': ['y'] }, false],
    [{ StringNotEquals: { 'aws:RequestTag/a': ['x', 'y'] } }, { 'aws:RequestTag/a': ['z'] }, true],
    [{ StringLike: { 'aws:RequestTag/a': 'x*' } }, { 'aws:RequestTag/a': ['xy'] }, true],
    [{ StringLike: { 'aws:RequestTag/a': 'x.' } }, { 'aws:RequestTag/a': ['xy'] }, false],
    [{ Null: { 'aws:RequestTag/a': 'false' } }, { 'aws:RequestTag/a': [''] }, true],
    [{ Null: { 'aws:RequestTag/a': false } }, {}, false],
    [{ Bool: { 'ec2:Encrypted': true } }, { 'ec2:Encrypted': ['true'] }, true],
    [{ Bool: { 'ec2:Encrypted': true } }, { 'ec2:Encrypted': ['false'] }, false],
    [{ Null: { 'ec2:CreateAction': true } }, {}, true],
    [{ 'ForAllValues:StringEquals': { 'aws:TagKeys': ['a', 'b'] } }, { 'aws:TagKeys': ['a', 'b'] }, true],
    [{ 'ForAllValues:StringEquals': { 'aws:TagKeys': ['a', 'b'] } }, { 'aws:TagKeys': ['a', 'c'] }, false],
    [{ 'ForAllValues:StringEquals': { 'aws:TagKeys': ['a', 'b'] } }, {}, true],
    [{ 'ForAllValues:StringLike': { 'aws:TagKeys': ['convoy:*'] } }, { 'aws:TagKeys': ['convoy:name'] }, true],
    [{ 'ForAnyValue:StringEquals': { 'aws:TagKeys': ['a'] } }, { 'aws:TagKeys': ['c', 'a'] }, true],
    [{ 'ForAnyValue:StringEquals': { 'aws:TagKeys': ['a'] } }, { 'aws:TagKeys': ['c'] }, false],
    [{ 'ForAnyValue:StringEquals': { 'aws:TagKeys': ['a'] } }, {}, false],
    [{ StringEquals: { a: 'x', b: 'x' } }, { a: ['x'], b: ['y'] }, false],
    [{ StringEquals: { a: 'x' }, StringLike: { b: 'x' } }, { a: ['x'], b: ['y'] }, false],
  ]
  for (const [condition, context, isAllowed] of cases)
    t.equal(decide(condition, context) === 'allowed', isAllowed, JSON.stringify([condition, context]))
})

t.test('what denies wins, and what nothing allows is not allowed', async (t) => {
  const allow = { Effect: 'Allow', Action: ['ec2:describe*', 'ec2:AttachVolume'], Resource: 'arn:*:volume/*' }
  const deny = { Effect: 'Deny', Action: 'ec2:*', Resource: ['arn:aws:ec2:*:volume/vol-?'] }
  const policy = IamPolicy.parse({ Version: '2012-10-17', Statement: [allow, deny] })
  const context = new Map()
  const decide = (action: string, resource: string) => policy.decide({ action, resource, context })
  t.equal(decide('ec2:AttachVolume', 'arn:aws:ec2:r:1:volume/vol-12'), 'allowed')
  t.equal(decide('ec2:DescribeVolumes', 'arn:aws:ec2:r:1:volume/vol-12'), 'allowed')
  t.equal(decide('ec2:AttachVolume', 'arn:aws:ec2:r:1:instance/i-1'), 'not-allowed')
  t.equal(decide('ec2:DetachVolume', 'arn:aws:ec2:r:1:volume/vol-12'), 'not-allowed')
  t.equal(decide('ec2:AttachVolume', 'arn:aws:ec2:r:1:volume/vol-1'), 'denied')
})

t.test('what is not known of policies is an error', async (t) => {
  const statement = { Effect: 'Allow', Action: '*', Resource: '*' }
  const parse = (part: object) => () => IamPolicy.parse({ Version: '2012-10-17', Statement: { ...statement, ...part } })
  t.doesNotThrow(parse({}))
  t.throws(parse({ NotAction: '*' }), /NotAction/)
  t.throws(parse({ Condition: { DateLessThan: { 'aws:CurrentTime': 'x' } } }), /DateLessThan/)
  t.throws(parse({ Resource: 'arn:aws:ec2:*:*:instance/${ec2:InstanceId}' }), /variables/)
  t.throws(() => IamPolicy.parse({ Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action: '*' }] }), /Resource/)
  t.throws(() => IamPolicy.parse({ Statement: [statement] }), /Version/)
})

const volume = 'arn:aws:ec2:*:*:volume/*'
const instance = 'arn:aws:ec2:*:*:instance/*'
const keys = { 'ForAllValues:StringEquals': { 'aws:TagKeys': ['convoy:name', 'team'] } }

/** Acts only on what bears the tag, or comes to bear it. */
const policy = {
  Version: '2012-10-17',
  Statement: [
    { Effect: 'Allow', Action: ['ec2:DescribeVolumes'], Resource: '*' },
    {
      Effect: 'Allow',
      Action: 'ec2:CreateVolume',
      Resource: volume,
      Condition: { Null: { 'aws:RequestTag/convoy:name': 'false' } },
    },
    {
      Effect: 'Allow',
      Action: 'ec2:CreateTags',
      Resource: volume,
      Condition: { StringEquals: { 'ec2:CreateAction': 'CreateVolume' }, ...keys },
    },
    {
      Effect: 'Allow',
      Action: ['ec2:AttachVolume', 'ec2:DetachVolume', 'ec2:DeleteVolume', 'ec2:CreateTags', 'ec2:DeleteTags'],
      Resource: volume,
      Condition: { StringLike: { 'aws:ResourceTag/convoy:name': '*' }, ...keys },
    },
    {
      Effect: 'Allow',
      Action: ['ec2:AttachVolume', 'ec2:DetachVolume'],
      Resource: instance,
      Condition: { StringEquals: { 'aws:ResourceTag/team': 'db' } },
    },
  ],
}

async function start(t: Test) {
  const emulator = await Ec2Emulator.start(t, { clock: new ManualClock(), policy })
  return { emulator, cloud: emulator.cloud, client: clientOf(t, emulator) }
}

const refused = (action: string, resource: string) => ({
  name: 'UnauthorizedOperation',
  message: new RegExp(`ec2:${action}( on resource: arn:aws:ec2:eu-west-1:\\d+:${resource}/\\S+)? because`),
})

t.test('S44 with a policy only what it allows is carried out: creating needs the tags of the request', async (t) => {
  const { cloud, client } = await start(t)
  const create = (...names: readonly string[]) => {
    const Tags = names.map((Key) => ({ Key, Value: 'x' }))
    const tagging = names.length === 0 ? {} : { TagSpecifications: [{ ResourceType: 'volume' as const, Tags }] }
    return client.createVolume({ AvailabilityZone: 'eu-west-1a', Size: 1, ...tagging })
  }
  await t.rejects(create(), refused('CreateVolume', 'volume'))
  await t.rejects(create('team'), refused('CreateVolume', 'volume'))
  await t.rejects(create('convoy:name', 'other'), refused('CreateTags', 'volume'))
  t.equal(cloud.volumes().length, 0)
  await create('convoy:name', 'team')
  await client.describeVolumes({})
  await t.rejects(client.describeInstances({}), refused('DescribeInstances', ''))
})

t.test('S44 attaching and detaching need the volume and the instance, the rest the volume', async (t) => {
  const { cloud, client } = await start(t)
  const [ours, other] = [cloud.addVolume({ tags: { 'convoy:name': 'x' } }).id, cloud.addVolume().id]
  const [host, foreign] = [cloud.addInstance({ tags: { team: 'db' } }).id, cloud.addInstance().id]
  const attach = (VolumeId: string, InstanceId: string) =>
    client.attachVolume({ VolumeId, InstanceId, Device: '/dev/xvdba' })
  await t.rejects(attach(other, host), refused('AttachVolume', 'volume'))
  await t.rejects(attach(ours, foreign), refused('AttachVolume', 'instance'))
  await attach(ours, host)
  cloud.attachVolume({ volumeId: other, instanceId: foreign, device: '/dev/xvdba' })
  await t.rejects(client.detachVolume({ VolumeId: other }), refused('DetachVolume', 'volume'))
  cloud.createTags([other], { 'convoy:name': 'y' })
  await t.rejects(client.detachVolume({ VolumeId: other }), refused('DetachVolume', 'instance'))
  cloud.deleteTags([other])
  await client.detachVolume({ VolumeId: ours })
  await cloud.settle(ours)
  await t.rejects(client.deleteVolume({ VolumeId: other }), refused('DeleteVolume', 'volume'))
  const tag = (id: string, Key: string) => client.createTags({ Resources: [id], Tags: [{ Key, Value: '' }] })
  await t.rejects(tag(other, 'team'), refused('CreateTags', 'volume'))
  await t.rejects(tag(ours, 'owner'), refused('CreateTags', 'volume'))
  await tag(ours, 'team')
  await t.rejects(client.deleteTags({ Resources: [ours], Tags: [{ Key: 'owner' }] }), refused('DeleteTags', 'volume'))
  await client.deleteTags({ Resources: [ours], Tags: [{ Key: 'team' }] })
  await client.deleteVolume({ VolumeId: ours })
  const gone = { VolumeId: 'vol-00000000000000001' }
  await t.rejects(client.deleteVolume(gone), { name: 'InvalidVolume.NotFound' })
})

t.test('another policy counts from the next call, and none allows everything', async (t) => {
  const { emulator, client } = await start(t)
  await t.rejects(client.describeInstances({}), { name: 'UnauthorizedOperation' })
  emulator.policy = undefined
  await client.describeInstances({})
})
