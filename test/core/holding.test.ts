import t from 'tap'
import { Holding } from '../../src/core/holding.js'
import type { CoreDeps } from '../../src/core/core-deps.js'
import { named, World } from '../fakes/world.js'

function holdingOf(world: World): Holding {
  const { ledger, drivers, kernel, policy } = world
  // Of its collaborators Holding uses these only.
  return new Holding({ ledger, drivers, holders: kernel.holders, policy } as unknown as CoreDeps)
}

t.test('a container on a directory holds that volume, and none whose name begins like it', async (t) => {
  const world = await World.start()
  for (const name of ['vol1', 'vol10']) await world.create(name)
  await world.startContainer('vol10', 'c1')
  const holding = holdingOf(world)
  t.equal((await holding.of(world.core.volumes.get(named('vol10')))).length, 1)
  t.same(await holding.of(world.core.volumes.get(named('vol1'))), [])
})

t.test('a container on a directory inside a volume holds the volume', async (t) => {
  const world = await World.start()
  await world.create('db')
  world.kernel.bind('c1', '/directories/db/sub/directory')
  await t.rejects(holdingOf(world).refuseHeld(world.core.volumes.get(named('db'))), { code: 'in-use' })
})

t.test('a container holds a file system after the host has unmounted it', async (t) => {
  const world = await World.start()
  await world.create('db', 'filesystem')
  await world.startContainer('db', 'c1')
  t.equal((await holdingOf(world).of(world.core.volumes.get(named('db')))).length, 1)
  await t.rejects(holdingOf(world).refuseHeld(world.core.volumes.get(named('db'))), {
    code: 'in-use',
    message: /process 1000/,
  })
})

t.test('our own mount does not hold a volume', async (t) => {
  const world = await World.start()
  await world.create('db', 'filesystem')
  await world.mount('db', 'c1')
  t.same(await holdingOf(world).of(world.core.volumes.get(named('db'))), [])
})

t.test('the message names a few of the mounts, shortened as Docker does', async (t) => {
  const world = await World.start()
  await world.create('db')
  await world.mount('db', 'abcdef0123456789'.repeat(4))
  const volume = world.core.volumes.get(named('db'))
  t.throws(() => holdingOf(world).refuseReferenced(volume), { code: 'in-use', message: /\(abcdef012345\)/ })
})
