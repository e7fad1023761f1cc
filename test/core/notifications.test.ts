import t, { type Test } from 'tap'
import { ConvoyError } from '../../src/errors.js'
import { Notifications } from '../../src/core/notifications.js'
import type { EventSeverity } from '../../src/model/event.js'
import type { NotifyTarget } from '../../src/model/notify-target.js'
import { eventually } from '../engine/polling.js'
import { dayMs, hourMs } from '../fakes/fake-clock.js'
import { FakeReceivers } from '../fakes/fake-notifier.js'
import { moments } from '../fakes/fault-injector.js'
import { World } from '../fakes/world.js'

function target(name: string, more: Partial<NotifyTarget> = {}): NotifyTarget {
  return {
    name,
    filter: { types: [] },
    destination: { kind: 'command', command: [name] },
    timeoutMs: 1000,
    retries: 2,
    giveUpAfterMs: dayMs,
    ...more,
  }
}

const only = (types: readonly string[], least: EventSeverity = 'info') => ({ filter: { types, least } })

/** A world whose daemon tells targets of its events. */
class NotifyingWorld {
  readonly world: World
  readonly receivers = new FakeReceivers()
  notifications: Notifications

  constructor(t: Pick<Test, 'teardown'>, world: World) {
    this.world = world
    this.notifications = this.#begin()
    t.teardown(() => this.notifications.stop())
  }

  #begin(): Notifications {
    const { world } = this
    return new Notifications({
      ledger: world.ledger,
      events: world.core.events,
      notifier: this.receivers.connect(world.faults),
      origin: { host: 'h1', daemon: 'convoy' },
      hostId: 'host',
      now: world.clock.now,
      newId: () => `new-${String(this.#nextId++)}`,
      log: world.log,
      pausesMs: { first: 1, longest: 2 },
    })
  }
  #nextId = 1

  /** Kills the daemon and starts the next one, with these targets. */
  async restart(...targets: readonly NotifyTarget[]): Promise<void> {
    await this.restartAfter(() => Promise.resolve(), ...targets)
  }

  /** The same; something happens before there are notifications again. */
  async restartAfter(act: () => Promise<void>, ...targets: readonly NotifyTarget[]): Promise<void> {
    this.world.faults.kill()
    void this.notifications.stop()
    await this.world.restart()
    await act()
    this.notifications = this.#begin()
    await this.notifications.follow(targets)
  }

  /** Stops the daemon in order, and starts the next one. */
  async restartInOrder(...targets: readonly NotifyTarget[]): Promise<void> {
    await this.notifications.stop()
    await this.world.settle()
    await this.restart(...targets)
  }

  async idle(...names: readonly string[]): Promise<void> {
    await eventually(`${names.join()} has been told all`, async () => {
      await this.world.settle()
      const reports = await this.notifications.list()
      const { lastId } = this.world.core.events
      return reports.every(
        ({ name, state, lastId: last }) => !names.includes(name) || (state === 'idle' && last >= lastId),
      )
    })
    await this.world.settle()
  }

  async create(...names: readonly string[]): Promise<void> {
    for (const name of names) await this.world.create(name)
    await this.world.settle()
  }

  async report(name: string) {
    return (await this.notifications.list()).find((one) => one.name === name)
  }

  async fails(name: string): Promise<void> {
    await eventually(`${name} fails`, async () => (await this.report(name))?.state === 'failing')
  }
}

async function start(t: Test, ...targets: readonly NotifyTarget[]): Promise<NotifyingWorld> {
  const notifying = new NotifyingWorld(t, await World.start())
  await notifying.notifications.follow(targets)
  return notifying
}

t.test(
  'a target is told of what happens from the moment it is there, in order, with all there is to know',
  async (t) => {
    const notifying = await start(t)
    await notifying.create('before')
    await notifying.notifications.follow([target('a')])
    await notifying.create('x', 'y', 'z')
    await notifying.idle('a')
    t.strictSame(notifying.receivers.heard('a'), ['volume.create x', 'volume.create y', 'volume.create z'])
    const [first] = notifying.receivers.notices('a')
    t.match(first, {
      id: 'host-2',
      content: { id: 2, type: 'volume.create', severity: 'info', host: 'h1', daemon: 'convoy' },
    })
    t.match(await notifying.notifications.list(), [
      { name: 'a', kind: 'command', state: 'idle', lastId: 4, pending: 0 },
    ])
  },
)

