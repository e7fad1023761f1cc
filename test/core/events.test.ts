import t from 'tap'
import { ConvoyError } from '../../src/errors.js'
import type { ConvoyEvent } from '../../src/model/event.js'
import { dayMs, minuteMs } from '../fakes/fake-clock.js'
import { kinds, named, World } from '../fakes/world.js'

/** What happened from now on, in short: type, volume and what else matters. */
function listen(world: World): () => string[] {
  const heard: ConvoyEvent[] = []
  world.core.events.listen((events) => heard.push(...events))
  return () =>
    heard
      .splice(0)
      .map(({ type, volume, mountId, count, reason, from }) =>
        [type, volume, mountId, count, reason, from].filter((part) => part !== undefined).join(' '),
      )
}

for (const kind of kinds) {
  t.test(`the life of a volume (${kind}) is told as it happens`, async (t) => {
    const world = await World.start()
    const heard = listen(world)
    await world.create('db', kind)
    await world.settle()
    t.strictSame(heard(), ['volume.create db'])
    await world.mount('db', 'c1')
    await world.mount('db', 'c1')
    await world.unmount('db', 'c1')
    await world.unmount('db', 'c1')
    await world.settle()
    t.strictSame(heard(), [
      'volume.mount db c1 1',
      'volume.mount db c1 2',
      'volume.unmount db c1 1',
      'volume.unmount db c1 0',
    ])
    await world.core.removal.forget(named('db'), world.call())
    await world.create('db', kind)
    await world.core.removal.delete(named('db'), world.call())
    await world.core.removal.undelete('db', named('other'), world.call())
    await world.core.removal.delete(named('other'), world.call())
    world.clock.advance(2 * dayMs)
    await world.core.trash.sweep(world.call())
    await world.finishJobs()
    t.strictSame(heard(), [
      'volume.forget db',
      'volume.take-back db',
      'volume.trash db',
      'volume.undelete other db',
      'volume.trash other',
      'job.finish other',
      'volume.destroy other',
    ])
  })
}

t.test('what a subscriber needs is in the event', async (t) => {
  const world = await World.start()
  const { id } = await world.create('db')
  const mountpoint = await world.mount('db', 'c1')
  await world.settle()
  t.match(world.database.events.all, [
    { id: 1, time: '2026-01-01T00:00:00.000Z', type: 'volume.create', volume: 'db', volumeId: id, driver: 'directory' },
    {
      id: 2,
      type: 'volume.mount',
      volume: 'db',
      volumeId: id,
      driver: 'directory',
      mountId: 'c1',
      count: 1,
      mountpoint,
    },
  ])
})

t.test('adopted data that is removed is forgotten, and a job that fails says why', async (t) => {
  const world = await World.start({ trashRetentionMs: 0 })
  world.storages.directory.plant('old', 'was here before')
  const heard = listen(world)
  await world.create('db', 'directory', { id: 'old' })
  await world.core.removal.delete(named('db'), world.call())
  await world.settle()
  t.strictSame(heard(), ['volume.adopt db', 'volume.forget db adopted'])
  await world.create('new')
  await world.core.removal.delete(named('new'), world.call())
  world.jobs.fail(world.jobs.running[0] ?? '', 'no permission')
  await world.settle()
  t.match(world.database.events.all.at(-1), { type: 'job.fail', volume: 'new', kind: 'remove', error: 'no permission' })
})

t.test('DK06 a mount that nobody gave back is told to be dropped, with the reason', async (t) => {
  const world = await World.start()
  await world.create('db')
  await world.mount('db', 'c1')
  const heard = listen(world)
  world.clock.advance(10 * minuteMs)
  await world.reconcile()
  t.strictSame(heard(), ['volume.mount.drop db c1 0 reconciliation'])
  await world.mount('db', 'c2')
  await world.mount('db', 'c2')
  await world.settle()
  await world.reboot()
  t.match(world.database.events.all.at(-1), { type: 'volume.mount.drop', mountId: 'c2', count: 0, reason: 'reboot' })
})

