import t from 'tap'
import { ConvoyError } from '../../src/errors.js'
import { World } from '../fakes/world.js'

/** A daemon that has put right what the last one left. */
async function started(reviveContainers = true): Promise<World> {
  const world = await World.start({ reviveContainers })
  await world.create('db')
  return world
}

const revive = (world: World) => world.core.revival.run(world.call())

function told(world: World): readonly string[] {
  const events = world.database.events.all.filter(({ type }) => type.startsWith('container'))
  return events.map(({ type, container = '', error = '' }) => [type, container, error].join(' ').trim())
}

t.test('containers that a failed mount left behind are started, each with an event and a line', async (t) => {
  const world = await started()
  for (const name of ['shop', 'web']) world.failedContainers.fail(name, 'db')
  await revive(world)
  await world.settle()
  t.same(world.failedContainers.started, ['shop', 'web'])
  t.same(told(world), ['container.revive shop', 'container.revive web'])
  t.ok(world.log.has('started a container'))
})

t.test('without the option nothing is asked and nothing started', async (t) => {
  const world = await started(false)
  world.failedContainers.fail('shop', 'db')
  await revive(world)
  t.equal(world.failedContainers.timesListed, 0)
  world.policy = Object.assign(world.policy, { reviveContainers: true })
  await revive(world)
  t.same(world.failedContainers.started, ['shop'], 'it may be given later, too')
})

t.test('a container that fails again is said to, and left as it is; the others are started', async (t) => {
  const world = await started()
  for (const name of ['shop', 'web']) world.failedContainers.fail(name, 'db')
  world.failedContainers.broken.set('shop', 'the directory is missing')
  await revive(world)
  await revive(world)
  await world.settle()
  t.same(world.failedContainers.started, ['shop', 'web'])
  t.same(told(world), ['container.revive.fail shop the directory is missing', 'container.revive web'])
})

t.test('it happens once in the life of a daemon', async (t) => {
  const world = await started()
  await revive(world)
  world.failedContainers.fail('shop', 'db')
  await revive(world)
  t.same(world.failedContainers.started, [])
  await world.restart()
  await revive(world)
  t.same(world.failedContainers.started, ['shop'])
})

t.test('Docker is waited for', async (t) => {
  const world = await started()
  world.failedContainers.fail('shop', 'db')
  world.failedContainers.isReachable = false
  const reviving = revive(world)
  await world.settle()
  world.failedContainers.isReachable = true
  await reviving
  t.same(world.failedContainers.started, ['shop'])
  t.equal(world.failedContainers.timesListed, 2)
})

t.test('a storage that is not there is waited for; what lies on another is started meanwhile', async (t) => {
  const world = await started()
  await world.create('disk', 'filesystem')
  world.storages.filesystem.outage = new ConvoyError('unavailable', 'no answer')
  await world.restart()
  world.failedContainers.fail('late', 'db', 'disk')
  world.failedContainers.fail('shop', 'db')
  world.failedContainers.meanwhile = async (name) => {
    if (name !== 'shop') return
    world.storages.filesystem.outage = undefined
    await world.core.discovery.run(world.call())
  }
  await revive(world)
  t.same(world.failedContainers.started, ['shop', 'late'])
})

t.test('no more than four are started at once', async (t) => {
  const world = await started()
  for (let index = 0; index < 30; index++) world.failedContainers.fail(`c${index}`, 'db')
  await revive(world)
  t.equal(world.failedContainers.started.length, 30)
  t.equal(world.failedContainers.mostAtOnce, 4)
})

t.test('Docker that restarts meanwhile makes no container fail, and is waited for', async (t) => {
  const world = await started()
  for (const name of ['a', 'b', 'c', 'd', 'e', 'f']) world.failedContainers.fail(name, 'db')
  world.failedContainers.meanwhile = (name) => {
    if (name !== 'a') return
    world.failedContainers.isReachable = false
    setImmediate(() => (world.failedContainers.isReachable = true))
  }
  // Its own ping fails as well.
  world.failedContainers.isDockerThere = async () => false
  await revive(world)
  await world.settle()
  t.same(world.failedContainers.started, ['e', 'f'], 'those under way are tried by Docker')
  t.same(
    told(world).filter((event) => event.includes('fail')),
    [],
  )
})

t.test('a container that is removed meanwhile is no failure', async (t) => {
  const world = await started()
  world.failedContainers.fail('shop', 'db')
  world.failedContainers.meanwhile = () => world.failedContainers.down.clear()
  await revive(world)
  await world.settle()
  t.same(told(world), [])
})

t.test('a daemon that stops starts no more, and waits no longer', async (t) => {
  const world = await started()
  const stop = new AbortController()
  for (let index = 0; index < 30; index++) world.failedContainers.fail(`c${index}`, 'db')
  world.failedContainers.meanwhile = () => stop.abort()
  await world.core.revival.run(world.call(stop.signal))
  t.equal(world.failedContainers.started.length, 4, 'what is under way ends')
  const next = await started()
  next.failedContainers.isReachable = false
  const waiting = next.core.revival.run(next.call(stop.signal))
  await waiting
  t.notOk(next.log.has('no more containers'))
})

t.test('switched off while it waits, it starts nothing', async (t) => {
  const world = await started()
  world.failedContainers.fail('shop', 'db')
  world.failedContainers.isReachable = false
  const reviving = revive(world)
  world.policy = Object.assign(world.policy, { reviveContainers: false })
  world.failedContainers.isReachable = true
  await reviving
  t.same(world.failedContainers.started, [])
})

t.test('where nothing can be mounted, nothing is started', async (t) => {
  const world = await started()
  world.failedContainers.fail('shop', 'db')
  world.mountRefusal = new ConvoyError('unavailable', 'Docker would not see the volumes')
  await world.restart()
  await revive(world)
  t.same(world.failedContainers.started, [])
})
