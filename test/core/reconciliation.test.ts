import t from 'tap'
import { commandLineMountId } from '../../src/model/mount.js'
import { ConvoyError } from '../../src/errors.js'
import { dayMs, minuteMs } from '../fakes/fake-clock.js'
import { kinds, mountId, named, World } from '../fakes/world.js'

for (const kind of kinds) {
  const started = async () => {
    const world = await World.start()
    await world.create('db', kind)
    await world.startContainer('db', 'c1')
    return world
  }

  for (const { who, graceMs } of [
    { who: 'that no container names', graceMs: 45_000 },
    { who: 'that a stopped container names', graceMs: 5 * minuteMs },
    { who: 'that Docker cannot be asked about', graceMs: 5 * minuteMs },
  ]) {
    t.test(`DK06 a reference ${who} (${kind}) goes ${graceMs / 1000} s after its mount`, async (t) => {
      const world = await started()
      if (who.includes('stopped')) world.containers.stopped.set('db', ['web'])
      if (who.includes('cannot')) world.containers.isReachable = false
      world.kernel.exit('c1')
      world.clock.advance(graceMs)
      await world.reconcile()
      t.equal(world.count('db', 'c1'), 1, 'between the answer to Mount and the container nothing holds it')
      world.clock.advance(1)
      await world.reconcile()
      t.equal(world.count('db', 'c1'), 0)
      t.equal(world.state('db'), 'ready')
      t.same(world.kernel.devices, [])
      t.ok(world.log.has('dropped mounts'))
    })
  }

  t.test(`a volume (${kind}) that is mounted again while Docker is asked keeps its new reference`, async (t) => {
    const world = await started()
    world.kernel.exit('c1')
    world.clock.advance(dayMs)
    world.containers.of = async () => {
      await world.mount('db', 'c1')
      return []
    }
    await world.reconcile()
    t.equal(world.count('db', 'c1'), 2)
    t.equal(world.state('db'), 'attached')
  })

  t.test(`a container (${kind}) that appears while Docker is asked keeps its reference`, async (t) => {
    const world = await started()
    const { mountpoint = '' } = world.core.volumes.get(named('db'))
    world.kernel.exit('c1')
    world.clock.advance(dayMs)
    world.containers.of = async () => {
      world.kernel.bind('c1', mountpoint)
      return []
    }
    await world.reconcile()
    t.equal(world.count('db', 'c1'), 1)
    t.same(world.kernel.violations, [])
  })

  t.test(`Docker is not asked about what the kernel shows held (${kind})`, async (t) => {
    const world = await started()
    world.clock.advance(dayMs)
    world.containers.of = async () => t.fail('Docker was asked') as never
    await world.reconcile()
    t.equal(world.count('db', 'c1'), 1)
  })

  t.test(`DK07 references of an earlier engine (${kind}) go at once, when nobody holds the volume`, async (t) => {
    const world = await started()
    world.kernel.exit('c1')
    await world.mount('db', 'c2')
    world.core.reconciliation.beginEpoch()
    await world.mount('db', 'c3')
    await world.reconcile()
    t.equal(world.count('db', 'c1'), 0)
    t.equal(world.count('db', 'c2'), 0)
    t.equal(world.count('db', 'c3'), 1, 'that of the engine that runs now stays')
    t.equal(world.state('db'), 'attached')
  })

  t.test(`DK06 with live-restore, what the kernel shows held (${kind}) is kept however old it is`, async (t) => {
    const world = await started()
    world.core.reconciliation.beginEpoch()
    world.clock.advance(30 * dayMs)
    await world.reconcile()
    t.equal(world.count('db', 'c1'), 1)
    t.equal(world.state('db'), 'attached')
    world.kernel.exit('c1')
    await world.reconcile()
    t.equal(world.count('db', 'c1'), 0)
    t.equal(world.state('db'), 'ready')
    t.same(world.kernel.violations, [])
  })

  t.test(`what Docker says is in use (${kind}) is kept, also when the kernel shows nobody`, async (t) => {
    const world = await started()
    world.kernel.exit('c1')
    world.clock.advance(dayMs)
    world.containers.users.set('db', ['web'])
    await world.reconcile()
    t.equal(world.count('db', 'c1'), 1)
    world.containers.users.clear()
    await world.reconcile()
    t.equal(world.count('db', 'c1'), 0)
  })

  t.test(`where not every namespace can be seen (${kind}), only Docker's word drops a reference`, async (t) => {
    const world = await started()
    world.kernel.holders.isBlind = true
    world.containers.isReachable = false
    world.clock.advance(dayMs)
    await world.reconcile()
    t.equal(world.count('db', 'c1'), 1, 'nobody knows')
    world.containers.isReachable = true
    world.containers.users.set('db', ['web'])
    await world.reconcile()
    t.equal(world.count('db', 'c1'), 1, 'Docker says that it runs')
    world.containers.users.clear()
    world.kernel.exit('c1')
    await world.reconcile()
    t.equal(world.count('db', 'c1'), 0)
    t.same(world.kernel.violations, [])
  })

  t.test(`what convoy mount holds (${kind}) never grows too old`, async (t) => {
    const world = await World.start()
    await world.create('db', kind)
    await world.core.mounts.mount(named('db'), commandLineMountId, world.call())
    world.core.reconciliation.beginEpoch()
    world.clock.advance(30 * dayMs)
    await world.reconcile()
    t.equal(world.count('db', commandLineMountId), 1)
    t.equal(world.state('db'), 'attached')
  })
}

t.test('a volume that stayed attached because it was busy is released later', async (t) => {
  const world = await World.start()
  await world.create('db', 'filesystem')
  await world.mount('db', 'c1')
  world.kernel.busy.add('/mounts/db')
  await world.unmount('db', 'c1')
  await world.reconcile()
  t.equal(world.state('db'), 'attached')
  world.kernel.busy.clear()
  await world.reconcile()
  t.equal(world.state('db'), 'ready')
})

t.test('when the kernel cannot be asked, nothing is dropped, and the other volumes are looked at', async (t) => {
  const world = await World.start()
  for (const name of ['db', 'other']) {
    await world.create(name, 'filesystem')
    await world.mount(name, 'c1')
  }
  world.clock.advance(dayMs)
  world.kernel.holders.failure = new ConvoyError('unavailable', '/proc is not readable')
  await world.reconcile()
  t.equal(world.count('db', 'c1'), 1)
  t.equal(world.count('other', 'c1'), 1)
  t.equal(world.log.lines.filter(({ message }) => message.includes('could not reconcile')).length, 2)
})

t.test('references of a volume that is gone go too', async (t) => {
  const world = await World.start()
  const id = mountId('c1')
  const row = { volume: named('gone'), id, count: 1, epoch: 0, mountedAt: '2025-01-01T00:00:00.000Z' }
  await world.ledger.commit('start', { put: 'mount', row })
  await world.reconcile()
  t.equal(world.count('gone', 'c1'), 0)
})

t.test('a new engine life is counted at once, told to whoever listens, and saved', async (t) => {
  const world = await World.start()
  let lives = 0
  world.core.reconciliation.onEpoch(() => lives++)
  world.database.isFull = true
  world.core.reconciliation.beginEpoch()
  world.core.reconciliation.beginEpoch()
  t.equal(world.ledger.epoch, 2, 'a full disk does not matter to Docker')
  t.equal(lives, 2)
  world.database.isFull = false
  await world.create('db')
  await world.settle()
  await world.restart()
  t.equal(world.ledger.epoch, 2)
})
