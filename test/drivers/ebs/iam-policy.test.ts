import { readFileSync } from 'node:fs'
import t, { type Test } from 'tap'
import type { VolumeHandle } from '../../../src/model/volume.js'
import { named, requestFor } from '../../conformance/driver-world.js'
import { clientOf } from '../../ec2/ec2-client.js'
import { actions } from '../../ec2/faults.js'
import { IamPolicy } from '../../ec2/iam-policy.js'
import { never } from './virtual-time.js'
import { WiredHost } from './wired-host.js'

interface PolicyDocument {
  readonly Version: string
  readonly Statement: readonly { readonly Sid: string; readonly Action: string | readonly string[] }[]
}

// The file is ours; the tests below fail when it is something else.
const document = JSON.parse(
  readFileSync(new URL('../../../../plugin-spec/iam-policy.json', import.meta.url), 'utf8'),
) as PolicyDocument

const without = (...sids: readonly string[]): PolicyDocument => ({
  ...document,
  Statement: document.Statement.filter(({ Sid }) => !sids.includes(Sid)),
})

const refused = { code: 'invalid-argument', message: /UnauthorizedOperation/ }

const snapshotId = 'snap-0123456789abcdef0'

/** What the driver does with a volume that it makes, one after the other. */
async function liveAsCreated(host: WiredHost, options: Readonly<Record<string, string>> = {}): Promise<void> {
  const { driver, journals } = host
  const request = requestFor('made', { options, onRemove: 'trash' })
  const call = journals.call(request)
  const { handle } = await driver.create(request, call)
  if (options['snapshotId'] !== undefined) return
  await driver.attach(handle, call)
  await driver.detach(handle, call)
  const forgotten = await driver.retire(handle, 'forgotten', call)
  const revived = await driver.revive(forgotten, named('other'), call)
  await driver.remove(await driver.retire(revived, 'trashed', call), call)
}

/** The same with one that was there before. */
async function liveAsAdopted(host: WiredHost): Promise<VolumeHandle> {
  const { driver, journals, emulator, disks } = host
  const volume = emulator.cloud.addVolume({ tags: { Name: 'data of the shop', team: 'db' } })
  disks.disk(volume).content = { kind: 'file-system', fsType: 'ext4' }
  const request = requestFor('taken', { options: { id: volume.id } })
  const call = journals.call(request)
  const { handle } = await driver.create(request, call)
  await driver.attach(handle, call)
  await driver.detach(handle, call)
  const forgotten = await driver.retire(handle, 'forgotten', call)
  const revived = await driver.revive(forgotten, named('taken'), call)
  await emulator.cloud.advance(1000)
  await driver.remove(await driver.retire(revived, 'trashed', call), call)
  const { state, tags } = emulator.cloud.volume(volume.id)
  t.same({ state, tags }, { state: 'available', tags: { Name: 'data of the shop', team: 'db' } }, 'it is as it was')
  return handle
}

/** An operator takes a volume from another instance. */
async function seize({ driver, journals, emulator }: WiredHost): Promise<void> {
  const request = requestFor('seized')
  const call = journals.call(request)
  const { handle } = await driver.create(request, call)
  const other = emulator.cloud.addInstance()
  const volumeId = handle.attributes['volume'] ?? ''
  emulator.cloud.attachVolume({ volumeId, instanceId: other.id, device: '/dev/xvdba' })
  await emulator.cloud.settle(volumeId)
  t.match(await driver.takeover.holderOf(handle, call), { host: other.id })
  await driver.takeover.seize(handle, call)
}

async function start(t: Test, policy: PolicyDocument): Promise<WiredHost> {
  const host = await WiredHost.start(t, { policy })
  host.emulator.cloud.snapshots.set(snapshotId, { id: snapshotId, sizeGib: 4, isEncrypted: false })
  return host
}

t.test('S44 the policy allows everything that the driver does', async (t) => {
  const host = await start(t, document)
  await liveAsCreated(host)
  await liveAsCreated(host, { snapshotId })
  await liveAsAdopted(host)
  await seize(host)
  const { calls } = host.emulator
  t.same(
    calls.all.filter(({ code }) => code === 'UnauthorizedOperation'),
    [],
  )
  t.same([...new Set(calls.all.map(({ action }) => action))].sort(), [...actions].sort(), 'that is every action')
})

