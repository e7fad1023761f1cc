import assert from 'node:assert/strict'
import t from 'tap'
import { requestFor } from '../../conformance/driver-world.js'
import { moments } from '../../fakes/fault-injector.js'
import { refusalOf, subjectOn, worldOf } from './ebs-subject.js'

const id = (handle: { readonly attributes: Readonly<Record<string, string>> }) => handle.attributes['volume'] ?? ''

t.test('EB37 an attached volume is not deleted: it says where it is', async (t) => {
  const world = worldOf(t)
  const host = world.addHost('host-1')
  const subject = subjectOn(host)
  const handle = await subject.make('db', 'kept')
  await subject.attach(handle)
  const trashed = await subject.retire(handle, 'trashed')
  const refusal = await refusalOf(subject.remove(trashed))
  t.match(refusal, { code: 'in-use', hint: /detach/ })
  t.match(refusal.message, host.instanceId)
  t.equal(host.api?.calls.get('DeleteVolume'), undefined)
  t.equal(world.cloud.volume(id(handle)).state, 'in-use')
})

t.test('EB37 a volume whose tags say nothing, or another id, cluster or host, is not deleted', async (t) => {
  for (const change of [
    { 'convoy:id': '00000000-0000-4000-8000-00000000ffff' },
    { 'convoy:cluster': 'green' },
    { 'convoy:state': 'nonsense' },
    undefined,
  ]) {
    const world = worldOf(t)
    const host = world.addHost('host-1', { cluster: 'blue' })
    const subject = subjectOn(host)
    const handle = await subject.make('db')
    if (change === undefined) world.cloud.deleteTags([id(handle)])
    else world.cloud.createTags([id(handle)], change)
    await subject.remove(handle)
    t.match(await refusalOf(subject.retire(handle, 'trashed')), { code: 'not-found' })
    t.match(await refusalOf(subject.revive(handle, 'db')), { code: 'not-found' })
    t.equal(world.cloud.volume(id(handle)).state, 'available', JSON.stringify(change))
    t.equal(host.api?.calls.get('DeleteVolume'), undefined)
  }
})

t.test('EB37 without a cluster a volume of another host is not deleted, nor one that joined a cluster', async (t) => {
  for (const change of [{ 'convoy:host': 'host-2' }, { 'convoy:cluster': 'blue' }]) {
    const world = worldOf(t)
    const subject = subjectOn(world.addHost('host-1'))
    const handle = await subject.make('db')
    world.cloud.createTags([id(handle)], change)
    await subject.remove(handle)
    t.equal(world.cloud.volume(id(handle)).state, 'available')
  }
})

t.test('any host of the cluster may delete', async (t) => {
  const world = worldOf(t)
  const [one, two] = ['host-1', 'host-2'].map((name) => subjectOn(world.addHost(name, { cluster: 'blue' })))
  assert.ok(one && two)
  await one.retire(await one.make('db'), 'trashed')
  const [found] = await two.discover()
  assert.ok(found)
  t.match(found, { state: 'trashed' })
  await two.remove(found.handle)
  await world.cloud.advance(1000)
  t.same(world.cloud.volumes(), [])
})

t.test('remove waits for a detachment and for the making of the volume, and says so once', async (t) => {
  const world = worldOf(t)
  const host = world.addHost('host-1')
  const subject = subjectOn(host)
  const handle = await subject.make('db', 'kept')
  await subject.attach(handle)
  world.cloud.delays.detachMs = 7000
  await subject.detach(handle)
  const waits: string[] = []
  await subject.driver.remove(handle, { ...subject.call(handle), onWait: (why) => waits.push(why) })
  t.same(waits, [`EC2 to be done with ${id(handle)}`])
  world.cloud.delays.createMs = 7000
  const request = requestFor('new')
  subject.faults.arm({ step: 'CreateVolume', when: 'after', how: 'fail' })
  await refusalOf(subject.create(request))
  subject.faults.disarm()
  await subject.remove({ name: request.name, id: request.id, attributes: {} })
  await world.cloud.advance(1000)
  t.same(world.cloud.volumes(), [])
})