t.test('each target is told of what it wants, by type, by class and by severity', async (t) => {
  const notifying = await start(
    t,
    target('mounts', only(['volume.mount', 'job'])),
    target('bad', only([], 'warning')),
    target('worst', only(['volume', 'driver'], 'error')),
  )
  const { world, receivers } = notifying
  await notifying.create('db')
  await world.mount('db', 'c1')
  world.core.events.note('driver.unavailable', { driver: 'vfs' })
  world.core.events.note('notify.fail', { target: 'somebody' })
  await world.settle()
  await notifying.idle('mounts', 'bad', 'worst')
  t.strictSame(receivers.heard('mounts'), ['volume.mount db'])
  t.strictSame(receivers.heard('bad'), ['driver.unavailable', 'notify.fail'])
  t.strictSame(receivers.heard('worst'), ['driver.unavailable'])
})

t.test('a target that fails keeps nobody waiting, is said to fail once, and is told all of it later', async (t) => {
  const notifying = await start(t, target('dead'), target('well'))
  const { receivers, world } = notifying
  receivers.refuse('dead')
  await notifying.create('x', 'y')
  await notifying.fails('dead')
  await notifying.create('z')
  await notifying.idle('well')
  const toldWell = ['volume.create x', 'volume.create y', 'volume.create z', 'notify.fail']
  t.strictSame([...receivers.heard('well')].sort(), toldWell.sort())
  t.strictSame(receivers.heard('dead'), [])
  t.match(await notifying.report('dead'), { state: 'failing', pending: 3, lastError: 'dead does not listen' })
  t.equal(world.log.lines.filter(({ level }) => level === 'warn').length, 1)
  receivers.accept('dead')
  await notifying.idle('dead', 'well')
  t.strictSame(receivers.heard('dead'), ['volume.create x', 'volume.create y', 'volume.create z'], 'nothing of itself')
  t.ok(receivers.heard('well').includes('notify.recover'))
  t.strictSame(receivers.violations, [])
})

t.test('targets that all fail do not tell each other of it for ever', async (t) => {
  const notifying = await start(t, target('a'), target('b'), target('c'))
  const { receivers, world } = notifying
  for (const name of ['a', 'b', 'c']) receivers.refuse(name)
  await notifying.create('x')
  await Promise.all(['a', 'b', 'c'].map((name) => notifying.fails(name)))
  const { attempts } = receivers
  await eventually('they have been tried on', () => receivers.attempts > attempts + 30)
  await world.settle()
  const kept = world.database.events.all.map(({ type }) => type)
  t.strictSame(kept, ['volume.create', 'notify.fail', 'notify.fail', 'notify.fail'])
})

t.test('what is too old and cannot be told is left out, and the target hears of the gap', async (t) => {
  const notifying = await start(t, target('a', { giveUpAfterMs: hourMs }))
  const { receivers, world } = notifying
  receivers.refuse('a')
  await notifying.create('old', 'older')
  await notifying.fails('a')
  world.clock.advance(2 * hourMs)
  await notifying.create('young')
  await eventually('it is given up', () => world.log.has('given up'))
  receivers.accept('a')
  await notifying.idle('a')
  const { log } = world
  t.strictSame(receivers.heard('a'), ['gap', 'volume.create young'])
  t.equal(log.lines.filter(({ message }) => message.includes('fails')).length, 1)
  t.equal(world.database.events.all.filter(({ type }) => type === 'notify.fail').length, 1)
  t.match(receivers.notices('a')[0]?.content, { type: 'gap', since: '0', oldest: 4 })
})

t.test('a gap that cannot be told either is told later, as one', async (t) => {
  const notifying = await start(t, target('a', { giveUpAfterMs: hourMs }))
  const { receivers, world } = notifying
  const givenUp = () => world.log.lines.filter(({ message }) => message.includes('given up')).length
  receivers.refuse('a')
  await notifying.create('old')
  for (const [index, name] of ['older', 'young'].entries()) {
    await notifying.fails('a')
    world.clock.advance(2 * hourMs)
    await notifying.create(name)
    await eventually('it is given up', () => givenUp() === index + 1)
  }
  receivers.accept('a')
  await notifying.idle('a')
  t.strictSame(receivers.heard('a'), ['gap', 'volume.create young'])
  t.match(receivers.notices('a')[0]?.content, { since: '0', oldest: 4 })
  t.equal(world.database.events.all.filter(({ type }) => type === 'notify.fail').length, 1)
  t.equal(world.log.lines.filter(({ message }) => message.includes('fails')).length, 1)
})