const needed: Readonly<Record<string, readonly [permission: string, act: (host: WiredHost) => Promise<unknown>]>> = {
  Look: ['DescribeVolumes', liveAsCreated],
  CreateWithTags: ['CreateVolume', liveAsCreated],
  CreateFromSnapshots: ['CreateVolume', (host) => liveAsCreated(host, { snapshotId })],
  TagWhatIsCreated: ['CreateTags', liveAsCreated],
  AttachAndDetachTagged: ['AttachVolume', liveAsCreated],
  AttachAndDetachOnInstances: ['AttachVolume', liveAsCreated],
  NoteStateOfCreated: ['CreateTags', liveAsCreated],
  NoteStateOfAdopted: ['CreateTags', liveAsAdopted],
  RemoveOwnTags: ['DeleteTags', liveAsCreated],
  DeleteWhatWasCreated: ['DeleteVolume', liveAsCreated],
}

for (const [sid, [permission, act]] of Object.entries(needed))
  t.test(`S44 the statement ${sid} is needed, and what is refused without it is named`, async (t) => {
    const host = await start(t, without(sid))
    await t.rejects(act(host), {
      ...refused,
      hint: new RegExp(`^allow ec2:${permission} to the role of this instance: plugin-spec/iam-policy.json`),
    })
  })

t.test('S44 every statement is told of here', (t) => {
  const optional = ['OptionalTagOnAdoption', 'OptionalAttachUntagged']
  t.same(
    document.Statement.map(({ Sid }) => Sid),
    [...Object.keys(needed), ...optional],
  )
  t.end()
})

t.test('S13 S44 without the statement for tags on adoption it works untagged, and says so', async (t) => {
  const host = await start(t, without('OptionalTagOnAdoption'))
  const handle = await liveAsAdopted(host)
  t.equal(handle.attributes['unmarked'], 'true')
  t.ok(host.journals.log.has('taken over without tags'))
})

t.test('S13 S44 with that statement the other optional one is not needed', async (t) => {
  const host = await start(t, without('OptionalAttachUntagged'))
  const handle = await liveAsAdopted(host)
  t.equal(handle.attributes['unmarked'], undefined)
})

t.test('S13 S44 without both only what somebody else gave the tag is attached', async (t) => {
  const host = await start(t, without('OptionalTagOnAdoption', 'OptionalAttachUntagged'))
  await t.rejects(liveAsAdopted(host), { ...refused, hint: /ec2:AttachVolume/ })
  const { cloud } = host.emulator
  const volume = cloud.addVolume({ tags: { 'convoy:origin': 'adopted' } })
  host.disks.disk(volume).content = { kind: 'file-system', fsType: 'xfs' }
  const request = requestFor('tagged', { options: { id: volume.id } })
  const { handle } = await host.driver.create(request, host.journals.call(request))
  await host.driver.attach(handle, host.journals.call(request))
  t.match(cloud.volume(volume.id), { state: 'in-use', tags: { 'convoy:name': 'tagged' } })
})

t.test('S44 EB37 a volume of somebody else is not deleted, detached or tagged, and its tags stay', async (t) => {
  const { api, emulator, instanceId } = await start(t, document)
  const { cloud } = emulator
  for (const tags of [
    { 'ebs.csi.aws.com/cluster': 'true' },
    { CSIVolumeName: 'pvc-1' },
    { KubernetesCluster: 'k' },
  ] as const) {
    const { id } = cloud.addVolume({ tags })
    const attachment = { volumeId: id, instanceId, device: '/dev/xvdbb' }
    await t.rejects(api.attachVolume(attachment, never), refused)
    await t.rejects(api.tagVolume(id, { 'convoy:origin': 'adopted' }, never), refused)
    await t.rejects(api.untagVolume(id, Object.keys(tags), never), refused)
    await t.rejects(api.deleteVolume(id, never), refused)
    cloud.attachVolume(attachment)
    await cloud.settle(id)
    await t.rejects(api.detachVolume({ volumeId: id, instanceId, isForced: true }, never), refused)
    await t.rejects(api.detachVolume({ volumeId: id, instanceId, isForced: false }, never), refused)
    t.match(cloud.volume(id), { state: 'in-use', tags })
    cloud.detachVolume({ volumeId: id })
    await cloud.settle(id)
  }
  const plain = cloud.addVolume().id
  await t.rejects(api.deleteVolume(plain, never), refused)
  await t.rejects(api.tagVolume(plain, { 'convoy:origin': 'created' }, never), refused, 'so as to delete it')
  await t.rejects(api.tagVolume(plain, { team: 'x', 'convoy:origin': 'adopted' }, never), refused)
  await t.rejects(api.untagVolume(plain, ['convoy:name'], never), refused)
})