t.test('remove that may wait no longer says what EC2 is doing', async (t) => {
  const world = worldOf(t)
  const subject = subjectOn(world.addHost('host-1'))
  const handle = await subject.make('db', 'kept')
  await subject.attach(handle)
  world.cloud.delays.detachMs = 7000
  await subject.detach(handle)
  const call = subject.journals.call(handle, AbortSignal.abort())
  t.match(await refusalOf(subject.driver.remove(handle, call)), { code: 'unavailable', message: /in-use/ })
})

t.test('a volume that is gone already is no error', async (t) => {
  const world = worldOf(t)
  const subject = subjectOn(world.addHost('host-1'))
  const handle = await subject.make('db')
  await subject.remove(handle)
  await subject.remove(handle)
  await world.cloud.advance(1000)
  await subject.remove(handle)
  t.match(await refusalOf(subject.retire(handle, 'trashed')), { code: 'not-found' })
})

t.test('tags change in two calls: one that was cut short between them is completed by its repetition', async (t) => {
  for (const how of ['fail', 'crash'] as const) {
    for (const when of moments) {
      const world = worldOf(t)
      const subject = subjectOn(world.addHost('host-1'))
      const forgotten = await subject.retire(await subject.make('db', 'kept'), 'forgotten')
      t.ok(world.cloud.volume(id(forgotten)).tags['convoy:retired'])
      subject.faults.arm({ step: 'DeleteTags', when, how })
      await Promise.race([subject.revive(forgotten, 'db').catch(() => undefined), subject.faults.death])
      subject.faults.disarm()
      if (subject.faults.isDead) subject.restart()
      t.same(await subject.listed(), ['db live'])
      t.equal((await subject.discover())[0]?.retiredAt, undefined)
      const revived = await subject.revive(forgotten, 'db')
      t.equal(world.cloud.volume(id(revived)).tags['convoy:retired'], undefined)
      t.equal(await subject.read(revived), 'kept')
    }
  }
})

t.test('a name that is taken by now is refused, and so is one of the cluster', async (t) => {
  const world = worldOf(t)
  const [one, two] = ['host-1', 'host-2'].map((name) => subjectOn(world.addHost(name, { cluster: 'blue' })))
  assert.ok(one && two)
  const trashed = await one.retire(await one.make('db'), 'trashed')
  const other = await two.make('db')
  const refusal = await refusalOf(one.revive(trashed, 'db'))
  t.match(refusal, { code: 'already-exists', hint: /--as/ })
  t.match(refusal.message, id(other))
  t.match(await one.revive(trashed, 'old'), { name: 'old' })
})

t.test('the name that people see follows the volume, unless they have changed it', async (t) => {
  const world = worldOf(t)
  const subject = subjectOn(world.addHost('host-1'))
  const handle = await subject.make('db')
  const nameOf = () => world.cloud.volume(id(handle)).tags['Name']
  await subject.revive(await subject.retire(handle, 'trashed'), 'db2')
  t.equal(nameOf(), 'db2')
  world.cloud.createTags([id(handle)], { Name: 'billing' })
  await subject.revive(await subject.retire(handle, 'trashed'), 'db3')
  t.equal(nameOf(), 'billing')
})

t.test('a volume that is being deleted, and is shown as it was, is no error', async (t) => {
  const world = worldOf(t)
  const subject = subjectOn(world.addHost('host-1'))
  const handle = await subject.make('db')
  world.cloud.faults.lag('DescribeVolumes', 10_000)
  world.cloud.delays.deleteMs = 5000
  await world.cloud.advance(20_000)
  await subject.remove(handle)
  await subject.remove(handle)
  await world.cloud.advance(5000)
  t.same(world.cloud.volumes(), [])
})

t.test('a volume that is busy otherwise is not called deleted', async (t) => {
  const world = worldOf(t)
  const subject = subjectOn(world.addHost('host-1'))
  const handle = await subject.make('db')
  const message = "Volume 'vol-1' is in the 'creating' state."
  world.cloud.faults.add({ on: 'DeleteVolume', kind: 'answer', code: 'IncorrectState', message, times: 1 })
  t.match(await refusalOf(subject.remove(handle)), { code: 'unavailable', message: /creating/ })
})
