import t from 'tap'
import { ConvoyError } from '../../src/errors.js'
import { World } from '../fakes/world.js'

const space = (freeBytes: number, freeInodes = 100) => ({ sizeBytes: 1000, freeBytes, inodes: 100, freeInodes })

/** Asks the storages; resolves to what has been told of their room so far. */
async function look(world: World): Promise<readonly string[]> {
  await world.core.capacity.run(world.call())
  await world.settle()
  return world.database.events.all.flatMap(({ type, storage, percent }) =>
    storage === undefined ? [] : `${type} ${storage} ${percent}`,
  )
}

t.test(
  'a storage that is nearly full is told once, also over a restart, and so is that it has room again',
  async (t) => {
    const world = await World.start()
    const storage = world.storages.directory
    storage.space = space(500)
    t.same(await look(world), [])
    storage.space = space(99)
    const full = 'driver.nearly-full directory-storage 90'
    t.same(await look(world), [full])
    storage.space = space(20)
    t.same(await look(world), [full])
    await world.restart()
    t.same(await look(world), [full])
    storage.space = space(120)
    t.same(await look(world), [full], 'a little less is no news')
    storage.space = space(131)
    t.same(await look(world), [full, 'driver.has-room directory-storage 86'])
    storage.space = space(131)
    t.equal((await look(world)).length, 2)
  },
)

t.test('a storage without inodes is full, too, and one that has no number of them is not', async (t) => {
  const world = await World.start()
  world.storages.directory.space = space(1000, 2)
  world.storages.filesystem.space = { sizeBytes: 0, freeBytes: 0, inodes: 0, freeInodes: 0 }
  t.same(await look(world), ['driver.nearly-full directory-storage 98'])
})

t.test(
  'a storage that does not answer keeps none of the others from being asked, and what it said is kept',
  async (t) => {
    const world = await World.start()
    world.storages.directory.space = space(500)
    world.storages.filesystem.space = space(400)
    await look(world)
    world.storages.directory.outage = new ConvoyError('unavailable', 'the share does not answer')
    world.storages.filesystem.space = space(300)
    world.clock.advance(1000)
    await look(world)
    t.match(
      world.core.capacity.list().map(({ driver, freeBytes, measuredAt }) => [driver, freeBytes, measuredAt]),
      [
        ['directory', 500, new Date(world.clock.now().getTime() - 1000).toISOString()],
        ['filesystem', 300, world.clock.now().toISOString()],
      ],
    )
  },
)
