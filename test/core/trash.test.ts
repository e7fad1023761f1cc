import t from 'tap'
import { ConvoyError } from '../../src/errors.js'
import { dayMs, hourMs } from '../fakes/fake-clock.js'
import { textOf } from '../fakes/invariants.js'
import { named, World } from '../fakes/world.js'

async function withTrashed(policy: Parameters<typeof World.start>[0] = {}) {
  const world = await World.start(policy)
  const { id } = await world.create('db')
  await world.write('db', 'kept')
  await world.core.removal.delete(named('db'), world.call())
  return { world, id }
}

const sweep = (world: World) => world.core.trash.sweep(world.call())
const undelete = (world: World, name = 'db') => world.core.removal.undelete(name, undefined, world.call())

t.test('when its time is up, a job removes the data, and the entry goes with it', async (t) => {
  const { world, id } = await withTrashed()
  world.clock.advance(dayMs)
  await sweep(world)
  t.match(world.trashed('db'), [{ id, state: 'deleting' }])
  t.equal(textOf(world, id), 'kept', 'the job has not done it yet')
  await sweep(world)
  t.equal(world.core.jobs.list().length, 1, 'one job for one entry')
  await world.finishJobs()
  t.same(world.trashed('db'), [])
  t.equal(world.storages.directory.pieces.size, 0)
  t.equal(world.ledger.journalOf(id)['disk'], undefined)
})

t.test('deleted data that somebody mounted by its path is kept until it is free', async (t) => {
  const { world, id } = await withTrashed()
  world.kernel.bind('c1', `/directories/.trash/${id}`)
  world.clock.advance(dayMs)
  await sweep(world)
  t.same(world.core.jobs.list(), [])
  t.match(world.trashed('db'), [{ id, state: 'trashed' }])
  world.kernel.exit('c1')
  await sweep(world)
  t.same(world.core.jobs.list(), [], 'asked again after an hour, not all the time')
  world.clock.advance(hourMs)
  await sweep(world)
  await world.finishJobs()
  t.equal(world.storages.directory.pieces.size, 0)
  t.same(world.kernel.violations, [])
})

t.test('data is not removed while the kernel cannot be asked who holds it', async (t) => {
  const { world, id } = await withTrashed()
  world.clock.advance(dayMs)
  world.kernel.holders.failure = new ConvoyError('unavailable', '/proc is not readable')
  await sweep(world)
  t.same(world.core.jobs.list(), [])
  t.equal(textOf(world, id), 'kept')
})

t.test('data that is being removed cannot be taken back', async (t) => {
  const { world, id } = await withTrashed()
  world.clock.advance(dayMs)
  await sweep(world)
  await t.rejects(undelete(world), { code: 'in-use', hint: /convoy jobs/ })
  await t.rejects(undelete(world, id), { code: 'in-use' })
})

t.test('an undelete that is under way keeps the sweep away', async (t) => {
  const { world, id } = await withTrashed()
  world.clock.advance(dayMs)
  const undeleting = undelete(world)
  const sweeping = sweep(world)
  await Promise.all([undeleting, sweeping])
  await world.finishJobs()
  t.same(world.core.jobs.list(), [])
  t.equal(textOf(world, id), 'kept')
  t.equal(await world.read('db'), 'kept')
})

t.test('a sweep that is under way keeps the undelete away', async (t) => {
  const { world } = await withTrashed()
  world.clock.advance(dayMs)
  const sweeping = sweep(world)
  await t.rejects(undelete(world), { code: 'in-use' })
  await sweeping
  await world.finishJobs()
  t.equal(world.storages.directory.pieces.size, 0)
})

t.test('two undeletes of one entry at once make one volume', async (t) => {
  const { world, id } = await withTrashed()
  const call = world.call()
  const outcomes = await Promise.allSettled([
    world.core.removal.undelete(id, named('one'), call),
    world.core.removal.undelete(id, named('other'), call),
  ])
  t.same(
    outcomes.map(({ status }) => status),
    ['fulfilled', 'rejected'],
  )
  t.equal(await world.read('one'), 'kept')
  t.equal(world.state('other'), 'absent')
})

t.test('a removal that failed is tried again after an hour', async (t) => {
  const { world, id } = await withTrashed()
  world.clock.advance(dayMs)
  await sweep(world)
  await world.settle()
  world.jobs.fail(world.jobs.running[0] ?? '', 'cannot remove "x": it is immutable')
  await world.settle()
  t.match(world.trashed('db'), [{ id, state: 'trashed' }])
  t.match(world.core.jobs.list(), [{ state: 'failed', error: /immutable/ }])
  world.clock.advance(hourMs - 1)
  await sweep(world)
  t.equal(world.core.jobs.list().length, 1)
  world.clock.advance(1)
  await sweep(world)
  await world.finishJobs()
  t.same(world.trashed('db'), [])
})

t.test('a removal that was cancelled leaves an entry that can be taken back', async (t) => {
  const { world, id } = await withTrashed()
  world.clock.advance(dayMs)
  await sweep(world)
  await world.settle()
  await world.core.jobs.cancel(world.core.jobs.list()[0]?.id ?? '')
  await world.settle()
  t.match(world.trashed('db'), [{ id, state: 'trashed' }])
  await undelete(world)
  t.equal(await world.read('db'), 'kept')
})

t.test('a crash while data is removed goes on with the removal, and no entry stays for ever', async (t) => {
  const { world } = await withTrashed()
  world.clock.advance(dayMs)
  await sweep(world)
  await world.settle()
  await world.restart()
  await world.finishJobs()
  t.same([...world.ledger.trash], [])
})

t.test('an entry whose removal has ended without a word is removed again', async (t) => {
  const { world, id } = await withTrashed()
  world.clock.advance(dayMs)
  await sweep(world)
  await world.finishJobs()
  // As a backup of the database that was made in between would have it.
  const entry = { id, name: named('db'), driver: 'directory', state: 'deleting' } as const
  const at = world.clock.now().toISOString()
  const row = {
    ...entry,
    attributes: { place: `.trash/${id}` },
    options: {},
    createdAt: at,
    trashedAt: at,
    expiresAt: at,
  }
  await world.ledger.commit('start', { put: 'trash', row })
  await world.restart()
  await world.finishJobs()
  t.same([...world.ledger.trash], [])
})

t.test('DB05 with a full disk nothing is removed, and the sweep works again once there is space', async (t) => {
  const { world, id } = await withTrashed()
  world.clock.advance(dayMs)
  world.database.isFull = true
  await t.rejects(sweep(world), { code: 'unavailable' })
  t.match(world.trashed('db'), [{ state: 'trashed' }])
  t.equal(textOf(world, id), 'kept')
  world.database.isFull = false
  await sweep(world)
  await world.finishJobs()
  t.same(world.trashed('db'), [])
})
