import t from 'tap'
import { ConvoyError } from '../../src/errors.js'
import type { Job } from '../../src/model/job.js'
import type { VolumeHandle } from '../../src/model/volume.js'
import { dayMs } from '../fakes/fake-clock.js'
import { textOf } from '../fakes/invariants.js'
import { named, World } from '../fakes/world.js'

/** A world where the removal of so many volumes has begun. */
async function removing(count: number, mostRunningJobs = 2): Promise<World> {
  const world = await World.start({ mostRunningJobs })
  for (let number = 0; number < count; number++) {
    await world.create(`v${number}`)
    await world.write(`v${number}`, 'kept')
    await world.core.removal.delete(named(`v${number}`), world.call())
  }
  world.clock.advance(dayMs)
  await world.core.trash.sweep(world.call())
  await world.settle()
  return world
}

const states = (world: World) =>
  world.core.jobs
    .list()
    .map(({ state }) => state)
    .sort()

function first(world: World, state: Job['state']): Job {
  const job = world.core.jobs.list().find((one) => one.state === state)
  if (job === undefined) throw new Error(`no job is ${state}`)
  return job
}

t.test('no more jobs run at once than may, the others wait for their turn', async (t) => {
  const world = await removing(5)
  t.equal(world.jobs.running.length, 2)
  t.same(states(world), ['queued', 'queued', 'queued', 'running', 'running'])
  await world.jobs.finish(world.jobs.running[0] ?? '')
  await world.settle()
  t.equal(world.jobs.running.length, 2)
  t.same(states(world), ['queued', 'queued', 'running', 'running', 'succeeded'])
  await world.finishJobs()
  t.same(new Set(states(world)), new Set(['succeeded']))
  t.equal(world.storages.directory.pieces.size, 0)
  t.same(world.jobs.folders, [], 'their folders are gone')
})

t.test('removals that hang with a dead share hold up nobody on another storage', async (t) => {
  const world = World.unstarted({ mostRunningJobs: 1 })
  // Each volume that is called so is on a share of its own.
  world.decorate = (driver) =>
    Object.assign(driver, { storageOf: ({ name }: VolumeHandle) => (name.startsWith('on-dead') ? 'dead' : undefined) })
  await world.restart()
  const names = ['on-dead-1', 'on-dead-2', 'alive-1', 'alive-2']
  for (const name of names) {
    await world.create(name)
    await world.core.removal.delete(named(name), world.call())
  }
  world.clock.advance(dayMs)
  await world.core.trash.sweep(world.call())
  await world.settle()
  const running = () =>
    world.core.jobs
      .list()
      .flatMap(({ state, request }) => (state === 'running' ? request.volume.name : []))
      .sort()
  t.same(running(), ['alive-1', 'on-dead-1'])
  await world.jobs.finish(world.jobs.running[1] ?? '')
  await world.settle()
  t.same(running(), ['alive-2', 'on-dead-1'])
  await world.restart()
  t.same(running(), ['alive-2', 'on-dead-1'], 'nor after a restart')
  const hanging = world.core.jobs.list().find(({ request }) => request.volume.name === 'on-dead-1')
  t.match(await world.core.jobs.cancel(hanging?.id ?? ''), { state: 'cancelled' })
  await world.settle()
  t.same(running(), ['alive-2', 'on-dead-2'])
})

t.test('a job tells how far it has come', async (t) => {
  const world = await removing(1)
  const job = first(world, 'running')
  t.equal(await world.core.jobs.progress(job), undefined)
  world.jobs.progress.set(job.id, { done: 7, unit: 'entries' })
  t.same(await world.core.jobs.progress(job), { done: 7, unit: 'entries' })
})

t.test('an unknown job is not found', async (t) => {
  const world = await World.start()
  t.throws(() => world.core.jobs.get('none'), { code: 'not-found' })
  await t.rejects(world.core.jobs.cancel('none'), { code: 'not-found' })
})

t.test('a new daemon follows the processes that the old one started, and starts none twice', async (t) => {
  const world = await removing(3)
  await world.restart()
  t.equal(world.jobs.started.length, 2)
  t.same(states(world), ['queued', 'running', 'running'])
  await world.finishJobs()
  t.equal(world.jobs.started.length, 3)
  t.same(states(world), ['succeeded', 'succeeded', 'succeeded'])
})

t.test('a process that ended while no daemon ran has its result read', async (t) => {
  const world = await removing(1)
  world.faults.kill()
  await world.jobs.finishAll()
  await world.restart()
  t.match(world.core.jobs.list(), [{ state: 'succeeded', attempts: 1 }])
  t.same([...world.ledger.trash], [])
})

