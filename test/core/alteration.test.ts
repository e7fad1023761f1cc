import t from 'tap'
import { moments } from '../fakes/fault-injector.js'
import { wrongAtRest } from '../fakes/invariants.js'
import { kinds, named, World } from '../fakes/world.js'

const rename = (world: World, from = 'db', to = 'renamed') =>
  world.core.alteration.rename(named(from), named(to), world.call())

async function withData(kind: 'directory' | 'filesystem' = 'directory'): Promise<{ world: World; id: string }> {
  const world = await World.start()
  const { id } = await world.create('db', kind)
  await world.write('db', 'kept')
  return { world, id }
}

for (const kind of kinds) {
  t.test(`a volume (${kind}) keeps its data, its id and its options under the new name`, async (t) => {
    const { world, id } = await withData(kind)
    t.match(await rename(world), { id, name: 'renamed', state: 'ready' })
    t.equal(await world.read('renamed'), 'kept')
    t.equal(world.state('db'), 'absent')
    await world.restart()
    t.same(wrongAtRest(world, [{ id, text: 'kept' }]), [])
    await rename(world, 'renamed', 'db')
    t.equal(await world.read('db'), 'kept', 'and back again')
    const told = world.database.events.all.filter(({ type }) => type === 'volume.rename')
    t.match(told, [
      { volume: 'renamed', from: 'db', volumeId: id },
      { volume: 'db', from: 'renamed' },
    ])
  })

  t.test(`a volume (${kind}) that is in use keeps its name`, async (t) => {
    const { world } = await withData(kind)
    await world.startContainer('db', 'c1')
    await t.rejects(rename(world), { code: 'in-use', message: /mounted/ })
    await world.unmount('db', 'c1')
    await t.rejects(rename(world), { code: 'in-use' }, 'the kernel still shows it')
    world.kernel.exit('c1')
    await world.reconcile()
    world.containers.stopped.set('db', ['web'])
    await t.rejects(rename(world), { code: 'in-use', hint: /new, empty volume/ }, 'a container would lose it')
    world.containers.isReachable = false
    await rename(world)
    t.same(world.kernel.violations, [])
  })
}

t.test('a name that is taken is refused, and what has it is not touched', async (t) => {
  const { world } = await withData()
  await world.create('renamed')
  await t.rejects(rename(world), { code: 'already-exists' })
  await world.core.removal.forget(named('renamed'), world.call())
  await t.rejects(rename(world), { code: 'already-exists', hint: /forgotten/ })
  t.equal(await world.read('db'), 'kept')
  t.equal(world.state('renamed'), 'forgotten')
})

t.test('what is not there, is forgotten or was adopted is not renamed; the same name is no change', async (t) => {
  const { world } = await withData()
  await t.rejects(rename(world, 'none'), { code: 'not-found' })
  t.match(await rename(world, 'db', 'db'), { name: 'db', state: 'ready' })
  await world.core.removal.forget(named('db'), world.call())
  await t.rejects(rename(world), { code: 'not-found' })
  world.storages.directory.plant('old', 'was here before')
  await world.create('old')
  await t.rejects(rename(world, 'old'), { code: 'unsupported' })
})

t.test('two volumes that change names at once do not wait for each other', async (t) => {
  const { world, id } = await withData()
  const other = await world.create('other')
  const outcomes = await Promise.allSettled([rename(world, 'db', 'other'), rename(world, 'other', 'db')])
  t.same(
    outcomes.map(({ status }) => status),
    ['rejected', 'rejected'],
  )
  t.same(wrongAtRest(world, [{ id, text: 'kept' }]), [])
  t.equal(world.core.volumes.get(named('other')).id, other.id)
})

t.test('a rename that a crash cut short is carried on; until then neither name is said to be absent', async (t) => {
  const { world, id } = await withData()
  await world.attempt(() => rename(world), { step: 'revive: mark', when: 'before', how: 'crash' })
  world.begin()
  t.throws(() => world.core.volumes.get(named('db')), { code: 'unavailable' })
  await t.rejects(world.create('db'), { code: 'unavailable', message: /being renamed to "renamed"/ })
  await world.recover()
  t.equal(await world.read('renamed'), 'kept')
  t.same(wrongAtRest(world, [{ id, text: 'kept' }]), [])
})

t.test('a rename that a crash cut short is taken back when the new name is taken by then', async (t) => {
  const { world, id } = await withData()
  await world.attempt(() => rename(world), { step: 'revive: mark', when: 'before', how: 'crash' })
  world.begin()
  await world.create('renamed')
  await world.recover()
  t.equal(await world.read('db'), 'kept')
  t.same(wrongAtRest(world, [{ id, text: 'kept' }]), [])
})