t.test('S44 EB08 nothing is created without the tags that say whose it is', async (t) => {
  const { api, emulator } = await start(t, document)
  const request = { token: 'a', zone: 'eu-west-1a', type: 'gp3', sizeGib: 1 } as const
  const own = { 'convoy:origin': 'created', 'convoy:id': '1', 'convoy:name': 'x' }
  for (const tags of [
    { team: 'db' },
    { ...own, 'convoy:origin': 'adopted' },
    { 'convoy:origin': 'created', 'convoy:id': '1' },
    { 'convoy:origin': 'created', 'convoy:name': 'x' },
  ])
    await t.rejects(api.createVolume({ ...request, tags }, never), refused)
  t.equal(emulator.cloud.volumes().length, 0)
  t.match(await api.createVolume({ ...request, tags: own }, never), { kind: 'made' })
})

t.test('S44 EB37 what was adopted is never deleted, also not by way of another tag', async (t) => {
  const { api, emulator } = await start(t, document)
  const { id } = emulator.cloud.addVolume({ tags: { 'convoy:origin': 'adopted', team: 'db' } })
  await t.rejects(api.deleteVolume(id, never), refused)
  await t.rejects(api.tagVolume(id, { 'convoy:origin': 'created' }, never), refused)
  await t.rejects(api.untagVolume(id, ['team'], never), refused)
  await t.rejects(
    clientOf(t, emulator).deleteTags({ Resources: [id] }),
    { name: 'UnauthorizedOperation' },
    'without keys EC2 would remove all',
  )
  t.match(emulator.cloud.volume(id), { state: 'available', tags: { 'convoy:origin': 'adopted', team: 'db' } })
})

t.test('S44 of our volumes only our own tags are changed, and what they say of their origin stays', async (t) => {
  const { api, emulator } = await start(t, document)
  for (const origin of ['created', 'adopted']) {
    const { id } = emulator.cloud.addVolume({ tags: { 'convoy:origin': origin } })
    await t.rejects(api.tagVolume(id, { team: 'db' }, never), refused)
    const other = origin === 'created' ? 'adopted' : 'created'
    await t.rejects(api.tagVolume(id, { 'convoy:origin': other }, never), refused)
    await api.tagVolume(id, { 'convoy:origin': origin, 'convoy:state': 'live', Name: 'x' }, never)
  }
})

t.test('S13 S44 a volume keeps what people call it when it is adopted, also nothing', async (t) => {
  const { driver, journals, emulator } = await start(t, document)
  const { id } = emulator.cloud.addVolume()
  const request = requestFor('nameless', { options: { id } })
  await driver.create(request, journals.call(request))
  const { tags } = emulator.cloud.volume(id)
  t.match(tags, { 'convoy:origin': 'adopted' })
  t.notOk('Name' in tags)
})

t.test('S44 instances and other actions are out of reach', async (t) => {
  const { api, instanceId, emulator } = await start(t, document)
  await t.rejects(api.tagVolume(instanceId, { 'convoy:origin': 'adopted' }, never), refused)
  const policy = IamPolicy.parse(document)
  const context = new Map([['aws:ResourceTag/convoy:origin', ['created']]])
  const volume = `arn:aws:ec2:${emulator.cloud.region}:123456789012:volume/vol-1`
  for (const action of [
    'ModifyVolume',
    'CreateSnapshot',
    'TerminateInstances',
    'ModifyVolumeAttribute',
    'RunInstances',
  ])
    t.equal(policy.decide({ action: `ec2:${action}`, resource: volume, context }), 'not-allowed', action)
  t.equal(policy.decide({ action: 'iam:PassRole', resource: '*', context }), 'not-allowed')
  const named = document.Statement.flatMap(({ Action }) => [Action].flat())
  t.same([...new Set(named)].sort(), actions.map((action) => `ec2:${action}`).sort())
})
