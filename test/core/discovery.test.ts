import t from 'tap'
import type { DiscoveredVolume, StorageName } from '../../src/drivers/driver.js'
import { ConvoyError } from '../../src/errors.js'
import { eventually } from '../engine/polling.js'
import { dayMs, hourMs } from '../fakes/fake-clock.js'
import { textOf } from '../fakes/invariants.js'
import { kinds, named, World } from '../fakes/world.js'
import { foreign, plant } from './foreign-volume.js'

const discover = (world: World) => world.core.discovery.run(world.call())

for (const kind of kinds) {
  t.test(
    `DB16 a lost ledger (${kind}) is read from the storage again: live, forgotten and deleted volumes`,
    async (t) => {
      const world = await World.start()
      const ids: Record<string, string> = {}
      for (const name of ['live', 'forgotten', 'trashed']) {
        ids[name] = (await world.create(name, kind, { size: '1G', onRemove: 'trash' })).id
        await world.write(name, `data of ${name}`)
      }
      await world.core.removal.forget(named('forgotten'), world.call())
      await world.core.removal.delete(named('trashed'), world.call())
      world.database.wipe()
      world.clock.advance(hourMs)
      await world.restart()
      t.same(
        world.core.volumes.list().map(({ name }) => name),
        ['live'],
      )
      const wanted = { id: ids['live'], driver: kind, sizeBytes: 2 ** 30, onRemove: 'trash', options: { size: '1G' } }
      t.match(world.core.volumes.get(named('live')), wanted)
      t.equal(world.state('forgotten'), 'forgotten')
      t.match(world.trashed('trashed'), [{ id: ids['trashed'], expiresAt: '2026-01-02T00:00:00.000Z' }])
      t.equal(await world.read('live'), 'data of live')
      await world.create('forgotten', kind)
      t.equal(await world.read('forgotten'), 'data of forgotten')
      await world.core.removal.undelete('trashed', undefined, world.call())
      t.equal(await world.read('trashed'), 'data of trashed')
      t.same(Object.values(ids).sort(), [...world.ledger.volumes.values()].map(({ id }) => id).sort())
    },
  )
}

t.test('DB16 while a storage does not answer, the ledger is not complete; the others are read', async (t) => {
  const world = World.unstarted()
  plant(world, foreign('db'))
  world.storages.filesystem.outage = new ConvoyError('unavailable', 'no answer')
  await world.recover()
  t.equal(world.core.volumes.isComplete, false)
  t.equal(world.core.volumes.get(named('db')).state, 'ready')
  t.throws(() => world.core.volumes.get(named('other')), { code: 'unavailable' })
  world.storages.filesystem.outage = undefined
  await world.reconcile()
  t.equal(world.core.volumes.isComplete, true)
  t.throws(() => world.core.volumes.get(named('other')), { code: 'not-found' })
  world.storages.filesystem.outage = new ConvoyError('unavailable', 'no answer')
  await world.restart()
  t.equal(world.core.volumes.isComplete, true, 'a ledger stays complete')
})

t.test('a storage that comes late is read then, and what another host made on it becomes known', async (t) => {
  const world = await World.start()
  world.storages.directory.outage = new ConvoyError('unavailable', 'no answer')
  await world.restart()
  t.same([...world.core.availability.reasons], [['directory', 'no answer']])
  t.ok(world.core.discovery.isDue)
  plant(world, foreign('db'))
  world.storages.directory.outage = undefined
  world.core.availability.noteAnswer('directory')
  t.ok(world.core.discovery.isDue, 'also when a mount has found it before')
  await world.reconcile()
  t.equal(await world.read('db'), 'data of db')
  t.notOk(world.core.discovery.isDue)
  t.same([...world.core.availability.reasons], [])
})

t.test('a storage that a mount found away is asked again; one that seems empty is not there for that', async (t) => {
  const world = await World.start()
  await world.create('db')
  world.core.availability.noteFailure('directory', new ConvoyError('unavailable', 'the disk is not there'))
  t.ok(world.core.discovery.isDue)
  const { markers } = world.storages.directory
  const known = [...markers]
  markers.clear()
  await world.reconcile()
  t.ok(world.core.discovery.isDue, 'the mountpoint of a disk is empty')
  for (const [id, marker] of known) markers.set(id, marker)
  await world.reconcile()
  t.notOk(world.core.discovery.isDue)
})

t.test('a storage that was away is read again, also when a mount has found it before', async (t) => {
  const world = await World.start()
  world.storages.directory.outage = new ConvoyError('unavailable', 'no answer')
  await discover(world)
  world.storages.directory.outage = undefined
  world.core.availability.noteAnswer('directory')
  t.ok(world.core.discovery.isDue)
  await world.reconcile()
  t.notOk(world.core.discovery.isDue)
})

t.test('a storage that is being read is not asked twice, and its failure is logged once', async (t) => {
  const world = await World.start()
  world.storages.directory.outage = new ConvoyError('unavailable', 'no answer')
  await discover(world)
  const reading = discover(world)
  t.notOk(world.core.discovery.isDue)
  await reading
  t.ok(world.core.discovery.isDue)
  t.equal(world.log.lines.filter(({ message }) => message.includes('could not be asked')).length, 1)
})

