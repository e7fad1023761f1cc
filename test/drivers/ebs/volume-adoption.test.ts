import assert from 'node:assert/strict'
import t from 'tap'
import { requestFor } from '../../conformance/driver-world.js'
import type { VolumeRecord } from '../../ec2/records.js'
import { moments } from '../../fakes/fault-injector.js'
import { refusalOf, subjectOn, undoCreate, worldOf } from './ebs-subject.js'
import type { EbsHost, EbsWorld } from './ebs-world.js'

const theirs = { Name: 'billing database', team: 'pay' }

/** A disk of somebody else, with a database on it. */
function plant({ cloud }: EbsWorld, host: EbsHost, more: Partial<VolumeRecord> = {}): VolumeRecord {
  const volume = cloud.addVolume({ tags: theirs, ...more })
  Object.assign(host.disks.disk(volume), { content: { kind: 'file-system', fsType: 'xfs' }, text: 'database' })
  return volume
}

const adopting = (id: string, options = {}) => requestFor('db', { options: { id, ...options } })

t.test('S13 a free volume of this zone is taken over as it is: its root is shown, nothing is formatted', async (t) => {
  const world = worldOf(t)
  const host = world.addHost('host-1')
  const subject = subjectOn(host)
  const { id } = plant(world, host)
  const { handle, origin, sizeBytes } = await subject.create(adopting(id, { mountOptions: 'inode64' }))
  t.match({ origin, sizeBytes }, { origin: 'adopted', sizeBytes: undefined })
  t.match(world.cloud.volume(id).tags, { ...theirs, 'convoy:origin': 'adopted', 'convoy:name': 'db' })
  const source = await subject.attach(handle)
  t.match(source, { fsType: 'xfs', subdirectory: '', options: ['inode64'] })
  t.equal(host.disks.disk({ id, sizeGib: 8 }).text, 'database')
  t.equal(host.disks.disk({ id, sizeGib: 8 }).formats, 0)
  t.equal(subject.call(handle).journal.notes['disk'], 'adopted')
})

t.test('S13 a blank volume that is taken over is never formatted', async (t) => {
  const world = worldOf(t)
  const host = world.addHost('host-1')
  const subject = subjectOn(host)
  const { id } = world.cloud.addVolume()
  const { handle } = await subject.create(adopting(id))
  t.match(await refusalOf(subject.attach(handle)), { code: 'internal' })
  t.equal(host.disks.disk({ id, sizeGib: 8 }).formats, 0)
})

const csi = { 'kubernetes.io/created-for/pvc/name': 'data-0' }
const ofBlue = {
  'convoy:name': 'x',
  'convoy:id': '00000000-0000-4000-8000-0000000000aa',
  'convoy:host': 'host-9',
  'convoy:cluster': 'blue',
  'convoy:state': 'live',
  'convoy:origin': 'created',
  'convoy:created': '2026-01-01T00:00:00.000Z',
}

for (const [what, given, code, words] of [
  ['EB21 in another zone', { zone: 'eu-west-1b' }, 'invalid-argument', /eu-west-1b.*eu-west-1a/],
  ['EB22 for several hosts', { isMultiAttach: true }, 'invalid-argument', /several hosts/],
  ['that is being made', { state: 'creating' }, 'in-use', /is creating/],
  ['that has failed', { state: 'error' }, 'in-use', /is error/],
  ['of a claim of Kubernetes', { tags: csi }, 'in-use', /created-for\/pvc\/name=data-0/],
  ['of a cluster of Kubernetes', { tags: { 'kubernetes.io/cluster/prod': 'owned' } }, 'in-use', /cluster\/prod=owned/],
  ['of the CSI driver', { tags: { 'ebs.csi.aws.com/cluster': 'true' } }, 'in-use', /ebs\.csi\.aws\.com/],
  ['with a name of CSI', { tags: { CSIVolumeName: 'pvc-1' } }, 'in-use', /CSIVolumeName=pvc-1/],
  ['of an old Kubernetes', { tags: { KubernetesCluster: 'prod' } }, 'in-use', /KubernetesCluster=prod/],
  ['of another cluster', { tags: ofBlue }, 'in-use', /"x" of cluster blue/],
  ['forgotten by another cluster', { tags: { ...ofBlue, 'convoy:state': 'forgotten' } }, 'in-use', /cluster blue/],
  ['in the trash of another cluster', { tags: { ...ofBlue, 'convoy:state': 'trashed' } }, 'in-use', /cluster blue/],
  ['with tags of convoy that say nothing', { tags: { 'convoy:cluster': 'blue' } }, 'in-use', /convoy:cluster=blue/],
] as const)
  t.test(`S13 a volume ${what} is not taken over, and not touched`, async (t) => {
    const world = worldOf(t)
    const host = world.addHost('host-1', { cluster: 'green' })
    const planted = plant(world, host, given)
    const refusal = await refusalOf(subjectOn(host).create(adopting(planted.id)))
    t.equal(refusal.code, code)
    t.match(refusal.message, words)
    t.match(refusal.message, planted.id)
    t.ok(refusal.hint)
    t.same(world.cloud.volume(planted.id), planted)
  })

