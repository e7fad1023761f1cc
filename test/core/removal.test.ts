import t from 'tap'
import { dayMs } from '../fakes/fake-clock.js'
import { textOf } from '../fakes/invariants.js'
import { anonymous, type Kind, kinds, mountId, named, World } from '../fakes/world.js'
import { ConvoyError } from '../../src/errors.js'
import { commandLineMountId } from '../../src/model/mount.js'

const docker = (world: World, name = 'db') => world.core.removal.removeForDocker(named(name), world.call())
const remove = (world: World, name = 'db') => world.core.removal.delete(named(name), world.call())

async function started(kind: Kind, policy: Parameters<typeof World.start>[0] = {}, options = {}) {
  const world = await World.start(policy)
  const { id } = await world.create('db', kind, options)
  await world.write('db', 'kept')
  return { world, id }
}

for (const kind of kinds) {
  t.test(`docker volume rm (${kind}) forgets the volume and keeps its data`, async (t) => {
    const { world, id } = await started(kind)
    await docker(world)
    t.equal(world.state('db'), 'forgotten')
    t.equal(textOf(world, id), 'kept')
    t.equal(world.storages[kind].markers.get(id)?.state, 'forgotten')
    world.clock.advance(365 * dayMs)
    await world.core.trash.sweep(world.call())
    await world.finishJobs()
    t.equal(textOf(world, id), 'kept', 'for ever')
  })

  t.test(`docker volume rm (${kind}) with --on-docker-remove trash keeps the data for a while`, async (t) => {
    const { world, id } = await started(kind, { onDockerRemove: 'trash' })
    await docker(world)
    t.equal(world.state('db'), 'absent')
    t.match(world.trashed('db'), [{ id, state: 'trashed', expiresAt: '2026-01-02T00:00:00.000Z' }])
    world.clock.advance(dayMs - 1)
    await world.core.trash.sweep(world.call())
    await world.finishJobs()
    t.equal(textOf(world, id), 'kept')
    world.clock.advance(1)
    await world.core.trash.sweep(world.call())
    await world.finishJobs()
    t.equal(world.storages[kind].pieces.size, 0)
    t.same(world.trashed('db'), [])
  })

  t.test(`docker volume rm (${kind}) with --on-docker-remove delete removes the data at once, in a job`, async (t) => {
    const { world, id } = await started(kind, { onDockerRemove: 'delete' })
    await docker(world)
    t.equal(world.state('db'), 'absent')
    t.equal(world.core.jobs.list().length, 1)
    await world.finishJobs()
    t.equal(textOf(world, id), undefined)
    t.same([...world.ledger.trash], [])
    t.match(world.core.jobs.list(), [{ state: 'succeeded' }])
  })

  t.test(`DK25 a volume (${kind}) that Docker mounts is not removed, and the message names the mount`, async (t) => {
    const { world } = await started(kind)
    await world.startContainer('db', 'c1')
    await t.rejects(docker(world), { code: 'in-use', message: /"db" is mounted \(c1\)/ })
    await t.rejects(remove(world), { code: 'in-use' })
    await t.rejects(world.core.removal.forget(named('db'), world.call()), { code: 'in-use' })
    t.equal(world.state('db'), 'attached')
    t.equal(world.pieceAt(world.core.volumes.get(named('db')).mountpoint ?? '').text, 'kept')
  })

  t.test(`DK25 a volume (${kind}) that a container holds without our knowing is not deleted`, async (t) => {
    const { world, id } = await started(kind)
    await world.startContainer('db', 'c1')
    await world.unmount('db', 'c1')
    t.equal(world.count('db', 'c1'), 0, 'docker cp, or a lost mount')
    await t.rejects(remove(world), { code: 'in-use', message: /still mounted by process 1000/ })
    t.ok(world.core.volumes.find(named('db')))
    t.equal(textOf(world, id), 'kept')
    world.kernel.exit('c1')
    await remove(world)
    t.equal(world.trashed('db').length, 1)
    t.same(world.kernel.violations, [])
  })

  t.test(
    `stale references of an earlier engine (${kind}) do not keep a volume that the kernel shows free`,
    async (t) => {
      const { world } = await started(kind)
      await world.startContainer('db', 'c1')
      world.kernel.exit('c1')
      world.core.reconciliation.beginEpoch()
      await remove(world)
      t.equal(world.trashed('db').length, 1)
      t.equal(world.count('db', 'c1'), 0)
      t.same(world.kernel.devices, [])
    },
  )

  t.test(`stale references (${kind}) count when the kernel does not show every namespace`, async (t) => {
    const { world } = await started(kind)
    await world.startContainer('db', 'c1')
    world.core.reconciliation.beginEpoch()
    world.kernel.holders.isBlind = true
    await t.rejects(remove(world), { code: 'in-use' })
    t.equal(world.state('db'), 'attached')
  })

  t.test(`what convoy mount holds (${kind}) is not removed, also after a restart of Docker`, async (t) => {
    const { world } = await started(kind)
    await world.core.mounts.mount(named('db'), commandLineMountId, world.call())
    world.core.reconciliation.beginEpoch()
    await t.rejects(remove(world), { code: 'in-use' })
    await t.rejects(docker(world), { code: 'in-use' })
    t.equal(world.state('db'), 'attached')
    await world.core.mounts.unmount(named('db'), commandLineMountId, world.call())
    await remove(world)
    t.equal(world.trashed('db').length, 1)
  })

  t.test(`an adopted volume (${kind}) never loses its data, however it is removed`, async (t) => {
    for (const onRemove of ['retain', 'trash', 'delete']) {
      const world = await World.start()
      world.storages[kind].plant('old', 'was here before')
      await world.create('db', kind, { id: 'old', onRemove })
      await docker(world)
      t.same(world.trashed('db'), [], 'its data is not ours to keep')
      t.same(world.core.jobs.list(), [])
      world.clock.advance(dayMs)
      await world.core.trash.sweep(world.call())
      await world.finishJobs()
      t.equal(world.storages[kind].piece('old').text, 'was here before', onRemove)
      t.same([...world.ledger.trash], [])
    }
  })

  t.test(`a deleted volume (${kind}) comes back with its data, and its name is free meanwhile`, async (t) => {
    const { world, id } = await started(kind)
    await remove(world)
    const other = await world.create('db', kind)
    t.not(other.id, id)
    t.equal(await world.read('db'), undefined)
    await t.rejects(world.core.removal.undelete('db', undefined, world.call()), {
      code: 'already-exists',
      hint: new RegExp(`undelete ${id} --as`),
    })
    const back = await world.core.removal.undelete('db', named('db-old'), world.call())
    t.equal(back.id, id)
    t.equal(await world.read('db-old'), 'kept')
    t.equal(await world.read('db'), undefined)
  })
}

