import assert from 'node:assert/strict'
import t from 'tap'
import { requestFor } from '../../conformance/driver-world.js'
import { refusalOf, subjectOn, undoCreate, worldOf } from './ebs-subject.js'

const lagsMs = [0, 2000, 10_000, 30_000]

for (const lagMs of lagsMs)
  t.test(`EB05 a new volume that is not found for ${lagMs} ms is not gone`, async (t) => {
    const world = worldOf(t)
    world.cloud.faults.lag('CreateVolume', lagMs)
    const subject = subjectOn(world.addHost('host-1'))
    const { handle } = await subject.create(requestFor('db'))
    t.equal(world.cloud.volume(handle.attributes['volume'] ?? '').state, 'available')
    await subject.remove(await subject.retire(handle, 'trashed'))
    await world.cloud.advance(1000)
    t.same(world.cloud.volumes(), [])
  })

t.test('EB05 one that was seen and is not found for a while is not gone either', async (t) => {
  const world = worldOf(t)
  const host = world.addHost('host-1')
  world.cloud.delays.createMs = 8000
  const subject = subjectOn(host)
  const api = host.api
  assert.ok(api)
  const findVolume = api.findVolume.bind(api)
  let looks = 0
  api.findVolume = async (id) => {
    looks++
    return looks === 2 || looks === 3 ? undefined : findVolume(id)
  }
  const { handle } = await subject.create(requestFor('db'))
  t.equal(world.cloud.volume(handle.attributes['volume'] ?? '').state, 'available')
})

t.test('EB05 one that never shows up within a minute: a later create waits for the same one', async (t) => {
  const world = worldOf(t)
  world.cloud.faults.lag('CreateVolume', 100_000)
  const subject = subjectOn(world.addHost('host-1'))
  const request = requestFor('db')
  t.match(await refusalOf(subject.create(request)), { code: 'unavailable', message: /vol-/ })
  t.equal((await subject.create(request)).handle.id, request.id)
  t.equal(world.cloud.volumes().length, 1)
})

for (const [row, ends] of [
  ['EB07', 'error'],
  ['EB26', 'gone'],
] as const) {
  t.test(`${row} a volume that ends in ${ends} leaves nothing, and the next attempt is another one`, async (t) => {
    const world = worldOf(t)
    world.cloud.faults.add({ on: 'CreateVolume', kind: 'creation', ends, times: 1 })
    const host = world.addHost('host-1')
    const subject = subjectOn(host)
    const request = requestFor('db', { options: { kmsKeyId: 'alias/gone' } })
    const refusal = await refusalOf(subject.create(request))
    const reason = ends === 'error' ? /state error/ : /went away/
    t.match(refusal, { code: 'invalid-argument', hint: /kms:CreateGrant/ })
    t.match(refusal.message, reason)
    t.match(refusal.message, /alias\/gone/)
    t.equal(host.api?.calls.get('CreateVolume'), 1, 'no loop')
    await world.cloud.advance(1000)
    t.same(world.cloud.volumes(), [])
    t.equal(subject.call(request).journal.notes['generation'], '2')
    subject.restart()
    const { handle } = await subject.create(request)
    t.same(
      world.cloud.volumes().map(({ id }) => id),
      [handle.attributes['volume']],
    )
    t.equal(host.api?.calls.get('CreateVolume'), 1, 'the burned generation is not tried again')
  })

  t.test(`${row} after the failed create is undone, a new one of that name succeeds`, async (t) => {
    const world = worldOf(t)
    world.cloud.faults.add({ on: 'CreateVolume', kind: 'creation', ends, times: 1 })
    const subject = subjectOn(world.addHost('host-1'))
    const request = requestFor('db')
    await refusalOf(subject.create(request))
    await undoCreate(subject, request)
    subject.restart()
    const { handle } = await subject.create(requestFor('db'))
    await world.cloud.advance(1000)
    t.same(
      world.cloud.volumes().map(({ id }) => id),
      [handle.attributes['volume']],
    )
  })
}

t.test('EB26 what vanishes is not deleted by us: it may be there after all', async (t) => {
  const world = worldOf(t)
  world.cloud.faults.add({ on: 'CreateVolume', kind: 'creation', ends: 'gone', times: 1 })
  const host = world.addHost('host-1')
  await refusalOf(subjectOn(host).create(requestFor('db')))
  t.equal(host.api?.calls.get('DeleteVolume'), undefined)
})
