import t from 'tap'
import { ConvoyError } from '../../src/errors.js'
import type { Volume } from '../../src/model/volume.js'
import { kinds, mountId, named, World } from '../fakes/world.js'

t.test('a volume is made once: the same create again returns it as it is', async (t) => {
  const world = await World.start()
  const first = await world.create('db', 'directory', { size: '1G' })
  await world.write('db', 'kept')
  t.same(await world.create('db', 'directory', { size: '1G' }), first)
  t.same(await world.create('db'), first, 'one that asks for less is the same, too')
  t.equal(await world.read('db'), 'kept')
})

t.test('DK26 a hundred creates of one name make one volume', async (t) => {
  const world = await World.start()
  const made = await Promise.all(Array.from({ length: 100 }, () => world.create('db', 'filesystem')))
  t.equal(new Set(made.map(({ id }) => id)).size, 1)
  t.equal(world.storages.filesystem.pieces.size, 1)
})

t.test('a driver lets go of storages that no volume is on, once all volumes are known', async (t) => {
  const world = World.unstarted()
  const told: string[][] = []
  world.decorate = (driver) =>
    new Proxy(driver, {
      get(target, property) {
        const value: unknown = Reflect.get(target, property, target)
        if (property === 'leaveUnused') {
          return async (volumes: readonly Volume[]) => void told.push(volumes.map(({ name }) => name).sort())
        }
        return typeof value === 'function' ? (value.bind(target) as unknown) : value
      },
    })
  world.storages.filesystem.outage = new ConvoyError('unavailable', 'no answer')
  await world.restart()
  await world.core.volumes.leaveUnusedStorages(world.call())
  t.same(told, [], 'there may be more')
  world.storages.filesystem.outage = undefined
  await world.reconcile()
  await world.create('live')
  await world.create('deleted')
  await world.core.removal.delete(named('deleted'), world.call())
  await world.core.volumes.leaveUnusedStorages(world.call())
  t.same(told, [['deleted', 'live'], []], 'what is in the trash is there, too')
})

t.test('a create with other options is refused, and the message names what the volume has', async (t) => {
  const world = await World.start()
  await world.create('db', 'directory', { size: '1G' })
  await t.rejects(world.create('db', 'directory', { size: '2G' }), { code: 'already-exists', message: /size=1G/ })
  await t.rejects(world.create('db', 'filesystem'), { code: 'already-exists', message: /driver=directory/ })
  await t.rejects(world.create('db', 'directory', { onRemove: 'trash' }), {
    code: 'already-exists',
    message: /onRemove=nothing/,
  })
})

t.test('unknown, malformed and misplaced options are refused by name, and nothing is made', async (t) => {
  const world = await World.start()
  await t.rejects(world.create('db', 'directory', { sise: '1G' }), {
    code: 'invalid-argument',
    message: /"sise"/,
    hint: /size/,
  })
  await t.rejects(world.create('db', 'directory', { size: 'big' }), { code: 'invalid-argument', message: /size/ })
  await t.rejects(world.create('db', 'directory', { onRemove: 'burn' }), {
    code: 'invalid-argument',
    message: /onRemove.*retain, trash, delete, ignore/,
  })
  const call = world.call()
  await t.rejects(world.core.volumes.create(named('db'), { driver: 'zfs' }, call), {
    code: 'invalid-argument',
    message: /"zfs"/,
    hint: /directory, filesystem/,
  })
  t.same(world.core.volumes.list(), [])
  t.equal(world.storages.directory.markers.size, 0)
})

t.test('without a driver the first one makes the volume; without a name it gets one', async (t) => {
  const world = await World.start()
  const volume = await world.core.volumes.create(undefined, {}, world.call())
  t.equal(volume.driver, 'directory')
  t.match(volume.name, /^volume-[0-9a-f]{16}$/)
  const other = await world.core.volumes.create(undefined, {}, world.call())
  t.not(other.name, volume.name)
})

t.test('the size and the policy that were asked for are remembered', async (t) => {
  const world = await World.start()
  await world.create('db', 'directory', { size: '10m', onRemove: 'trash' })
  await world.settle()
  await world.restart()
  t.match(world.core.volumes.get(named('db')), { sizeBytes: 10 * 1024 * 1024, onRemove: 'trash' })
})