t.test('a directory that a container holds without our knowing is not forgotten either', async (t) => {
  const { world } = await started('directory')
  await world.startContainer('db', 'c1')
  await world.unmount('db', 'c1')
  await t.rejects(docker(world), { code: 'in-use' })
  world.kernel.exit('c1')
  await docker(world)
  t.equal(world.state('db'), 'forgotten')
})

t.test('the kernel is not asked about a volume that nobody was ever told of, and is after a restart', async (t) => {
  const world = await World.start()
  for (const name of ['one', 'other']) await world.create(name)
  await world.settle()
  world.kernel.holders.failure = new ConvoyError('unavailable', '/proc is not readable')
  await remove(world, 'one')
  t.equal(world.state('one'), 'absent')
  await world.restart()
  await t.rejects(remove(world, 'other'), { code: 'unavailable' })
})

t.test('after the last unmount the kernel is asked once, and a removal need not wait for it', async (t) => {
  const { world } = await started('directory')
  await world.startContainer('db', 'c1')
  world.kernel.exit('c1')
  await world.unmount('db', 'c1')
  await world.settle()
  world.kernel.holders.failure = new ConvoyError('unavailable', '/proc is not readable')
  await remove(world)
  t.equal(world.trashed('db').length, 1)
})

t.test('a volume that was found free is asked about again once somebody has mounted it', async (t) => {
  const { world } = await started('directory')
  for (const container of ['c1', 'c2']) {
    await world.startContainer('db', container)
    await world.unmount('db', container)
    await world.settle()
    await t.rejects(remove(world), { code: 'in-use' })
    world.kernel.exit(container)
    await remove(world)
    await world.core.removal.undelete('db', undefined, world.call())
  }
  t.same(world.kernel.violations, [])
})

t.test('a mount while the kernel is asked about the one before leaves the volume in question', async (t) => {
  const { world } = await started('directory')
  const { holders } = world.kernel
  const ask = holders.ofEach.bind(holders)
  let answer: () => void = () => undefined
  holders.ofEach = async (places) => {
    const found = await ask(places)
    await new Promise<void>((resolve) => (answer = resolve))
    return found
  }
  await world.mount('db', 'c1')
  await world.unmount('db', 'c1')
  await world.settle()
  await world.startContainer('db', 'c2')
  answer()
  await world.settle()
  holders.ofEach = ask
  await world.unmount('db', 'c2')
  await world.settle()
  await t.rejects(remove(world), { code: 'in-use' })
  t.same(world.kernel.violations, [])
})

t.test('onRemove of the volume decides before the policy of the daemon', async (t) => {
  const { world } = await started('directory', { onDockerRemove: 'delete' }, { onRemove: 'retain' })
  await docker(world)
  t.equal(world.state('db'), 'forgotten')
  await world.create('other', 'directory', { onRemove: 'trash' })
  await docker(world, 'other')
  t.equal(world.trashed('other').length, 1)
})