t.test('S13 an attached volume is not taken over: it says by whom', async (t) => {
  const world = worldOf(t)
  const [one, two] = [world.addHost('host-1'), world.addHost('host-2')]
  const { id } = plant(world, one)
  world.cloud.attachVolume({ volumeId: id, instanceId: two.instanceId, device: '/dev/sdf' })
  await world.cloud.advance(1000)
  const refusal = await refusalOf(subjectOn(one).create(adopting(id)))
  t.match(refusal, { code: 'in-use', hint: /detach/ })
  t.match(refusal.message, two.instanceId)
})

t.test('one that is being detached is waited for', async (t) => {
  const world = worldOf(t)
  const host = world.addHost('host-1')
  const { id } = plant(world, host)
  world.cloud.attachVolume({ volumeId: id, instanceId: host.instanceId, device: '/dev/sdf' })
  await world.cloud.advance(1000)
  world.cloud.delays.detachMs = 5000
  world.cloud.detachVolume({ volumeId: id })
  t.match(await subjectOn(host).create(adopting(id)), { origin: 'adopted' })
})

t.test('one that is not there is not found, in that region', async (t) => {
  const subject = subjectOn(worldOf(t).addHost('host-1'))
  const refusal = await refusalOf(subject.create(adopting('vol-00000000000000000')))
  t.match(refusal, { code: 'not-found', message: /vol-00000000000000000 in eu-west-1/ })
})

t.test('a volume of ours is not taken over under a second name', async (t) => {
  const world = worldOf(t)
  const subject = subjectOn(world.addHost('host-1'))
  const id = (await subject.make('first')).attributes['volume'] ?? ''
  t.match(await refusalOf(subject.create(adopting(id))), { code: 'already-exists', message: /volume "first"/ })
})

t.test('a volume that another host made keeps what is its own: _data, and that convoy may delete it', async (t) => {
  const world = worldOf(t)
  const [one, two] = [subjectOn(world.addHost('host-1')), subjectOn(world.addHost('host-2'))]
  const options = { size: '10M', 'tag.note': 'x'.repeat(250), 'tag.more': 'y'.repeat(200) }
  const { handle } = await one.create(requestFor('db', { options, onRemove: 'delete' }))
  await one.write(handle, 'kept')
  const id = handle.attributes['volume'] ?? ''
  t.ok(world.cloud.volume(id).tags['convoy:options.2'])
  const taken = await two.create(adopting(id))
  t.match(taken, { origin: 'created', sizeBytes: 10 * 1024 ** 2, handle: { attributes: { subdirectory: '_data' } } })
  t.equal(await two.read(taken.handle), 'kept')
  const [found] = await two.discover()
  t.same(found?.options, { id })
  t.equal(found?.onRemove, undefined, 'what the other host meant to do with it is over')
  t.match(await refusalOf(one.attach(handle)), { code: 'in-use', message: /host-2/ })
  await two.remove(await two.retire(taken.handle, 'trashed'))
  await world.cloud.advance(1000)
  t.same(world.cloud.volumes(), [])
})

t.test('adoption that fails or dies at any step leaves no tag of the last owner when it is repeated', async (t) => {
  for (const how of ['fail', 'crash'] as const) {
    for (const when of moments) {
      for (let step = 0; step < 20; step++) {
        const world = worldOf(t)
        const [one, two] = [subjectOn(world.addHost('host-1')), subjectOn(world.addHost('host-2'))]
        const { handle } = await one.create(requestFor('old', { options: { size: '10M' }, onRemove: 'delete' }))
        const id = handle.attributes['volume'] ?? ''
        const request = adopting(id)
        two.faults.arm({ step, when, how })
        await Promise.race([two.create(request).catch(() => undefined), two.faults.death])
        two.faults.disarm()
        if (two.faults.isDead) two.restart()
        const taken = await two.create(request)
        assert.equal(taken.handle.id, request.id)
        assert.equal(world.cloud.volume(id).tags['convoy:on-remove'], undefined, `${how} ${when} ${step}`)
        assert.equal(world.cloud.volume(id).tags['Name'], 'old')
      }
    }
  }
})

for (const lagMs of [0, 5000, 30_000])
  t.test(`what is taken over can be used and forgotten at once, tags shown after ${lagMs} ms`, async (t) => {
    const world = worldOf(t)
    const host = world.addHost('host-1')
    const subject = subjectOn(host)
    const { id } = plant(world, host)
    world.cloud.faults.lag('CreateTags', lagMs)
    const { handle } = await subject.create(adopting(id))
    await subject.attach(handle)
    await subject.detach(handle)
    await world.cloud.advance(1000)
    await subject.retire(handle, 'trashed')
    t.same(world.cloud.volume(id).tags, theirs)
  })