t.test('an event that is old because nobody was there to tell it is tried as often as any', async (t) => {
  const notifying = await start(t, target('a'))
  const { receivers, world } = notifying
  await notifying.notifications.stop()
  await notifying.create('x')
  world.clock.advance(2 * dayMs)
  receivers.refuse('a', { times: 2 })
  await notifying.restart(target('a'))
  await notifying.idle('a')
  t.strictSame(receivers.heard('a'), ['volume.create x'])
})

t.test('a target that fails now and then is not said to fail', async (t) => {
  const notifying = await start(t, target('a', { retries: 2 }))
  const { receivers, world } = notifying
  receivers.refuse('a', { times: 2 })
  await notifying.create('x')
  await notifying.idle('a')
  t.equal(receivers.attempts, 3)
  t.strictSame(receivers.heard('a'), ['volume.create x'])
  t.strictSame(
    world.database.events.all.map(({ type }) => type),
    ['volume.create'],
  )
  t.notOk(world.log.has('fails'))
})

t.test('a target that fails only to hear of other targets is no news for them', async (t) => {
  const notifying = await start(t, target('a'), target('b'), target('c'))
  const { receivers, world } = notifying
  receivers.refuse('a')
  receivers.refuse('b', { types: 'notify' })
  await notifying.create('x')
  await notifying.fails('b')
  await notifying.idle('c')
  t.strictSame([...receivers.heard('c')].sort(), ['notify.fail', 'volume.create x'])
  t.strictSame(receivers.heard('b'), ['volume.create x'])
  t.equal(world.database.events.all.length, 2)
})

t.test('a target is told of one thing at a time, also by tests and when its options change', async (t) => {
  const notifying = await start(t, target('a'))
  const { receivers, notifications } = notifying
  const release = receivers.hold('a')
  await notifying.create('x')
  await eventually('it is being told', () => receivers.attempts === 1)
  const testing = notifications.test(['a'])
  const following = notifications.follow([target('a'), target('b')])
  await notifying.create('y')
  await notifying.idle('b')
  t.equal(receivers.heard('b').length, 1, 'nobody waits for it')
  t.equal(receivers.heard('a').length, 0)
  release()
  await Promise.all([testing, following])
  await notifying.idle('a')
  t.strictSame([...receivers.heard('a')].sort(), ['notify.test', 'volume.create x', 'volume.create y'], 'each once')
  const releaseAgain = receivers.hold('a')
  const { attempts } = receivers
  const late = notifications.test(['a'])
  await eventually('it is being tested', () => receivers.attempts === attempts + 1)
  const changing = notifications.follow([target('a', { retries: 9 })])
  await notifying.create('z')
  releaseAgain()
  t.match(await late, [{ isDelivered: false }], 'who changes a target breaks off what is under way')
  await changing
  await notifying.idle('a')
  t.strictSame(receivers.violations, [])
  t.equal(receivers.heard('a').at(-1), 'volume.create z')
})

t.test('a target that has heard of nothing yet keeps its place over a kill', async (t) => {
  const notifying = await start(t)
  await notifying.create('before')
  await notifying.notifications.follow([target('a')])
  await notifying.world.settle()
  await notifying.restartAfter(() => notifying.create('missed'), target('a'))
  await notifying.idle('a')
  t.strictSame(notifying.receivers.heard('a'), ['volume.create missed'])
})

t.test('what no target wants is not read for them', async (t) => {
  const notifying = await start(t, target('a', only(['job'])))
  await notifying.create('x')
  await notifying.idle('a')
  const kept = notifying.world.database.events
  const read = kept.read.bind(kept)
  let reads = 0
  kept.read = (query) => {
    reads++
    return read(query)
  }
  await notifying.create('y', 'z')
  await notifying.idle('a')
  t.equal(reads, 0)
  t.match(await notifying.report('a'), { lastId: 3 })
})

t.test('a gap that has been told is not told again, whatever comes after it', async (t) => {
  const notifying = await start(t, target('a'))
  const { world, receivers } = notifying
  await notifying.create('x')
  await notifying.idle('a')
  await notifying.notifications.stop()
  await notifying.create('lost', 'kept')
  await world.ledger.events.prune({ beforeTime: '1970', most: 1, batch: 10 })
  receivers.refuse('a', { types: 'volume' })
  await notifying.restart(target('a'))
  await notifying.fails('a')
  await notifying.restartInOrder(target('a'))
  await notifying.fails('a')
  t.strictSame(receivers.heard('a'), ['volume.create x', 'gap'])
})