for (const kind of kinds) {
  t.test(
    `a forgotten volume (${kind}) is not listed, and a create of its name takes it back with its data`,
    async (t) => {
      const world = await World.start()
      const { id } = await world.create('db', kind, { size: '1G' })
      await world.write('db', 'kept')
      await world.core.removal.removeForDocker(named('db'), world.call())
      t.equal(world.core.volumes.find(named('db')), undefined)
      t.same(world.core.volumes.list(), [])
      t.throws(() => world.core.volumes.get(named('db')), { code: 'not-found' })
      t.equal((await world.create('db', kind)).id, id)
      t.equal(await world.read('db'), 'kept')
    },
  )

  t.test(`a create (${kind}) that fails leaves nothing visible, and what it made is removed`, async (t) => {
    const world = await World.start()
    const fault = { step: 'create: make', when: 'after', how: 'fail' } as const
    const { error } = await world.attempt(() => world.create('db', kind), fault)
    t.match(error?.message, /injected/)
    t.equal(world.state('db'), 'absent')
    await world.core.trash.sweep(world.call())
    await world.finishJobs()
    t.equal(world.storages[kind].pieces.size, 0)
    t.equal(world.storages[kind].markers.size, 0)
    t.equal((await world.create('db', kind)).state, 'ready')
  })
}

t.test('a forgotten volume is not taken back with other options: the message says how to go on', async (t) => {
  const world = await World.start()
  await world.create('db', 'directory', { size: '1G' })
  await world.core.removal.forget(named('db'), world.call())
  await t.rejects(world.create('db', 'directory', { size: '2G' }), {
    code: 'already-exists',
    hint: /without these options.*convoy delete db/,
  })
  t.equal(world.state('db'), 'forgotten')
})

for (const when of ['before', 'after'] as const) {
  t.test(`a take-back that fails ${when} the storage knows of it leaves the volume forgotten`, async (t) => {
    const world = await World.start()
    const { id } = await world.create('db')
    await world.write('db', 'kept')
    await world.core.removal.forget(named('db'), world.call())
    const fault = { step: 'revive: mark', when, how: 'fail' } as const
    const { error } = await world.attempt(() => world.create('db'), fault)
    t.ok(error)
    t.equal(world.state('db'), 'forgotten')
    t.throws(() => world.core.volumes.get(named('db')), { code: 'not-found' })
    t.equal((await world.create('db')).id, id)
    t.equal(await world.read('db'), 'kept')
  })
}

t.test('a forgotten volume that its storage has lost does not keep its name for ever', async (t) => {
  const world = await World.start()
  await world.create('db')
  await world.core.removal.forget(named('db'), world.call())
  world.storages.directory.markers.clear()
  world.storages.directory.pieces.clear()
  const fresh = await world.create('db')
  t.equal(fresh.state, 'ready')
  t.equal(await world.read('db'), undefined)
})

t.test('DK13 while the storage has not been asked, a missing name is not known to be absent', async (t) => {
  const world = World.unstarted()
  const impatient = world.call(AbortSignal.abort())
  const { volumes, mounts, removal } = world.core
  t.throws(() => volumes.get(named('db')), { code: 'unavailable' })
  await t.rejects(volumes.getSettled(named('db'), impatient), { code: 'unavailable' })
  await t.rejects(volumes.create(named('db'), {}, impatient), { code: 'unavailable' })
  await t.rejects(mounts.mount(named('db'), mountId('c1'), impatient), { code: 'unavailable' })
  await t.rejects(removal.removeForDocker(named('db'), impatient), { code: 'unavailable' })
  t.equal(world.storages.directory.markers.size, 0)
  await world.recover()
  t.throws(() => volumes.get(named('db')), { code: 'not-found' })
  await t.rejects(volumes.getSettled(named('db'), impatient), { code: 'not-found' })
})

t.test('what comes before the storage was asked waits for it', async (t) => {
  const world = await World.start()
  const { id } = await world.create('db')
  world.database.wipe()
  world.begin()
  const got = world.core.volumes.getSettled(named('db'), world.call())
  const mounted = world.mount('db', 'c1')
  const created = world.create('new')
  await world.recover()
  t.equal((await got).id, id)
  t.equal(await mounted, '/directories/db')
  t.equal((await created).state, 'ready')
})

t.test('what the ledger knows is answered while the storage is silent', async (t) => {
  const world = await World.start()
  await world.create('db')
  await world.settle()
  world.storages.directory.outage = new ConvoyError('unavailable', 'no answer')
  await world.restart()
  t.equal(world.core.volumes.get(named('db')).state, 'ready')
  t.throws(() => world.core.volumes.get(named('other')), { code: 'not-found' }, 'it was asked once')
})

