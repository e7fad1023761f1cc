import assert from 'node:assert/strict'
import t from 'tap'
import type { Attributes } from '../../../src/model/volume.js'
import { requestFor, type Subject } from '../../conformance/driver-world.js'
import { moments } from '../../fakes/fault-injector.js'
import { liveVolumes, refusalOf, subjectOn, undoCreate, worldOf } from './ebs-subject.js'

const lagsMs = [0, 2000, 10_000, 30_000]

/** Ends at the fault, by failing or by the death of the process, which is then restarted. */
async function strike(subject: Subject, act: () => Promise<unknown>): Promise<void> {
  const acting = act().catch(() => undefined)
  await Promise.race([acting, subject.faults.death])
  subject.faults.disarm()
  if (subject.faults.isDead) subject.restart()
}

t.test('EB08 the creating call carries all tags, and the user’s', async (t) => {
  const world = worldOf(t)
  const subject = subjectOn(world.addHost('host-1', { cluster: 'blue' }))
  const request = requestFor('db', { options: { 'tag.team': 'pay', tags: 'stage=test' }, onRemove: 'delete' })
  subject.faults.arm({ step: 'CreateVolume', when: 'after', how: 'crash' })
  await strike(subject, () => subject.create(request))
  t.match(world.cloud.volumes()[0]?.tags, {
    Name: 'db',
    team: 'pay',
    stage: 'test',
    'convoy:name': 'db',
    'convoy:cluster': 'blue',
    'convoy:host': 'host-1',
    'convoy:origin': 'created',
    'convoy:id': request.id,
    'convoy:on-remove': 'delete',
  })
})

for (const lagMs of lagsMs) {
  for (const how of ['fail', 'crash'] as const) {
    for (const cluster of [undefined, 'blue']) {
      t.test(`EB01 EB08 create: ${how} at every step, lag ${lagMs}, cluster ${cluster}: one volume`, async (t) => {
        for (const when of moments) {
          for (let step = 0, isOver = false; !isOver; step++) {
            const world = worldOf(t)
            world.cloud.faults.lag('CreateVolume', lagMs)
            const subject = subjectOn(world.addHost('host-1', cluster === undefined ? {} : { cluster }))
            const request = requestFor('db')
            subject.faults.arm({ step, when, how })
            await strike(subject, () => subject.create(request))
            isOver = subject.faults.struckAt === undefined && how === 'fail'
            if (step > 60) break
            const { handle } = await subject.create(request)
            assert.equal(handle.id, request.id)
            assert.deepEqual(
              liveVolumes(world).map(({ id }) => id),
              [handle.attributes['volume']],
              `${how} ${when} ${step}`,
            )
          }
        }
      })
    }
  }
}

t.test('EB01 a create whose answer was lost is repeated with the same token, also by another daemon', async (t) => {
  const world = worldOf(t)
  world.cloud.faults.lag('DescribeVolumes', 30_000)
  const subject = subjectOn(world.addHost('host-1'))
  world.cloud.faults.add({
    on: 'CreateVolume',
    kind: 'answer',
    when: 'after',
    code: 'InternalError',
    status: 500,
    times: 1,
  })
  const request = requestFor('db')
  t.match(await refusalOf(subject.create(request)), { code: 'unavailable' })
  subject.restart()
  const { handle } = await subject.create(request)
  t.same(
    world.cloud.volumes().map(({ id }) => id),
    [handle.attributes['volume']],
  )
})

t.test('EB01 other defaults after a restart do not make a second volume of a lost answer', async (t) => {
  const world = worldOf(t)
  world.cloud.faults.lag('DescribeVolumes', 30_000)
  const host = world.addHost('host-1')
  const subject = subjectOn(host)
  const request = requestFor('db')
  subject.faults.arm({ step: 'CreateVolume', when: 'after', how: 'fail' })
  await refusalOf(subject.create(request))
  const other = subjectOn(host, { defaultvolumesize: '9G' })
  const { handle } = await other.driver.create(request, subject.call(request))
  t.same(
    world.cloud.volumes().map(({ id }) => id),
    [handle.attributes['volume']],
  )
})

for (const lagMs of lagsMs)
  t.test(`EB01 undoing a create finds the volume whose answer was lost, shown after ${lagMs} ms`, async (t) => {
    const world = worldOf(t)
    world.cloud.faults.lag('CreateVolume', lagMs)
    const subject = subjectOn(world.addHost('host-1'))
    const request = requestFor('db')
    subject.faults.arm({ step: 'CreateVolume', when: 'after', how: 'fail' })
    await refusalOf(subject.create(request))
    subject.faults.disarm()
    t.ok(await undoCreate(subject, request))
    await world.cloud.advance(60_000)
    t.same(world.cloud.volumes(), [])
  })

