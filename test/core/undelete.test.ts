import t from 'tap'
import { textOf } from '../fakes/invariants.js'
import { named, World } from '../fakes/world.js'

const docker = (world: World, name = 'db') => world.core.removal.removeForDocker(named(name), world.call())
const remove = (world: World, name = 'db') => world.core.removal.delete(named(name), world.call())

async function started() {
  const world = await World.start()
  const { id } = await world.create('db')
  await world.write('db', 'kept')
  return { world, id }
}

t.test('undelete takes a forgotten volume back under its own name only', async (t) => {
  const { world, id } = await started()
  await docker(world)
  await t.rejects(world.core.removal.undelete('db', named('other'), world.call()), { code: 'unsupported' })
  t.equal((await world.core.removal.undelete('db', undefined, world.call())).id, id)
  t.equal(await world.read('db'), 'kept')
})

t.test('undelete takes the newest of several of a name, or the one with the id', async (t) => {
  const world = await World.start()
  const ids = []
  for (const text of ['first', 'second', 'third']) {
    ids.push((await world.create('db')).id)
    await world.write('db', text)
    await remove(world)
    world.clock.advance(1000)
  }
  await world.core.removal.undelete('db', undefined, world.call())
  t.equal(await world.read('db'), 'third')
  await world.core.removal.undelete(ids[0] ?? '', named('oldest'), world.call())
  t.equal(await world.read('oldest'), 'first')
  t.match(world.trashed('db'), [{ id: ids[1] }])
})

t.test('undelete of what is nowhere says so', async (t) => {
  const { world } = await started()
  await t.rejects(world.core.removal.undelete('unknown', undefined, world.call()), { code: 'not-found' })
  await t.rejects(world.core.removal.undelete('db', undefined, world.call()), { code: 'not-found' })
})

t.test('an undelete whose name something else has on the storage leaves the data in the trash', async (t) => {
  const { world, id } = await started()
  await remove(world)
  world.storages.directory.plant('db', 'of another host')
  await t.rejects(world.core.removal.undelete('db', undefined, world.call()), { code: 'already-exists' })
  t.match(world.trashed('db'), [{ id, state: 'trashed' }])
  t.equal(textOf(world, id), 'kept')
  t.equal(world.storages.directory.piece('db').text, 'of another host')
  await world.core.removal.undelete('db', named('db-old'), world.call())
  t.equal(await world.read('db-old'), 'kept')
})

t.test('an undelete and a delete of the same forgotten volume at once make no empty one', async (t) => {
  const { world, id } = await started()
  await docker(world)
  const deleting = remove(world)
  const undeleting = world.core.removal.undelete('db', undefined, world.call())
  await Promise.allSettled([deleting, undeleting])
  t.equal(textOf(world, id), 'kept')
  t.ok(world.state('db') === 'absent' || world.ledger.volumes.get(named('db'))?.id === id)
})