t.test('DK13 a volume that was being made when the daemon died is not said to be absent', async (t) => {
  const world = await World.start()
  // The answer went out; the row that says so did not reach the disk.
  await world.attempt(() => world.create('db'), { step: 'create-done', when: 'before', how: 'crash' })
  world.begin()
  t.throws(() => world.core.volumes.get(named('db')), { code: 'unavailable' })
  t.equal((await world.core.volumes.getSettled(named('db'), world.call())).state, 'ready')
  t.equal(await world.mount('db', 'c1'), '/directories/db', 'and a container can start at once')
  t.equal(world.core.volumes.get(named('db')).state, 'attached')
})

t.test('a create after a crash in the middle of a removal to the trash makes a new volume', async (t) => {
  const world = await World.start()
  const { id } = await world.create('db')
  await world.write('db', 'old')
  // The removal is answered; what the daemon writes later does not reach the disk.
  const remove = () => world.core.removal.delete(named('db'), world.call())
  await world.attempt(remove, { step: 'remove-done', when: 'before', how: 'crash' })
  world.begin()
  const fresh = await world.create('db')
  t.not(fresh.id, id)
  t.equal(await world.read('db'), undefined, 'and no deleted data comes back')
  await world.recover()
  t.equal(world.trashed('db').length, 1)
})

t.test('DB05 with a full disk nothing is made, and what is there can be read', async (t) => {
  const world = await World.start()
  await world.create('db')
  await world.settle()
  world.database.isFull = true
  await t.rejects(world.create('new'), { code: 'unavailable' })
  t.equal(world.state('new'), 'absent')
  t.equal(world.storages.directory.markers.size, 1)
  t.equal(world.core.volumes.get(named('db')).name, 'db')
  world.database.isFull = false
  t.equal((await world.create('new')).state, 'ready')
})

t.test('compat: while operations on volumes hang, the others are listed, found and made', async (t) => {
  const world = await World.start()
  for (const name of ['db', 'other']) await world.create(name)
  let begun = 0
  const stuck = () => new Promise<void>(() => begun++)
  for (const name of ['db', 'third']) void world.locks.run(named(name), world.call().signal, stuck)
  t.equal(begun, 2)
  t.equal(world.core.volumes.get(named('db')).name, 'db')
  t.same(
    world.core.volumes.list().map(({ name }) => name),
    ['db', 'other'],
  )
  t.equal((await world.create('new')).state, 'ready')
  t.equal(await world.mount('other', 'c1'), '/directories/other')
})

t.test('compat: a volume named config is like any other', async (t) => {
  const world = await World.start()
  await world.create('db')
  await world.create('config')
  await world.core.removal.delete(named('config'), world.call())
  t.same(
    world.core.volumes.list().map(({ name }) => name),
    ['db'],
  )
})

t.test('compat: a name that failed to be made once holds nothing that the next create would adopt', async (t) => {
  const world = await World.start()
  await world.attempt(() => world.create('db'), { step: 'create: make', when: 'after', how: 'fail' })
  const volume = await world.create('db')
  t.equal(volume.origin, 'created')
})

t.test(
  'a repeated create is the same create whatever its profile says now, also when there is none of that name',
  async (t) => {
    const profiles = new Map([['gold', { driver: 'filesystem', size: '1G', onRemove: 'trash' }]])
    const world = await World.start({ profiles })
    const create = (options: Readonly<Record<string, string>>) =>
      world.core.volumes.create(named('db'), options, world.call())
    const asked = { profile: 'gold', size: '2G' }
    const made = await create(asked)
    t.match(made, { driver: 'filesystem', onRemove: 'trash' })
    t.strictSame(made.options, { profile: 'gold', size: '2G' })
    profiles.set('gold', { driver: 'directory', size: '9G', onRemove: 'delete' })
    t.same(await create(asked), made)
    profiles.clear()
    t.same(await create(asked), made)
    t.same(await create({ profile: 'gold' }), made)
    t.same(await create({}), made)
    await t.rejects(create({ profile: 'silver' }), { code: 'already-exists', message: /profile=gold/ })
    await t.rejects(create({ profile: 'gold', size: '1G' }), { code: 'already-exists', message: /size=2G/ })
    await world.core.removal.forget(named('db'), world.call())
    t.equal((await create(asked)).id, made.id, 'it is taken back')
  },
)

t.test('a profile that there is not makes no volume, and a volume made without one has none', async (t) => {
  const world = await World.start({ profiles: new Map([['gold', {}]]) })
  await t.rejects(world.create('db', 'directory', { profile: 'silver' }), { code: 'invalid-argument', hint: /gold/ })
  t.same(world.core.volumes.list(), [])
  await world.create('db', 'directory')
  await t.rejects(world.create('db', 'directory', { profile: 'gold' }), { message: /profile=nothing/ })
})