t.test('undoing an adoption whose answer was lost takes the tags away, also when they are shown late', async (t) => {
  const world = worldOf(t)
  const host = world.addHost('host-1')
  const subject = subjectOn(host)
  const { id } = plant(world, host)
  world.cloud.faults.lag('CreateTags', 20_000)
  const request = adopting(id)
  subject.faults.arm({ step: 'CreateTags', when: 'after', how: 'fail' })
  await refusalOf(subject.create(request))
  subject.faults.disarm()
  t.ok(await undoCreate(subject, request))
  t.same(world.cloud.volume(id).tags, theirs)
})

t.test('of two hosts that take over one volume at once one is told so', async (t) => {
  const world = worldOf(t)
  const [one, two] = [world.addHost('host-1'), world.addHost('host-2', { cluster: 'blue' })]
  const { id } = plant(world, one)
  world.cloud.faults.lag('CreateTags', 3000)
  const outcomes = await Promise.allSettled([one, two].map((host) => subjectOn(host).create(adopting(id))))
  const refused = outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason as unknown] : []))
  t.match(refused, [{ code: 'in-use', message: /at the same time/ }])
})

for (const code of ['UnauthorizedOperation', 'AccessDenied'])
  t.test(`without the permission to tag (${code}) it works untagged and says so, to the end`, async (t) => {
    const world = worldOf(t)
    const host = world.addHost('host-1')
    const subject = subjectOn(host)
    const { id } = plant(world, host)
    for (const on of ['CreateTags', 'DeleteTags'] as const)
      world.cloud.faults.add({ on, kind: 'answer', code, status: 403 })
    const request = adopting(id)
    const { handle, origin } = await subject.create(request)
    t.equal(origin, 'adopted')
    t.equal(handle.attributes['unmarked'], 'true')
    t.ok(subject.journals.log.lines.some(({ level, message }) => level === 'warn' && message.includes('without tags')))
    subject.restart()
    t.same((await subject.create(request)).handle, handle)
    t.equal(await subject.read(handle), 'database')
    await world.cloud.advance(1000)
    const forgotten = await subject.retire(handle, 'forgotten')
    const revived = await subject.revive(forgotten, 'db2')
    t.same(revived, { ...handle, name: 'db2' })
    t.equal(await subject.read(revived), 'database')
    await world.cloud.advance(1000)
    await subject.remove(await subject.retire(revived, 'trashed'))
    t.same(world.cloud.volume(id).tags, theirs)
    t.equal(world.cloud.volume(id).state, 'available')
  })

t.test('any other refusal of the tags is an error: it does not work untagged by accident', async (t) => {
  const world = worldOf(t)
  const host = world.addHost('host-1')
  const { id } = plant(world, host)
  for (const code of ['RequestExpired', 'InternalError', 'InvalidParameterValue']) {
    world.cloud.faults.add({ on: 'CreateTags', kind: 'answer', code, times: 1 })
    t.match((await refusalOf(subjectOn(host).create(adopting(id)))).message, code)
  }
})

t.test('tags that do not fit beside those that it has are refused before anything is changed', async (t) => {
  const world = worldOf(t)
  const host = world.addHost('host-1')
  const tags = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, index) => [`k${index}`, 'v']))
  const full = plant(world, host, { tags: tags(43) })
  const refusal = await refusalOf(subjectOn(host).create(adopting(full.id)))
  t.match(refusal, { code: 'invalid-argument', message: /51 tags/, hint: /remove 1 of/ })
  t.same(world.cloud.volume(full.id).tags, tags(43))
  const fits = plant(world, host, { tags: tags(42) })
  const subject = subjectOn(host)
  const { handle } = await subject.create(adopting(fits.id))
  await subject.retire(handle, 'forgotten')
  t.equal(Object.keys(world.cloud.volume(fits.id).tags).length, 50)
})

for (const tags of [theirs, {}])
  t.test(
    `their tags (${Object.keys(tags).length}) survive adoption, forgetting, coming back and deletion`,
    async (t) => {
      const world = worldOf(t)
      const host = world.addHost('host-1')
      const subject = subjectOn(host)
      const { id } = plant(world, host, { tags })
      const others = () => Object.entries(world.cloud.volume(id).tags).filter(([key]) => !key.startsWith('convoy:'))
      let { handle } = await subject.create(adopting(id))
      t.same(others(), Object.entries(tags))
      handle = await subject.revive(await subject.retire(handle, 'forgotten'), 'db2')
      t.same(others(), Object.entries(tags))
      await subject.remove(await subject.retire(handle, 'trashed'))
      t.same(world.cloud.volume(id).tags, tags)
      t.equal(host.disks.disk({ id, sizeGib: 8 }).text, 'database')
    },
  )

t.test('S13 remove only forgets what was taken over', async (t) => {
  const world = worldOf(t)
  const host = world.addHost('host-1')
  const subject = subjectOn(host)
  const { id } = plant(world, host)
  const { handle } = await subject.create(adopting(id))
  await subject.remove(handle)
  await world.cloud.advance(1000)
  t.match(world.cloud.volume(id), { state: 'available', tags: theirs })
})
