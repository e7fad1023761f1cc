import assert from 'node:assert/strict'
import t from 'tap'
import { type Kind, kinds, named, type World } from '../fakes/world.js'
import type { Precious } from '../fakes/invariants.js'
import { type Operation, sweep } from './fault-sweep.js'

/** A volume with data, and another that a container uses all the time. */
async function withData(world: World, kind: Kind, name = 'db'): Promise<readonly Precious[]> {
  const bystander = await world.create('bystander', kind)
  world.pieceAt(await world.startContainer('bystander', 'runs')).text = 'used'
  const { id } = await world.create(name, kind)
  await world.write(name, 'precious')
  return [
    { id, text: 'precious' },
    { id: bystander.id, text: 'used' },
  ]
}

const isGone = (world: World, name = 'db') => assert.equal(world.core.volumes.find(named(name)), undefined)
const isHere = (world: World, name = 'db') => assert.ok(world.core.volumes.find(named(name)))
const anonymousName = 'a'.repeat(64)

const operations: readonly Operation[] = [
  {
    name: 'create',
    prepare: withData,
    act: (world, kind) => world.create('new', kind, { size: '1G' }),
    isDone: (world) => assert.equal(world.state('new'), 'ready'),
    leavesNothing: (world) => assert.equal(world.state('new'), 'absent'),
  },
  {
    name: 'create that adopts',
    prepare: async (world, kind) => {
      world.storages[kind].plant('old', 'was here before')
      return []
    },
    act: (world, kind) => world.create('new', kind, { id: 'old' }),
    isDone: (world, kind) => assert.equal(world.storages[kind].piece('old').text, 'was here before'),
    leavesNothing: (world, kind) => assert.equal(world.storages[kind].piece('old').text, 'was here before'),
  },
  {
    name: 'create that takes a forgotten volume back',
    prepare: async (world, kind) => {
      const precious = await withData(world, kind)
      await world.core.removal.forget(named('db'), world.call())
      return precious
    },
    act: (world, kind) => world.create('db', kind),
    isDone: (world) => assert.equal(world.state('db'), 'ready'),
  },
  {
    name: 'the first mount',
    prepare: withData,
    act: (world) => world.mount('db', 'c1'),
    isDone: (world) => {
      assert.equal(world.pieceAt(world.core.volumes.get(named('db')).mountpoint ?? '').text, 'precious')
      assert.ok(world.count('db', 'c1') >= 1)
    },
    leavesNothing: (world, kind) => {
      assert.equal(world.count('db', 'c1'), 0)
      assert.equal(world.state('db'), 'ready')
      assert.equal(world.storages[kind].holderOf('db')?.state ?? 'live', 'live')
      assert.ok(world.kernel.devices.length <= 1)
    },
  },
  {
    name: 'a mount beside a running container',
    prepare: async (world, kind) => {
      const precious = await withData(world, kind)
      await world.startContainer('db', 'c0')
      return precious
    },
    act: (world) => world.mount('db', 'c1'),
    isDone: (world) => {
      assert.ok(world.count('db', 'c1') >= 1)
      assert.equal(world.count('db', 'c0'), 1)
    },
    leavesNothing: (world) => assert.equal(world.state('db'), 'attached'),
  },
  {
    name: 'a mount beside a container that we were told has stopped',
    prepare: async (world, kind) => {
      const precious = await withData(world, kind)
      await world.startContainer('db', 'c0')
      await world.unmount('db', 'c0')
      return precious
    },
    act: (world) => world.mount('db', 'c1'),
    isDone: (world) => assert.ok(world.count('db', 'c1') >= 1),
  },
  {
    name: 'the last unmount',
    prepare: async (world, kind) => {
      const precious = await withData(world, kind)
      await world.startContainer('db', 'c1')
      world.kernel.exit('c1')
      return precious
    },
    act: async (world) => {
      await world.unmount('db', 'c1')
      // What a failed unmount leaves, reconciliation ends: it is the retry, because Docker makes none.
      await world.reconcile()
    },
    isDone: (world) => {
      assert.equal(world.count('db', 'c1'), 0)
      assert.equal(world.state('db'), 'ready')
    },
  },
  {
    name: 'an unmount while the kernel still shows the container',
    prepare: async (world, kind) => {
      const precious = await withData(world, kind)
      await world.startContainer('db', 'c1')
      return precious
    },
    act: (world) => world.unmount('db', 'c1'),
    isDone: (world) => assert.equal(world.count('db', 'c1'), 0),
  },
  {
    name: 'docker volume rm (retain)',
    prepare: withData,
    act: (world) => world.core.removal.removeForDocker(named('db'), world.call()),
    isDone: (world) => isGone(world),
    leavesNothing: (world) => isHere(world),
  },
  {
    name: 'docker volume rm (trash)',
    policy: { onDockerRemove: 'trash' },
    prepare: withData,
    act: (world) => world.core.removal.removeForDocker(named('db'), world.call()),
    isDone: (world) => {
      isGone(world)
      assert.equal(world.trashed('db').length, 1)
    },
    leavesNothing: (world) => isHere(world),
  },
  {
    name: 'docker rm -v of an anonymous volume',
    prepare: (world, kind) => withData(world, kind, anonymousName),
    act: (world) => world.core.removal.removeForDocker(named(anonymousName), world.call()),
    isDone: (world) => {
      isGone(world, anonymousName)
      assert.equal(world.trashed(anonymousName).length, 1)
    },
  },
  {
    name: 'docker volume rm (delete)',
    policy: { onDockerRemove: 'delete' },
    prepare: async (world, kind) => (await withData(world, kind)).slice(1),
    act: (world) => world.core.removal.removeForDocker(named('db'), world.call()),
    isDone: (world) => isGone(world),
    leavesNothing: (world) => isHere(world),
  },
  {
    name: 'convoy delete of a volume with a reference of an earlier engine',
    prepare: async (world, kind) => {
      const precious = await withData(world, kind)
      await world.startContainer('db', 'c1')
      world.kernel.exit('c1')
      world.core.reconciliation.beginEpoch()
      return precious
    },
    act: (world) => world.core.removal.delete(named('db'), world.call()),
    isDone: (world) => {
      isGone(world)
      assert.equal(world.trashed('db').length, 1)
    },
    leavesNothing: (world) => isHere(world),
  },
  {
    name: 'convoy delete of a forgotten volume',
    prepare: async (world, kind) => {
      const precious = await withData(world, kind)
      await world.core.removal.forget(named('db'), world.call())
      return precious
    },
    act: (world) => world.core.removal.delete(named('db'), world.call()),
    isDone: (world) => {
      assert.equal(world.state('db'), 'absent')
      assert.equal(world.trashed('db').length, 1)
    },
    leavesNothing: (world) => assert.equal(world.state('db'), 'forgotten'),
  },
  {
    name: 'convoy rename',
    prepare: withData,
    act: (world) => world.core.alteration.rename(named('db'), named('renamed'), world.call()),
    isDone: (world) => {
      assert.equal(world.state('renamed'), 'ready')
      isGone(world)
    },
    leavesNothing: (world) => {
      assert.equal(world.state('db'), 'ready')
      assert.equal(world.state('renamed'), 'absent')
    },
  },
  ...([undefined, '1g'] as const).map((size): Operation => ({
    name: `convoy resize of a volume with ${size ?? 'no size'}`,
    prepare: async (world, kind) => {
      const { id } = await world.create('db', kind, size === undefined ? {} : { size })
      await world.write('db', 'precious')
      return [{ id, text: 'precious' }]
    },
    act: (world) => world.core.alteration.resize(named('db'), 2 ** 31, world.call()),
    isDone: (world, kind) => {
      assert.equal(world.core.volumes.get(named('db')).sizeBytes, 2 ** 31)
      assert.equal(world.core.volumes.get(named('db')).resizeTo, undefined)
      assert.equal(world.storages[kind].markerOf(named('db'))?.sizeBytes, 2 ** 31)
    },
    ...(size !== undefined && {
      leavesNothing: (world: World, kind: Kind) => {
        assert.equal(world.core.volumes.get(named('db')).sizeBytes, 2 ** 30)
        assert.equal(world.storages[kind].markerOf(named('db'))?.sizeBytes, 2 ** 30)
      },
    }),
  })),
  ...(['db', 'other-name'] as const).map((name): Operation => ({
    name: `undelete as ${name}`,
    prepare: async (world, kind) => {
      const precious = await withData(world, kind)
      await world.core.removal.delete(named('db'), world.call())
      return precious
    },
    act: (world) => world.core.removal.undelete('db', named(name), world.call()),
    isDone: (world) => assert.equal(world.state(name), 'ready'),
    leavesNothing: (world) => {
      assert.equal(world.state(name), 'absent')
      assert.equal(world.trashed('db').length, 1)
    },
  })),
]

for (const kind of kinds) {
  for (const operation of operations) {
    t.test(
      `${operation.name} (${kind}) that fails or is killed at any step can be repeated and loses nothing`,
      async (t) => {
        const struck = await sweep(operation, kind)
        t.ok(struck >= 4, `${struck} faults`)
      },
    )
  }
}