t.test('a target that was away for longer than events are kept hears of the gap', async (t) => {
  const notifying = await start(t, target('a'))
  await notifying.create('x')
  await notifying.idle('a')
  await notifying.notifications.stop()
  const { world, receivers } = notifying
  await notifying.create('lost', 'also', 'kept')
  await world.ledger.events.prune({ beforeTime: '1970', most: 1, batch: 10 })
  await notifying.restart(target('a'))
  await notifying.idle('a')
  t.strictSame(receivers.heard('a'), ['volume.create x', 'gap', 'volume.create kept'])
  t.match(receivers.notices('a')[1]?.content, { since: '1', oldest: 4 })
})

t.test('what a target does not want is no gap, however much of it goes', async (t) => {
  const notifying = await start(t, target('a', only(['job'])))
  await notifying.create('x', 'y', 'z')
  await notifying.idle('a')
  const { world, receivers } = notifying
  notifying.notifications.savePositions()
  await world.settle()
  await world.ledger.events.prune({ beforeTime: '1970', most: 1, batch: 10 })
  await notifying.restart(target('a', only(['job'])))
  await notifying.idle('a')
  t.strictSame(receivers.heard('a'), [])
})

t.test('after a restart a target goes on where it was, whatever has become of its options', async (t) => {
  const notifying = await start(t, target('a'))
  await notifying.create('x')
  await notifying.idle('a')
  await notifying.restartInOrder(target('a', { retries: 7 }))
  await notifying.create('y')
  await notifying.notifications.follow([target('a', { retries: 8 })])
  await notifying.create('z')
  await notifying.idle('a')
  t.strictSame(notifying.receivers.heardOnce('a'), ['volume.create x', 'volume.create y', 'volume.create z'])
})

t.test('a target that goes is forgotten: when it comes back it begins with what happens then', async (t) => {
  const notifying = await start(t, target('a'), target('b'))
  await notifying.create('x')
  await notifying.idle('a', 'b')
  await notifying.notifications.follow([target('b')])
  await notifying.create('y')
  await notifying.idle('b')
  await notifying.restart(target('a'), target('b'))
  await notifying.create('z')
  await notifying.idle('a', 'b')
  t.strictSame(notifying.receivers.heard('a'), ['volume.create x', 'volume.create z'])
  t.strictSame(notifying.receivers.heardOnce('b'), ['volume.create x', 'volume.create y', 'volume.create z'])
})

t.test('a test reaches a target with any filter, says what went wrong, and is no event of the volume', async (t) => {
  const notifying = await start(t, target('a', only(['job'])), target('b'))
  const { receivers, notifications, world } = notifying
  receivers.refuse('b')
  t.strictSame(await notifications.test([]), [
    { target: 'a', isDelivered: true },
    { target: 'b', isDelivered: false, error: 'b does not listen' },
  ])
  t.match(receivers.notices('a'), [{ id: /^new-/, content: { type: 'notify.test', target: 'a', host: 'h1' } }])
  t.notOk('id' in (receivers.notices('a')[0]?.content ?? { id: 0 }))
  await t.rejects(notifications.test(['bb']), { code: 'not-found', hint: 'did you mean b?' })
  t.match(await notifying.report('b'), { state: 'idle', lastError: 'b does not listen' })
  t.strictSame(world.database.events.all, [])
})

t.test('a test that succeeds ends the pause of a target that failed', async (t) => {
  const notifying = new NotifyingWorld(t, await World.start())
  const { receivers, world } = notifying
  await notifying.notifications.stop()
  const patient = new Notifications({
    ledger: world.ledger,
    events: world.core.events,
    notifier: receivers.connect(world.faults),
    origin: { host: 'h1', daemon: 'convoy' },
    hostId: 'host',
    now: world.clock.now,
    newId: () => 'new',
    log: world.log,
    // Nothing happens by itself before the test has long ended.
    pausesMs: { first: 1e9, longest: 1e9 },
  })
  notifying.notifications = patient
  await patient.follow([target('a', { retries: 0 })])
  receivers.refuse('a')
  await notifying.create('x')
  await notifying.fails('a')
  receivers.accept('a')
  await patient.test(['a'])
  await notifying.idle('a')
  t.strictSame(receivers.heard('a'), ['notify.test', 'volume.create x'])
})