t.test('DB16 volumes that are found on the storage after the database was lost are told, each once', async (t) => {
  const world = await World.start()
  await world.create('live')
  await world.create('old')
  await world.core.removal.forget(named('old'), world.call())
  await world.settle()
  world.database.wipe()
  await world.restart()
  const found = () =>
    world.database.events.all.map(({ id, type, volume, state }) => [id, type, volume, state].join(' '))
  t.strictSame(found().sort(), ['1 volume.discover live ready', '2 volume.discover old forgotten'])
  await world.restart()
  t.equal(found().length, 2)
})

t.test('a storage that does not answer is told once, and when it answers again', async (t) => {
  const world = World.unstarted()
  const heard = listen(world)
  const gone = new ConvoyError('unavailable', 'the share does not answer')
  world.decorate = (driver) =>
    driver.name === 'directory'
      ? new Proxy(driver, {
          get: (target, property) => {
            if (property === 'discover' && isGone) throw gone
            const value: unknown = Reflect.get(target, property, target)
            return typeof value === 'function' ? (value.bind(target) as unknown) : value
          },
        })
      : driver
  let isGone = true
  world.begin()
  const after = listen(world)
  await world.recover()
  await world.reconcile()
  t.strictSame(after(), ['driver.unavailable'])
  isGone = false
  await world.reconcile()
  t.strictSame(after(), ['driver.available'])
  t.strictSame(heard(), [])
  t.match(world.database.events.all[0], { driver: 'directory', error: 'the share does not answer' })
})

t.test('who resumes at an id or a time gets what is behind it, and hears of what is gone', async (t) => {
  const world = await World.start()
  for (const name of ['a', 'b', 'c', 'd', 'e']) {
    await world.create(name)
    await world.settle()
    world.clock.advance(minuteMs)
  }
  const { events } = world.core
  const idsFrom = async (text: string) => {
    const start = await events.startAt(events.parseSince(text))
    const { events: found } = await events.readPage(start, { types: [] })
    return [...found.map(({ id }) => id), ...(start.gap === undefined ? [] : ['gap'])]
  }
  t.strictSame(await idsFrom('0'), [1, 2, 3, 4, 5])
  t.strictSame(await idsFrom('3'), [4, 5])
  t.strictSame(await idsFrom('5'), [])
  t.strictSame(await idsFrom('2m'), [4, 5])
  t.strictSame(await idsFrom('1970-01-01'), [1, 2, 3, 4, 5])
  t.strictSame(await idsFrom('6'), [1, 2, 3, 4, 5, 'gap'], 'an id of a database that was lost')
  await world.ledger.events.prune({ beforeTime: '1970', most: 3, batch: 1 })
  t.strictSame(await idsFrom('0'), [3, 4, 5, 'gap'])
  t.strictSame(await idsFrom('1'), [3, 4, 5, 'gap'])
  t.strictSame(await idsFrom('2'), [3, 4, 5], 'nothing is missing')
  t.strictSame(await idsFrom('1970-01-01'), [3, 4, 5, 'gap'])
  t.strictSame(await idsFrom('2m'), [4, 5])
  const { gap } = await events.startAt({ id: 1 })
  t.match(gap, { id: 0, type: 'gap', since: '1', oldest: 3 })
  const { gap: whole } = await (await World.start()).core.events.startAt({ id: 1 })
  t.match(whole, { id: 0, type: 'gap', since: '1' })
  t.notOk('oldest' in (whole ?? {}), 'where nothing is kept, nothing is the oldest')
})

t.test('events that are older, or more, than is kept go', async (t) => {
  const world = await World.start({ eventRetention: { longestMs: 7 * dayMs, most: 10_000 } })
  await world.create('a')
  await world.settle()
  world.clock.advance(7 * dayMs + 1)
  for (const name of ['b', 'c'] as const) {
    await world.create(name)
    world.clock.advance(1)
  }
  await world.settle()
  await world.core.events.prune()
  t.strictSame(
    world.database.events.all.map(({ volume }) => volume),
    ['b', 'c'],
  )
  const many = await World.start({ eventRetention: { longestMs: dayMs, most: 10 } })
  for (let index = 0; index < 30; index++) many.core.events.note('daemon.start', { pid: index })
  await many.settle()
  await many.core.events.prune()
  t.equal(many.database.events.all.length, 10)
  t.equal(many.database.events.newestId, 30)
})