t.test('with ignore, docker volume rm does nothing at all, also to a mounted volume', async (t) => {
  const { world } = await started('directory', {}, { onRemove: 'ignore' })
  await world.startContainer('db', 'c1')
  await docker(world)
  t.equal(world.state('db'), 'attached')
  await t.rejects(docker(world, 'unknown'), { code: 'not-found' })
  void world.locks.run(named('db'), world.call().signal, () => new Promise(() => undefined))
  await docker(world)
  t.pass('and waits for nobody')
})

t.test('an anonymous volume goes to the trash, unless it says otherwise', async (t) => {
  const world = await World.start()
  await world.create(anonymous('a'))
  await docker(world, anonymous('a'))
  t.equal(world.trashed(anonymous('a')).length, 1)
  await world.create(anonymous('b'), 'directory', { onRemove: 'retain' })
  await docker(world, anonymous('b'))
  t.equal(world.state(anonymous('b')), 'forgotten')
  await world.create('a'.repeat(63))
  await docker(world, 'a'.repeat(63))
  t.equal(world.state('a'.repeat(63)), 'forgotten', 'one digit less is a name that somebody gave')
})

t.test('a removal of what is not there, or was removed already, says so', async (t) => {
  const { world } = await started('directory')
  await t.rejects(docker(world, 'unknown'), { code: 'not-found' })
  await docker(world)
  await t.rejects(docker(world), { code: 'not-found' })
  await t.rejects(world.core.removal.forget(named('db'), world.call()), { code: 'not-found' })
  await remove(world)
  await t.rejects(remove(world), { code: 'not-found' })
})

t.test('with a retention of 0 a deleted volume goes at once', async (t) => {
  const { world, id } = await started('directory', { trashRetentionMs: 0 })
  await remove(world)
  await world.finishJobs()
  t.equal(textOf(world, id), undefined)
})

t.test('a volume whose file system the host uses is not removed', async (t) => {
  const { world, id } = await started('filesystem')
  await world.mount('db', 'c1')
  world.kernel.busy.add('/mounts/db')
  await world.unmount('db', 'c1')
  await t.rejects(remove(world), { code: 'in-use' })
  t.equal(world.storages.filesystem.markers.get(id)?.state, 'live')
  world.kernel.busy.clear()
  await remove(world)
  t.equal(world.trashed('db').length, 1)
  t.same(world.kernel.violations, [])
})

t.test('a volume that its storage does not know is dropped, and nothing is touched', async (t) => {
  const { world } = await started('directory')
  world.storages.directory.markers.clear()
  await remove(world)
  t.equal(world.state('db'), 'absent')
  t.same(world.trashed('db'), [])
  t.equal(world.storages.directory.piece('db').text, 'kept')
})

t.test(
  'what convoy deletes stays in the trash for its time, also after a crash and with onRemove=delete',
  async (t) => {
    const { world, id } = await started('directory', {}, { onRemove: 'delete' })
    await world.attempt(() => remove(world), { step: 'remove-done', when: 'before', how: 'crash' })
    await world.restart()
    await world.finishJobs()
    t.match(world.trashed('db'), [{ id, state: 'trashed' }])
    t.equal(textOf(world, id), 'kept')
  },
)

t.test('DB05 with a full disk nothing is removed, and the volume stays as it is', async (t) => {
  const { world, id } = await started('directory')
  world.database.isFull = true
  await t.rejects(remove(world), { code: 'unavailable' })
  await t.rejects(docker(world), { code: 'unavailable' })
  t.equal(world.state('db'), 'ready')
  t.equal(textOf(world, id), 'kept')
  t.equal(world.storages.directory.markers.get(id)?.state, 'live')
})

t.test('of a mount and a removal at once one wins, and the other is refused', async (t) => {
  const { world } = await started('filesystem')
  const mounting = world.core.mounts.mount(named('db'), mountId('c1'), world.call())
  const outcomes = await Promise.allSettled([mounting, remove(world)])
  t.same(outcomes.map(({ status }) => status).sort(), ['fulfilled', 'rejected'])
  t.equal(world.count('db', 'c1'), outcomes[0].status === 'fulfilled' ? 1 : 0)
  t.same(world.kernel.violations, [])
})

t.test('compat: a volume named db.tmp is not touched by anything done to db', async (t) => {
  const world = await World.start()
  for (const name of ['db', 'db.tmp', 'db.json', 'db.partial']) {
    await world.create(name)
    await world.write(name, name)
  }
  await remove(world)
  await world.core.removal.undelete('db', undefined, world.call())
  for (const name of ['db', 'db.tmp', 'db.json', 'db.partial']) t.equal(await world.read(name), name)
})