t.test(
  'one storage of a driver that hangs or is away keeps no other from being read, and only it is asked again',
  async (t) => {
    const world = World.unstarted()
    const asked: string[] = []
    let answer: (error?: ConvoyError) => void = () => undefined
    const nas = async function* () {
      const error = await new Promise<ConvoyError | undefined>((resolve) => (answer = resolve))
      if (error !== undefined) throw error
      yield* [] as DiscoveredVolume[]
    }
    world.decorate = (driver) =>
      driver.name !== 'directory'
        ? driver
        : new Proxy(driver, {
            get(target, property) {
              const value: unknown = Reflect.get(target, property, target)
              if (property === 'storages') return () => [undefined, 'nas:/a']
              if (typeof value !== 'function') return value
              if (property !== 'discover') return value.bind(target) as unknown
              return (storage: StorageName, call: ReturnType<World['call']>) => {
                asked.push(storage ?? 'main')
                return storage === undefined ? target.discover(storage, call) : nas()
              }
            },
          })
    plant(world, foreign('db'))
    world.begin()
    const reading = discover(world)
    await eventually('the other is read', () => world.ledger.volumes.has(named('db')))
    t.notOk(world.core.volumes.isComplete)
    answer(new ConvoyError('unavailable', 'no answer'))
    await reading
    const { availability, discovery } = world.core
    t.same([availability.isAway('directory'), availability.isAway('directory', 'nas:/a')], [false, true])
    t.same(asked.splice(0).sort(), ['main', 'nas:/a'])
    const due = discovery.runDue(world.call())
    await discovery.runDue(world.call())
    t.same(asked, ['nas:/a'], 'alone, and not twice at once')
    answer()
    await due
    t.ok(world.core.volumes.isComplete)
    t.notOk(availability.isAway('directory', 'nas:/a'))
    await discovery.runDue(world.call())
    t.same(asked, ['nas:/a'])
  },
)

t.test('a volume of another host becomes known, once', async (t) => {
  const world = await World.start()
  plant(world, foreign('db'))
  await discover(world)
  t.equal(await world.read('db'), 'data of db')
  const { revision } = world.ledger
  await discover(world)
  t.equal(world.ledger.revision, revision)
})

t.test('a volume that another host forgot is no longer listed here, unless it is mounted', async (t) => {
  const world = await World.start()
  const ready = await world.create('ready')
  const used = await world.create('used')
  await world.startContainer('used', 'c1')
  for (const { id } of [ready, used]) {
    const marker = world.storages.directory.markers.get(id)
    if (marker !== undefined) world.storages.directory.markers.set(id, { ...marker, state: 'forgotten' })
  }
  await discover(world)
  t.equal(world.state('ready'), 'forgotten')
  t.equal(world.state('used'), 'attached')
})

t.test('of two volumes with one name the one that is known here stays', async (t) => {
  const world = await World.start()
  const { id } = await world.create('db', 'filesystem')
  await world.write('db', 'kept')
  plant(world, foreign('db'))
  await discover(world)
  t.equal(world.core.volumes.get(named('db')).id, id)
  t.equal(await world.read('db'), 'kept')
})

t.test('what happens to a volume while the storage is read is newer than what was read', async (t) => {
  const world = await World.start()
  const { id } = await world.create('db')
  await world.write('db', 'kept')
  // The storage was read before the removal, and is looked at after it.
  const stale = [...world.storages.directory.markers.values()]
  await world.core.removal.delete(named('db'), world.call())
  const { markers } = world.storages.directory
  const now = new Map(markers)
  markers.clear()
  for (const marker of stale) markers.set(marker.id, marker)
  await discover(world)
  markers.clear()
  for (const [key, marker] of now) markers.set(key, marker)
  t.equal(world.state('db'), 'absent')
  t.equal(world.trashed('db').length, 1)
  t.equal(textOf(world, id), 'kept')
})

t.test('a volume that the storage shows both live and in the trash becomes one thing only', async (t) => {
  const world = World.unstarted()
  world.decorate = (driver) =>
    new Proxy(driver, {
      get(target, property) {
        const value: unknown = Reflect.get(target, property, target)
        if (typeof value !== 'function') return value
        const method = value.bind(target) as (...args: unknown[]) => unknown
        if (property !== 'discover') return method
        return async function* (storage: StorageName, call: ReturnType<World['call']>) {
          for await (const found of target.discover(storage, call)) yield* [found, { ...found, state: 'trashed' }]
        }
      },
    })
  plant(world, foreign('db'))
  await world.restart()
  const id = foreign('db').id
  const places = [...world.ledger.volumes.values(), ...world.ledger.trash.values()].filter((one) => one.id === id)
  t.equal(places.length, 1)
  world.clock.advance(30 * dayMs)
  await world.core.trash.sweep(world.call())
  await world.finishJobs()
  t.equal(textOf(world, id), 'data of db')
})

t.test('the time of a volume in the trash counts from when it was deleted, on whichever host', async (t) => {
  const world = await World.start({ trashRetentionMs: 2 * dayMs })
  plant(world, foreign('db', { state: 'trashed', retiredAt: '2025-12-31T12:00:00.000Z' }))
  await discover(world)
  t.match(world.trashed('db'), [{ expiresAt: '2026-01-02T12:00:00.000Z' }])
})

t.test('thousands of volumes are found', async (t) => {
  const world = await World.start()
  for (let number = 0; number < 1700; number++) plant(world, foreign(`v${number}`))
  await discover(world)
  t.equal(world.core.volumes.list().length, 1700)
})

t.test('what was found and could not be saved is found again', async (t) => {
  const world = await World.start()
  plant(world, foreign('db'))
  world.database.isFull = true
  await discover(world)
  t.equal(world.state('db'), 'absent')
  world.database.isFull = false
  await discover(world)
  t.equal(world.state('db'), 'ready')
})