t.test('EB01 a later refusal does not make the lost answer forgotten', async (t) => {
  const world = worldOf(t)
  world.cloud.faults.lag('CreateVolume', 20_000)
  const subject = subjectOn(world.addHost('host-1'))
  const request = requestFor('db')
  subject.faults.arm({ step: 'CreateVolume', when: 'after', how: 'fail' })
  await refusalOf(subject.create(request))
  subject.faults.disarm()
  world.cloud.faults.add({ on: 'CreateVolume', kind: 'answer', code: 'UnauthorizedOperation', status: 403, times: 1 })
  t.match(await refusalOf(subject.create(request)), { code: 'invalid-argument' })
  t.ok(await undoCreate(subject, request))
})

t.test('EB01 undoing that has no time to look says so: the volume may come', async (t) => {
  const world = worldOf(t)
  world.cloud.faults.lag('CreateVolume', 20_000)
  const subject = subjectOn(world.addHost('host-1'))
  const request = requestFor('db')
  subject.faults.arm({ step: 'CreateVolume', when: 'after', how: 'fail' })
  await refusalOf(subject.create(request))
  subject.faults.disarm()
  const call = subject.journals.call(request, AbortSignal.abort())
  const handle = { name: request.name, id: request.id, attributes: {} }
  t.match(await refusalOf(subject.driver.retire(handle, 'trashed', call)), { code: 'unavailable' })
})

t.test('a create that EC2 refuses is undone at once: nothing was made', async (t) => {
  const world = worldOf(t)
  const host = world.addHost('host-1')
  const subject = subjectOn(host)
  const request = requestFor('db')
  world.cloud.faults.add({ on: 'CreateVolume', kind: 'answer', code: 'UnauthorizedOperation', status: 403, times: 1 })
  t.match(await refusalOf(subject.create(request)), { code: 'invalid-argument', hint: /ec2:CreateVolume/ })
  host.api?.calls.clear()
  t.notOk(await undoCreate(subject, request))
  t.equal(host.api?.calls.get('DescribeVolumes'), 1)
})

t.test('EB02 with a burned token the next generation is tried, and noted before', async (t) => {
  const world = worldOf(t)
  world.cloud.faults.add({ on: 'CreateVolume', kind: 'burn-token', times: 2 })
  const subject = subjectOn(world.addHost('host-1'))
  const request = requestFor('db')
  const { handle } = await subject.create(request)
  t.equal(subject.call(request).journal.notes['generation'], '3')
  subject.restart()
  t.same((await subject.create(request)).handle, handle)
  t.equal(world.cloud.volumes().length, 1)
})

t.test('EB02 the counter is durable: a daemon that died at the third generation goes on there', async (t) => {
  const world = worldOf(t)
  world.cloud.faults.add({ on: 'CreateVolume', kind: 'burn-token', times: 2 })
  world.cloud.faults.lag('CreateVolume', 10_000)
  const host = world.addHost('host-1')
  const subject = subjectOn(host)
  const request = requestFor('db')
  const isThird = () => subject.call(request).journal.notes['generation'] === '3'
  const step = subject.faults.step.bind(subject.faults)
  subject.faults.step = async (name, act) => {
    if (name === 'CreateVolume' && isThird()) subject.faults.arm({ step: 'CreateVolume', when: 'after', how: 'crash' })
    return step(name, act)
  }
  await strike(subject, () => subject.create(request))
  t.ok(isThird())
  await subject.create(request)
  t.equal(host.api?.calls.get('CreateVolume'), 1, 'generations 1 and 2 are not tried again')
  t.equal(world.cloud.volumes().length, 1)
})

t.test('EB02 a new volume of the name of a deleted one is a new one', async (t) => {
  const world = worldOf(t)
  const host = world.addHost('host-1')
  const subject = subjectOn(host)
  const first = await subject.make('db')
  await subject.remove(await subject.retire(first, 'trashed'))
  const second = await subject.make('db')
  t.equal(host.api?.calls.get('CreateVolume'), 2, 'the token of the first is not tried again')
  subject.restart()
  await subject.remove(await subject.retire(second, 'trashed'))
  const third = await subject.make('db')
  t.equal(new Set([first, second, third].map(({ attributes }) => attributes['volume'])).size, 3)
  await world.cloud.advance(1000)
  t.equal(world.cloud.volumes().length, 1)
})

t.test('EB03 the same name with another size is refused on every host of the cluster', async (t) => {
  const world = worldOf(t)
  const [one, two] = ['host-1', 'host-2'].map((name) => subjectOn(world.addHost(name, { cluster: 'blue' })))
  assert.ok(one && two)
  await one.create(requestFor('db', { options: { size: '10G', type: 'gp3' } }))
  for (const options of [{ size: '20G' }, { type: 'gp2' }, { fsType: 'xfs' }]) {
    const refusal = await refusalOf(two.create(requestFor('db', { options })))
    t.match(refusal, {
      code: 'already-exists',
      message: /^volume "db" \(vol-\w+\) exists with (?:size=10G|type=gp3|fsType=nothing)$/,
    })
  }
  t.equal(world.cloud.volumes().length, 1)
})

