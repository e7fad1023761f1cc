import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { requestFor, type Subject } from '../../conformance/driver-world.js'
import { FaultInjector, moments } from '../../fakes/fault-injector.js'
import { liveVolumes, refusalOf, subjectOn, worldOf } from './ebs-subject.js'
import { EbsWorld } from './ebs-world.js'

/** Lets a scheduler decide which of several processes goes on. */
class ScheduledFaults extends FaultInjector {
  readonly #scheduler: fc.Scheduler

  constructor(scheduler: fc.Scheduler) {
    super()
    this.#scheduler = scheduler
  }

  override async step<T>(name: string, act: () => T | Promise<T>): Promise<T> {
    await this.#scheduler.schedule(Promise.resolve(), name)
    return super.step(name, act)
  }
}

const volumeOf = (created: Awaited<ReturnType<Subject['create']>>) => created.handle.attributes['volume'] ?? ''

t.test(
  'hosts of a cluster that create one name at once get one volume, in every order and with every lag',
  async (t) => {
    const lag = fc.constantFrom(0, 700, 3000, 8000, 30_000)
    const property = fc.asyncProperty(
      fc.scheduler(),
      lag,
      lag,
      fc.integer({ min: 2, max: 3 }),
      async (scheduler, createLag, readLag, count) => {
        const world = new EbsWorld()
        world.cloud.faults.lag('CreateVolume', createLag)
        world.cloud.faults.lag('DescribeVolumes', readLag)
        const subjects = Array.from({ length: count }, (_, index) =>
          subjectOn(world.addHost(`host-${index}`, { cluster: 'blue' }), {}, () => new ScheduledFaults(scheduler)),
        )
        const creates = Promise.all(subjects.map((subject) => subject.create(requestFor('db'))))
        const created = await scheduler.waitFor(creates)
        await world.cloud.advance(60_000)
        const [live, ...more] = liveVolumes(world)
        assert.deepEqual(more, [])
        for (const one of created) assert.equal(volumeOf(one), live?.id)
        world.cloud.close()
      },
    )
    await t.resolves(fc.assert(property, { numRuns: 150 }))
  },
)

for (const how of ['fail', 'crash'] as const)
  for (const when of moments)
    t.test(
      `a host that is too late, and ${how}s ${when} any step of finding out, gets the volume of the other`,
      async (t) => {
        for (let step = 0; step < 60; step++) {
          const world = worldOf(t)
          const [early, late] = ['host-1', 'host-2'].map((name) => subjectOn(world.addHost(name, { cluster: 'blue' })))
          assert.ok(early && late)
          world.cloud.faults.lag('DescribeVolumes', 6000)
          const request = requestFor('db')
          const first = early.create(requestFor('db'))
          late.faults.arm({ step, when, how })
          const acting = late.create(request).catch(() => undefined)
          await Promise.race([acting, late.faults.death])
          late.faults.disarm()
          if (late.faults.isDead) late.restart()
          const made = await first
          const again = await late.create(request)
          await world.cloud.advance(10_000)
          assert.deepEqual(
            liveVolumes(world).map(({ id }) => id),
            [volumeOf(made)],
            `${how} ${when} ${step}`,
          )
          assert.equal(volumeOf(again), volumeOf(made))
          if (late.faults.struckAt === undefined && how === 'fail') break
        }
      },
    )

t.test('a volume that may hold data is not deleted for an older one that comes up', async (t) => {
  const world = worldOf(t)
  const subject = subjectOn(world.addHost('host-1', { cluster: 'blue' }))
  const request = requestFor('db')
  const { handle } = await subject.create(request)
  await subject.write(handle, 'kept')
  const own = world.cloud.volume(handle.attributes['volume'] ?? '')
  world.cloud.addVolume({ createdMs: 0, tags: { ...own.tags, 'convoy:id': '00000000-0000-4000-8000-00000000ffff' } })
  await subject.create(request)
  await world.cloud.advance(1000)
  t.equal(world.cloud.volume(own.id).state, 'available')
  t.equal(await subject.read(handle), 'kept')
})

t.test('a loser whose options differ is told so, and leaves nothing', async (t) => {
  const world = worldOf(t)
  const [early, late] = ['host-1', 'host-2'].map((name) => subjectOn(world.addHost(name, { cluster: 'blue' })))
  assert.ok(early && late)
  world.cloud.faults.lag('CreateVolume', 6000)
  const [made, refusal] = await Promise.all([
    early.create(requestFor('db', { options: { size: '10G' } })),
    refusalOf(late.create(requestFor('db', { options: { size: '20G' } }))),
  ])
  t.match(refusal, { code: 'already-exists', message: /size=10G/ })
  await world.cloud.advance(1000)
  t.same(
    world.cloud.volumes().map(({ id }) => id),
    [volumeOf(made)],
  )
})

t.test('a volume that another host is still making is waited for, and its failure is told', async (t) => {
  const world = worldOf(t)
  world.cloud.delays.createMs = 5000
  world.cloud.faults.add({ on: 'CreateVolume', kind: 'creation', ends: 'error', times: 1 })
  const [one, two] = ['host-1', 'host-2'].map((name) => subjectOn(world.addHost(name, { cluster: 'blue' })))
  assert.ok(one && two)
  const request = requestFor('db')
  one.faults.arm({ step: 'CreateVolume', when: 'after', how: 'crash' })
  void one.create(request)
  await one.faults.death
  t.match(await refusalOf(two.create(requestFor('db'))), { code: 'invalid-argument', message: /state error/ })
  const { handle } = await two.create(requestFor('db'))
  t.equal(world.cloud.volume(handle.attributes['volume'] ?? '').state, 'available')
})

t.test('what was given up is not made again when the create is repeated', async (t) => {
  const world = worldOf(t)
  const hosts = ['host-1', 'host-2'].map((name) => world.addHost(name, { cluster: 'blue' }))
  const [early, late] = hosts.map((host) => subjectOn(host))
  assert.ok(early && late)
  world.cloud.faults.lag('CreateVolume', 6000)
  const request = requestFor('db')
  const [made] = await Promise.all([early.create(requestFor('db')), late.create(request)])
  await world.cloud.advance(1000)
  hosts[1]?.api?.calls.clear()
  t.equal(volumeOf(await late.create(request)), volumeOf(made))
  t.equal(hosts[1]?.api?.calls.get('CreateVolume'), undefined)
})

t.test('a host that does not see its own volume by the name yet does not decide', async (t) => {
  const world = worldOf(t)
  const hosts = ['host-1', 'host-2'].map((name) => world.addHost(name, { cluster: 'blue' }))
  const [early, late] = hosts.map((host) => subjectOn(host))
  const api = hosts[1]?.api
  assert.ok(early && late && api)
  const made = await early.create(requestFor('db'))
  const findVolumes = api.findVolumes.bind(api)
  let looks = 0
  api.findVolumes = async (tags) => (++looks <= 7 ? [] : findVolumes(tags))
  t.equal(volumeOf(await late.create(requestFor('db'))), volumeOf(made))
  t.equal(liveVolumes(world).length, 1)
})