t.test('a process that died without a result is started again, five times at most', async (t) => {
  const world = await removing(1)
  for (let attempt = 1; attempt <= 5; attempt++) {
    t.equal(first(world, 'running').attempts, attempt)
    world.jobs.die(world.jobs.running[0] ?? '')
    await world.settle()
  }
  t.same(world.jobs.running, [])
  t.match(world.core.jobs.list(), [{ state: 'failed', error: /died 5 times/ }])
  t.match(world.trashed('v0'), [{ state: 'trashed' }])
})

t.test('after a reboot what ran is started again', async (t) => {
  const world = await removing(2)
  await world.reboot()
  t.equal(world.jobs.running.length, 2)
  await world.finishJobs()
  t.same(states(world), ['succeeded', 'succeeded'])
})

t.test('a job that cannot be started has failed, and says why', async (t) => {
  const world = await removing(0)
  world.jobs.refusal = new ConvoyError('unavailable', 'fork: out of memory')
  await world.create('db')
  await world.core.removal.delete(named('db'), world.call())
  world.clock.advance(dayMs)
  await world.core.trash.sweep(world.call())
  await world.settle()
  t.match(world.core.jobs.list(), [{ state: 'failed', error: /out of memory/ }])
  t.match(world.trashed('db'), [{ state: 'trashed' }])
})

t.test('a queued job that is cancelled never starts', async (t) => {
  const world = await removing(3)
  const { id } = first(world, 'queued')
  t.equal((await world.core.jobs.cancel(id)).state, 'cancelled')
  await world.finishJobs()
  t.notOk(world.jobs.started.includes(id))
  t.same(states(world), ['cancelled', 'succeeded', 'succeeded'])
  t.equal(world.ledger.trash.size, 1)
})

t.test('a running job that is cancelled is killed, and keeps the data that is left', async (t) => {
  const world = await removing(1)
  const job = first(world, 'running')
  t.equal((await world.core.jobs.cancel(job.id)).state, 'cancelled')
  t.same(world.jobs.running, [])
  t.equal(textOf(world, job.request.volume.id), 'kept')
  t.equal((await world.core.jobs.cancel(job.id)).state, 'cancelled', 'again, it is no error')
})

t.test('a job that is cancelled while it starts does not run', async (t) => {
  const world = await World.start()
  const { id } = await world.create('db')
  await world.write('db', 'kept')
  await world.core.removal.delete(named('db'), world.call())
  world.clock.advance(dayMs)
  // At every moment between the request and the running process.
  await world.core.trash.sweep(world.call())
  const job = world.core.jobs.list()[0]
  t.equal(job?.state, 'queued')
  const cancelled = await world.core.jobs.cancel(job?.id ?? '')
  t.equal(cancelled.state, 'cancelled')
  await world.settle()
  t.same(world.jobs.running, [])
  await world.finishJobs()
  t.match(world.core.jobs.list(), [{ state: 'cancelled' }])
  t.equal(textOf(world, id), 'kept')
  await world.core.removal.undelete('db', undefined, world.call())
  t.equal(await world.read('db'), 'kept')
})

t.test('a job that is cancelled while its process is started is killed', async (t) => {
  const world = await World.start()
  const { id } = await world.create('db')
  await world.write('db', 'kept')
  await world.core.removal.delete(named('db'), world.call())
  world.clock.advance(dayMs)
  let start: () => void = () => undefined
  world.jobs.obstacle = new Promise((resolve) => (start = resolve))
  await world.core.trash.sweep(world.call())
  await world.settle()
  t.equal(world.core.jobs.list()[0]?.state, 'running')
  t.same(world.jobs.started, [])
  const cancelling = world.core.jobs.cancel(world.core.jobs.list()[0]?.id ?? '')
  start()
  t.equal((await cancelling).state, 'cancelled')
  t.equal(world.jobs.started.length, 1)
  await world.settle()
  t.same(world.jobs.running, [])
  t.equal(textOf(world, id), 'kept')
})

t.test('a finished job stays in the list, the oldest of more than fifty go', async (t) => {
  const world = await removing(60)
  await world.finishJobs()
  t.ok(world.core.jobs.list().length <= 51)
  await world.settle()
  t.equal(world.database.contents().jobs.length, world.core.jobs.list().length)
})

t.test('a closed daemon starts nothing more', async (t) => {
  const world = await removing(3)
  world.core.jobs.close()
  await world.jobs.finishAll()
  await world.settle()
  t.same(world.jobs.running, [])
  await world.restart()
  await world.finishJobs()
  t.same([...world.ledger.trash], [])
})