t.test('EB03 the same in other words is the same', async (t) => {
  const world = worldOf(t)
  const [one, two] = ['host-1', 'host-2'].map((name) => subjectOn(world.addHost(name, { cluster: 'blue' })))
  assert.ok(one && two)
  const { handle } = await one.create(requestFor('db', { options: { size: '10G', 'tag.a': 'b', profile: 'gold' } }))
  const again = await two.create(requestFor('db', { options: { Size: '10240M', ebs_tag_a: 'b', profile: 'silver' } }))
  t.same(again.handle, handle)
  t.same((await two.create(requestFor('db'))).handle, handle)
})

for (const lagMs of [0, 2000])
  t.test(`EB04 a limit although the volume was made is no error, lag ${lagMs}`, async (t) => {
    const world = worldOf(t)
    world.cloud.faults.lag('CreateVolume', lagMs)
    world.cloud.faults.add({ on: 'CreateVolume', kind: 'answer', when: 'after', code: 'VolumeLimitExceeded', times: 1 })
    const { handle } = await subjectOn(world.addHost('host-1')).create(requestFor('db'))
    t.same(
      world.cloud.volumes().map(({ id }) => id),
      [handle.attributes['volume']],
    )
  })

t.test('EB04 a limit at the repetition of a lost create, shown 30 s later', async (t) => {
  const world = worldOf(t)
  world.cloud.faults.lag('CreateVolume', 30_000)
  const subject = subjectOn(world.addHost('host-1'))
  const request = requestFor('db')
  subject.faults.arm({ step: 'CreateVolume', when: 'after', how: 'fail' })
  await refusalOf(subject.create(request))
  subject.faults.disarm()
  world.cloud.faults.add({ on: 'CreateVolume', kind: 'answer', code: 'VolumeLimitExceeded', times: 1 })
  t.equal((await subject.create(request)).handle.id, request.id)
  t.equal(world.cloud.volumes().length, 1)
})

t.test('EB04 a limit that is one: its words, and what to do; nothing is made', async (t) => {
  const world = worldOf(t)
  const message = 'Maximum number of volumes reached'
  world.cloud.faults.add({ on: 'CreateVolume', kind: 'answer', code: 'VolumeLimitExceeded', message })
  const refusal = await refusalOf(subjectOn(world.addHost('host-1')).create(requestFor('db')))
  t.match(refusal, { code: 'unavailable', message: /Maximum number of volumes/, hint: /quota/ })
  t.same(world.cloud.volumes(), [])
})

t.test('EB21 a volume in another zone of the region is made there; of another region it is refused', async (t) => {
  const world = worldOf(t)
  const host = world.addHost('host-1')
  const subject = subjectOn(host)
  const { handle } = await subject.create(requestFor('db', { options: { az: 'eu-west-1b' } }))
  t.equal(handle.attributes['zone'], 'eu-west-1b')
  host.api?.calls.clear()
  for (const az of ['eu-west-10a', 'us-east-1a', 'eu-central-1a']) {
    const refusal = await refusalOf(subject.create(requestFor('other', { options: { az } })))
    t.match(refusal, { code: 'invalid-argument', message: /eu-west-1,/, hint: /eu-west-1a/ })
  }
  t.equal(host.api?.calls.size, 0)
})

t.test('options too long for the tags are refused before any call', async (t) => {
  const world = worldOf(t)
  const host = world.addHost('host-1')
  const options = Object.fromEntries(Array.from({ length: 9 }, (_, index) => [`tag.k${index}`, 'x'.repeat(250)]))
  const refusal = await refusalOf(subjectOn(host).create(requestFor('db', { options })))
  t.match(refusal, { code: 'invalid-argument', message: /too long/, hint: /2,000/ })
  t.equal(host.api?.calls.size, 0)
})

t.test('the most tags that a user may give fit beside all of ours', async (t) => {
  const world = worldOf(t)
  const subject = subjectOn(world.addHost('host-1', { cluster: 'blue' }))
  const tags = Array.from({ length: 30 }, (_, index) => [`tag.k${index}`, 'x'.repeat(54)] as const)
  const options: Attributes = { ...Object.fromEntries(tags), size: '1G' }
  const { handle } = await subject.create(requestFor('db', { options, onRemove: 'trash' }))
  await subject.retire(handle, 'trashed')
  const count = Object.keys(world.cloud.volume(handle.attributes['volume'] ?? '').tags).length
  t.equal(count, 49)
})

t.test('EB01 a create that is repeated after its volume was deleted by others makes another one', async (t) => {
  const world = worldOf(t)
  const subject = subjectOn(world.addHost('host-1'))
  const request = requestFor('db')
  const first = (await subject.create(request)).handle.attributes['volume'] ?? ''
  for (const ms of [0, 1000]) {
    world.cloud.deleteVolume((await subject.create(request)).handle.attributes['volume'] ?? '')
    await world.cloud.advance(ms)
    const again = (await subject.create(request)).handle.attributes['volume'] ?? ''
    t.not(again, first)
    t.equal(world.cloud.volume(again).state, 'available')
  }
})