t.test('a stop waits for no pause and no target', async (t) => {
  const notifying = await start(t, target('a'), target('b'))
  const { receivers } = notifying
  receivers.refuse('a')
  await notifying.create('x')
  await notifying.fails('a')
  await notifying.notifications.stop()
  const { attempts } = receivers
  await notifying.create('y')
  t.equal(receivers.attempts, attempts, 'and nobody is told of anything after it')
})

t.test('a database that cannot be read is waited for', async (t) => {
  const notifying = await start(t, target('a'))
  const { world, receivers } = notifying
  const kept = world.database.events
  const read = kept.read.bind(kept)
  let failures = 3
  kept.read = (query) => {
    if (failures-- > 0) throw new Error('the disk is away')
    return read(query)
  }
  await notifying.create('x')
  await eventually('it is told', () => receivers.heard('a').length > 0)
  t.strictSame(receivers.heard('a'), ['volume.create x'])
})

t.test(
  'without a usable database a target hears of that, and goes on where it was once there is a new one',
  async (t) => {
    const notifying = await start(t, target('a'), target('dead'))
    const { world, receivers } = notifying
    await notifying.create('x')
    await notifying.idle('a', 'dead')
    await world.ledger.backup(world.clock.now())
    await notifying.create('late')
    await notifying.idle('a', 'dead')
    world.database.damage = new ConvoyError('unavailable', 'the database is damaged')
    receivers.refuse('dead')
    await notifying.restart(target('a'), target('dead'))
    await eventually('it hears', () => receivers.heard('a').includes('daemon.degraded'))
    await notifying.fails('dead')
    t.match(await notifying.notifications.test(['a']), [{ isDelivered: true }])
    t.match(await notifying.report('a'), { state: 'idle', pending: 0 })
    await world.core.rebuild.run(world.call())
    receivers.accept('dead')
    await notifying.create('new')
    await notifying.idle('a', 'dead')
    const after = receivers.heard('dead').slice(receivers.heard('dead').lastIndexOf('volume.create late') + 1)
    t.strictSame(after, ['gap', 'daemon.rebuild', 'volume.discover late', 'volume.create new'])
    t.equal(receivers.heard('a').filter((type) => type === 'daemon.degraded').length, 1)
    t.ok(receivers.heard('a').includes('volume.create new'))
  },
)

t.test('more events than one page are told in order, each once', async (t) => {
  const notifying = await start(t, target('a', only(['driver'])))
  const { world, receivers } = notifying
  for (let index = 0; index < 450; index++) world.core.events.note('driver.available', { driver: String(index) })
  await notifying.idle('a')
  const drivers = receivers.notices('a').map(({ content }) => Number(content.driver))
  t.strictSame(
    drivers,
    Array.from({ length: 450 }, (_, index) => index),
  )
})

t.test(
  'a daemon that is killed at any step of telling loses nothing, and repeats at most what it told last',
  async (t) => {
    const run = async (step: number, when: (typeof moments)[number]) => {
      const notifying = await start(t, target('a'))
      const { world, receivers } = notifying
      await notifying.create('x')
      world.faults.arm({ step, when, how: 'crash' })
      await Promise.race([world.faults.death, notifying.create('y', 'z').then(() => notifying.idle('a'))])
      const { struckAt } = world.faults
      world.faults.disarm()
      await notifying.restart(target('a'))
      await notifying.idle('a')
      const durable = world.database.events.all.map(({ type, volume }) => `${type} ${volume ?? ''}`.trim())
      t.strictSame(receivers.heardOnce('a'), durable, `${when} ${struckAt ?? 'nothing'}`)
      const repeats = receivers.notices('a').length - new Set(receivers.notices('a').map(({ id }) => id)).size
      t.ok(repeats <= 1, `${when} ${struckAt ?? 'nothing'}: ${String(repeats)} repeats`)
      await notifying.notifications.stop()
      return struckAt
    }
    const struck: string[] = []
    for (const when of moments) {
      for (let step = 0; step < 30; step++) {
        const at = await run(step, when)
        if (at === undefined) break
        struck.push(at)
      }
    }
    t.ok(struck.some((step) => step.startsWith('notify')) && struck.some((step) => step.includes('commit notify')))
  },
)