t.test('DB13 the data of a rename that was cut short is not swept with the trash', async (t) => {
  const world = await World.start({ trashRetentionMs: 0 })
  const { id } = await world.create('db')
  await world.write('db', 'kept')
  await world.attempt(() => rename(world), { step: 'revive: mark', when: 'before', how: 'crash' })
  world.begin()
  await world.core.discovery.run(world.call())
  await world.core.trash.sweep(world.call())
  await world.finishJobs()
  await world.recover()
  t.same(wrongAtRest(world, [{ id, text: 'kept' }]), [])
})

const resize = (world: World, sizeBytes: number) => world.core.alteration.resize(named('db'), sizeBytes, world.call())

for (const kind of kinds) {
  t.test(`a volume (${kind}) gets another size, also while a container uses it, and keeps it`, async (t) => {
    const { world } = await withData(kind)
    t.match(await resize(world, 2 ** 30), { name: 'db', state: 'ready', sizeBytes: 2 ** 30 })
    await world.startContainer('db', 'c1')
    t.match(await resize(world, 2 ** 31), { state: 'attached', sizeBytes: 2 ** 31 })
    t.equal(world.count('db', 'c1'), 1)
    await world.restart()
    const told = world.database.events.all.filter(({ type }) => type === 'volume.resize')
    t.match(told, [{ volume: 'db', sizeBytes: 2 ** 30 }, { sizeBytes: 2 ** 31 }])
    t.match(world.core.volumes.get(named('db')), { sizeBytes: 2 ** 31, state: 'attached' })
    world.database.wipe()
    await world.restart()
    t.equal(world.core.volumes.get(named('db')).sizeBytes, 2 ** 31, 'the storage knows it, too')
  })
}

t.test('what its driver refuses leaves the size as it was, now and after a crash', async (t) => {
  const { world } = await withData()
  await resize(world, 2 ** 30)
  await t.rejects(resize(world, 1), { code: 'invalid-argument', message: /holds more/ })
  t.match(world.core.volumes.get(named('db')), { sizeBytes: 2 ** 30, resizeTo: undefined })
  await world.attempt(() => resize(world, 1), { step: 'resize-intent', when: 'after', how: 'crash' })
  await world.restart()
  t.match(world.core.volumes.get(named('db')), { sizeBytes: 2 ** 30, resizeTo: undefined })
  await t.rejects(world.core.alteration.resize(named('none'), 1, world.call()), { code: 'not-found' })
})

/** The steps of a resize are the intent, a look, the change on the storage, and the result. */
const driversEffect = 2

t.test('a resize that a crash cut short is carried on: ledger and storage say the same', async (t) => {
  for (const when of moments) {
    const { world, id } = await withData()
    await resize(world, 2 ** 30)
    await world.settle()
    await world.attempt(() => resize(world, 2 ** 31), { step: driversEffect, when, how: 'crash' })
    t.match(world.faults.struckAt, /resize$/)
    await world.restart()
    t.match(world.core.volumes.get(named('db')), { sizeBytes: 2 ** 31, resizeTo: undefined }, when)
    t.equal(world.storages.directory.markers.get(id)?.sizeBytes, 2 ** 31)
  }
})

t.test(
  'a resize that fails midway gives the size back; one of a volume that had none is carried on later',
  async (t) => {
    for (const before of [2 ** 30, undefined]) {
      const { world, id } = await withData()
      if (before !== undefined) await resize(world, before)
      await world.settle()
      const { error } = await world.attempt(() => resize(world, 2 ** 31), {
        step: driversEffect,
        when: 'after',
        how: 'fail',
      })
      t.ok(error)
      await world.reconcile()
      const wanted = before ?? 2 ** 31
      t.match(world.core.volumes.get(named('db')), { sizeBytes: wanted, resizeTo: undefined })
      t.equal(world.storages.directory.markers.get(id)?.sizeBytes, wanted)
    }
  },
)

t.test('who mounts a renamed volume by its path is asked for before it goes', async (t) => {
  const { world } = await withData()
  await rename(world)
  const path = await world.mount('renamed', 'c1')
  await world.unmount('renamed', 'c1')
  await world.settle()
  await rename(world, 'renamed', 'db')
  await rename(world)
  world.kernel.bind('somebody', path)
  await t.rejects(world.core.removal.delete(named('renamed'), world.call()), { code: 'in-use' })
})

t.test('a create that is repeated after a resize is still the same create', async (t) => {
  const world = await World.start()
  await world.create('db', 'directory', { size: '1g' })
  await resize(world, 2 ** 31)
  t.match(await world.create('db', 'directory', { size: '1g' }), { sizeBytes: 2 ** 31 })
})
