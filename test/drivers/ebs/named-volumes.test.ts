import assert from 'node:assert/strict'
import t from 'tap'
import { requestFor } from '../../conformance/driver-world.js'
import { liveVolumes, refusalOf, subjectOn, undoCreate, worldOf } from './ebs-subject.js'

t.test('without a cluster a free volume of another host is refused, with the two ways on', async (t) => {
  const world = worldOf(t)
  const [one, two] = [subjectOn(world.addHost('host-1')), subjectOn(world.addHost('host-2'))]
  const { handle } = await one.create(requestFor('db'))
  const id = handle.attributes['volume'] ?? ''
  for (const state of ['live', 'forgotten'] as const) {
    if (state === 'forgotten') await one.retire(handle, state)
    const refusal = await refusalOf(two.create(requestFor('db')))
    t.equal(refusal.code, 'already-exists')
    t.match(refusal.message, `${id} is a free volume "db" that host host-1 made`)
    t.match(refusal.hint, `-o id=${id}`)
    t.match(refusal.hint, '--cluster')
  }
  t.equal(world.cloud.volumes().length, 1)
})

t.test('without a cluster a volume of a cluster is refused, with its name', async (t) => {
  const world = worldOf(t)
  const one = subjectOn(world.addHost('host-1', { cluster: 'blue' }))
  const two = subjectOn(world.addHost('host-2'))
  await one.create(requestFor('db'))
  t.match(await refusalOf(two.create(requestFor('db'))), { code: 'already-exists', hint: /--cluster blue/ })
})

t.test('volumes of other hosts that are attached, in another zone or in the trash are no matter', async (t) => {
  const world = worldOf(t)
  const one = subjectOn(world.addHost('host-1'))
  const two = subjectOn(world.addHost('host-2'))
  const away = subjectOn(world.addHost('host-3', { zone: 'eu-west-1b' }))
  const attached = await one.make('attached')
  await one.attach(attached)
  await away.make('away')
  await one.retire(await one.make('trashed'), 'trashed')
  for (const name of ['attached', 'away', 'trashed']) {
    const { handle } = await two.create(requestFor(name))
    t.equal(world.cloud.volume(handle.attributes['volume'] ?? '').tags['convoy:host'], 'host-2', name)
  }
})

t.test('a cluster sees its own volumes only, whatever others are called', async (t) => {
  const world = worldOf(t)
  const blue = subjectOn(world.addHost('host-1', { cluster: 'blue' }))
  const green = subjectOn(world.addHost('host-2', { cluster: 'green' }))
  const alone = subjectOn(world.addHost('host-3'))
  await green.make('db')
  const made = await blue.make('db')
  t.equal(world.cloud.volumes().length, 2)
  t.same(
    (await blue.discover()).map(({ handle }) => handle.attributes['volume']),
    [made.attributes['volume']],
  )
  t.same(await alone.discover(), [])
})

t.test('two volumes of a name are refused and shown', async (t) => {
  const world = worldOf(t)
  const subject = subjectOn(world.addHost('host-1', { cluster: 'blue' }))
  const made = world.cloud.volume((await subject.make('db')).attributes['volume'] ?? '')
  const id = '00000000-0000-4000-8000-00000000ffff'
  const other = world.cloud.addVolume({ tags: { ...made.tags, 'convoy:id': id } })
  const refusal = await refusalOf(subject.create(requestFor('db')))
  t.equal(refusal.code, 'already-exists')
  for (const one of [made.id, other.id]) t.match(refusal.message, one)
  t.match(refusal.message, /4 GiB, made 2026-/)
  t.match(refusal.hint, /convoy:name/)
})

t.test('two volumes with one id are refused and shown, and neither is discovered', async (t) => {
  const world = worldOf(t)
  const subject = subjectOn(world.addHost('host-1', { cluster: 'blue' }))
  const request = requestFor('db')
  const made = world.cloud.volume((await subject.create(request)).handle.attributes['volume'] ?? '')
  await subject.make('other')
  const copy = world.cloud.addVolume({ tags: made.tags })
  const refusal = await refusalOf(subject.create(request))
  for (const one of [made.id, copy.id]) t.match(refusal.message, one)
  t.same(await subject.listed(), ['other live'])
  t.ok(subject.journals.log.has('same tag convoy:id'))
})

t.test('a look-up that fails is an error and makes nothing', async (t) => {
  const world = worldOf(t)
  const host = world.addHost('host-1')
  const subject = subjectOn(host)
  for (const [code, status] of [
    ['InternalError', 500],
    ['RequestLimitExceeded', 503],
    ['UnauthorizedOperation', 403],
    ['InvalidParameterValue', 400],
  ] as const) {
    world.cloud.faults.add({ on: 'DescribeVolumes', kind: 'answer', code, status, times: 1 })
    t.match((await refusalOf(subject.create(requestFor('db')))).message, code)
  }
  t.equal(host.api?.calls.get('CreateVolume'), undefined)
  t.same(world.cloud.volumes(), [])
})

t.test('a volume that another host of the cluster has forgotten comes back by create', async (t) => {
  const world = worldOf(t)
  const [one, two] = ['host-1', 'host-2'].map((name) => subjectOn(world.addHost(name, { cluster: 'blue' })))
  assert.ok(one && two)
  const made = await one.make('db', 'kept')
  const id = made.attributes['volume'] ?? ''
  world.cloud.createTags([id], { Name: 'our database' })
  await one.retire(made, 'forgotten')
  const { handle } = await two.create(requestFor('db'))
  t.equal(await two.read(handle), 'kept')
  t.same(await two.listed(), ['db live'])
  t.equal(world.cloud.volume(id).tags['Name'], 'our database')
})

t.test('trashed volumes free their name on every host of the cluster', async (t) => {
  const world = worldOf(t)
  const [one, two] = ['host-1', 'host-2'].map((name) => subjectOn(world.addHost(name, { cluster: 'blue' })))
  assert.ok(one && two)
  await one.retire(await one.make('db', 'old'), 'trashed')
  const made = await two.make('db')
  t.equal(liveVolumes(world).length, 1)
  t.equal(await two.read(made), undefined)
})

t.test('EB21 a volume of the cluster in another zone is found, and attach names both zones', async (t) => {
  const world = worldOf(t)
  const one = subjectOn(world.addHost('host-1', { cluster: 'blue', zone: 'eu-west-1b' }))
  const two = subjectOn(world.addHost('host-2', { cluster: 'blue' }))
  const made = await one.make('db')
  const { handle } = await two.create(requestFor('db'))
  t.same(handle, made)
  const refusal = await refusalOf(two.attach(handle))
  t.match(refusal, { code: 'invalid-argument' })
  for (const zone of ['eu-west-1a', 'eu-west-1b']) t.match(refusal.message, zone)
})

t.test('undoing a create does not touch what another host made', async (t) => {
  const world = worldOf(t)
  const [one, two] = ['host-1', 'host-2'].map((name) => subjectOn(world.addHost(name, { cluster: 'blue' })))
  assert.ok(one && two)
  await one.make('db', 'kept')
  const request = requestFor('db', { options: { size: '99G' } })
  await refusalOf(two.create(request))
  t.notOk(await undoCreate(two, request))
  t.equal(liveVolumes(world).length, 1)
})
