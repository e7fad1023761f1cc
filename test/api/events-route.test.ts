import t, { type Test } from 'tap'
import { heartbeatMs, mostUnsentBytes } from '../../src/api/event-subscribers.js'
import { ConvoyError } from '../../src/errors.js'
import { eventually } from '../engine/polling.js'
import { named } from '../fakes/world.js'
import { EventReader, type EventRequest } from './event-reader.js'
import { ServedWorld } from './served-world.js'

const read = async (t: Pick<Test, 'teardown'>, served: ServedWorld, request: EventRequest = {}) =>
  EventReader.open(t, served.controlSocket, request)

async function withVolumes(t: Pick<Test, 'teardown'>, ...names: readonly string[]): Promise<ServedWorld> {
  const served = await ServedWorld.start(t)
  for (const name of names) await served.world.create(name)
  await served.world.settle()
  return served
}

t.test('a subscriber is told what happens from now on, with the id where it can resume', async (t) => {
  const served = await withVolumes(t, 'before')
  const reader = await read(t, served)
  t.equal(reader.contentType, 'text/event-stream')
  await eventually('the position comes', () => reader.lastId === 1)
  await served.world.create('db')
  t.strictSame(await reader.until(1), ['volume.create db'])
  t.match(reader.blocks.at(-1), /^id: 2\nevent: volume\.create\ndata: \{.*\}$/)
  t.match(reader.events[0], { id: 2, type: 'volume.create', volume: 'db', driver: 'directory', time: /Z$/ })
  t.notOk(reader.isEnded)
})

t.test('who resumes by id misses nothing and hears nothing twice', async (t) => {
  const served = await withVolumes(t, 'a', 'b', 'c')
  for (const request of [{ query: '?since=1' }, { query: '?since=0', headers: { 'last-event-id': '1' } }]) {
    const reader = await read(t, served, request)
    t.strictSame((await reader.until(2)).slice(0, 2), ['volume.create b', 'volume.create c'])
    reader.close()
  }
  const reader = await read(t, served, { query: '?since=2' })
  await Promise.all(Array.from({ length: 20 }, (_, index) => served.world.create(`n${index}`)))
  await reader.until(21)
  t.strictSame(
    reader.events.map(({ id }) => id),
    Array.from({ length: 21 }, (_, index) => index + 3),
  )
})

t.test('many pages and what happens meanwhile come whole, in order and once', async (t) => {
  const served = await ServedWorld.start(t)
  const { events } = served.world.core
  const note = (count: number) => {
    for (let index = 0; index < count; index++) events.note('daemon.start', { pid: index })
  }
  note(450)
  await served.world.settle()
  const reading = read(t, served, { query: '?since=0' })
  for (let times = 0; times < 50; times++) {
    note(3)
    await new Promise(setImmediate)
  }
  const reader = await reading
  note(1)
  await reader.until(601)
  t.strictSame(
    reader.events.map(({ id }) => id),
    Array.from({ length: 601 }, (_, index) => index + 1),
  )
})

/** Pages of the database, of which the second one (the first only asks for the bounds) waits until it is let go. */
function holdPage(served: ServedWorld, isReadLate: boolean) {
  const { events } = served.world.ledger
  const readNow = events.read.bind(events)
  let pages = 0
  let letGo: () => void = () => undefined
  const gate = new Promise<void>((resolve) => (letGo = resolve))
  events.read = async (query) => {
    if (++pages !== 2) return readNow(query)
    const early = await readNow(query)
    await gate
    return isReadLate ? readNow(query) : early
  }
  return { letGo, reached: () => eventually('the page is on its way', () => pages >= 2) }
}

for (const isReadLate of [true, false]) {
  const where = isReadLate ? 'and is in it' : 'and is not in it'
  t.test(`what becomes durable while a page is on its way, ${where}, comes in its turn and once`, async (t) => {
    const served = await withVolumes(t, 'a', 'b')
    const { letGo, reached } = holdPage(served, isReadLate)
    const reader = await read(t, served, { query: '?since=0' })
    await reached()
    await served.world.create('c')
    await served.world.settle()
    // The page comes between the announcement and the moment at which subscribers are told.
    served.world.core.events.listen(letGo)
    await served.world.create('d')
    await served.world.settle()
    await served.world.create('e')
    await eventually('the last one comes', () => reader.short.includes('volume.create e'))
    t.strictSame(
      reader.events.map(({ id }) => id),
      [1, 2, 3, 4, 5],
    )
  })
}

t.test('without following, the answer ends after what is there', async (t) => {
  const served = await withVolumes(t, 'a', 'b')
  const short = async (query: string) => {
    const reader = await read(t, served, { query })
    await reader.ended()
    return reader.short
  }
  t.strictSame(await short('?follow=false'), ['volume.create a', 'volume.create b'])
  t.strictSame(await short('?follow=false&since=1'), ['volume.create b'])
  t.strictSame(await short('?follow=false&since=1h'), ['volume.create a', 'volume.create b'])
  t.strictSame(await short('?follow=false&since=2026-01-02'), [])
  await served.world.ledger.events.prune({ beforeTime: '1970', most: 1, batch: 9 })
  t.strictSame(await short('?follow=false'), ['volume.create b'], 'all there is, without a complaint')
})

t.test('filters let through what was asked for, before and after the present', async (t) => {
  const served = await withVolumes(t, 'a', 'b')
  const { world } = served
  const mounts = await read(t, served, { query: '?since=0&type=volume.mount,volume.unmount' })
  const ofA = await read(t, served, { query: '?since=0&volume=a&type=volume' })
  await eventually('both have caught up', () => mounts.lastId === 2 && ofA.lastId === 2)
  await world.mount('a', 'c1')
  await world.unmount('a', 'c1')
  await world.mount('b', 'c2')
  t.strictSame(await mounts.until(3), ['volume.mount a', 'volume.unmount a', 'volume.mount b'])
  t.strictSame(await ofA.until(3), ['volume.create a', 'volume.mount a', 'volume.unmount a'])
  await world.create('c')
  await world.settle()
  served.timers.fire(heartbeatMs)
  await eventually('the position passes what was not wanted', () => ofA.lastId === 6)
})

t.test('an id that has been pruned away is answered with a gap first', async (t) => {
  const served = await withVolumes(t, 'a', 'b', 'c', 'd')
  await served.world.ledger.events.prune({ beforeTime: '1970', most: 2, batch: 9 })
  const reader = await read(t, served, { query: '?since=1' })
  t.strictSame(await reader.until(3), ['gap', 'volume.create c', 'volume.create d'])
  t.match(reader.events[0], { type: 'gap', since: '1', oldest: 3 })
  t.notMatch(reader.blocks[0], /^id:/m, 'nobody resumes at a gap')
  const lost = await read(t, served, { headers: { 'last-event-id': '99' } })
  t.strictSame(await lost.until(3), ['gap', 'volume.create c', 'volume.create d'], 'the database was lost')
})

t.test('a subscriber that reads too slowly is cut off, others are not, and it can resume', async (t) => {
  const served = await ServedWorld.start(t)
  const { events } = served.world.core
  const [slow, quick] = await Promise.all([read(t, served), read(t, served)])
  slow.pause()
  const error = 'x'.repeat(1000)
  let sent = 0
  await eventually('it is cut off', async () => {
    for (let index = 0; index < 100; index++) events.note('driver.unavailable', { driver: 'vfs', error })
    sent += 100
    await served.world.settle()
    return served.world.log.has('a subscriber reads too slowly: cut off')
  })
  t.ok(sent * 1000 < 8 * mostUnsentBytes + 2 ** 21, `after ${sent} KB`)
  slow.resume()
  await slow.ended()
  t.notOk(quick.isEnded)
  const again = await read(t, served, { query: `?since=${slow.lastId}` })
  await Promise.all([quick.until(sent), again.until(sent - slow.lastId)])
  t.strictSame(
    [...slow.events, ...again.events].map(({ id }) => id),
    quick.events.map(({ id }) => id),
  )
})

t.test('who reads old events slowly is waited for, with a few pages in memory at most', async (t) => {
  const served = await ServedWorld.start(t)
  const { core, ledger } = served.world
  const count = 4000
  for (let index = 0; index < count; index++) {
    core.events.note('driver.unavailable', { driver: 'vfs', error: 'x'.repeat(1000) })
  }
  await served.world.settle()
  const readNow = ledger.events.read.bind(ledger.events)
  let pages = 0
  ledger.events.read = (query) => {
    pages++
    return readNow(query)
  }
  const reader = await read(t, served, { query: '?since=0&follow=false' })
  reader.pause()
  await new Promise((resolve) => setTimeout(resolve, 300))
  t.ok(pages < 10, `${pages} pages were read`)
  reader.resume()
  await reader.ended()
  t.equal(reader.events.length, count)
})

t.test('a subscriber hears a heartbeat, and one that has gone costs nothing more', async (t) => {
  const served = await ServedWorld.start(t)
  const reader = await read(t, served)
  await eventually('it is there', () => !Number.isNaN(reader.lastId))
  served.timers.fire(heartbeatMs)
  await eventually('a heartbeat comes', () => reader.blocks.some((block) => block.startsWith(': heartbeat')))
  const isBeating = () => served.timers.waiting.some(({ ms }) => ms === heartbeatMs)
  t.ok(isBeating())
  reader.close()
  await eventually('the heart stops', () => !isBeating())
})

t.test('a daemon that stops ends the answers', async (t) => {
  const closing = new AbortController()
  const served = await ServedWorld.start(t, { api: { closing: closing.signal } })
  const reader = await read(t, served)
  closing.abort()
  await reader.ended()
  const late = await read(t, served, { query: '?since=0' })
  await late.ended()
})

t.test('an event is told only once it is durable', async (t) => {
  const served = await withVolumes(t)
  const reader = await read(t, served)
  await eventually('it is there', () => !Number.isNaN(reader.lastId))
  served.world.database.isFull = true
  await t.rejects(served.world.mount('none', 'c1'))
  served.world.core.events.note('daemon.start', {})
  await served.world.settle()
  await new Promise((resolve) => setTimeout(resolve, 50))
  t.strictSame(reader.events, [])
  served.world.database.isFull = false
  await served.world.create('db')
  t.strictSame(await reader.until(2), ['daemon.start', 'volume.create db'])
})

t.test('a degraded daemon says so, and keeps the answer open', async (t) => {
  const damage = new ConvoyError('unavailable', 'the database is damaged', { hint: 'mend it' })
  const served = await ServedWorld.start(t, { damage })
  const reader = await read(t, served, { query: '?since=0' })
  t.strictSame(await reader.until(1), ['daemon.degraded'])
  t.notOk(reader.isEnded)
  const finite = await read(t, served, { query: '?follow=false' })
  await finite.ended()
  t.strictSame(finite.short, ['daemon.degraded'])
  await served.control('POST', '/v1/rebuild', {})
  t.strictSame(await reader.until(2), ['daemon.degraded', 'daemon.rebuild'], 'and tells what follows once it is mended')
})

t.test('a database that cannot be read is an answer, not a hang', async (t) => {
  const served = await ServedWorld.start(t)
  served.world.ledger.events.read = () => Promise.reject(new ConvoyError('unavailable', 'the disk is gone'))
  const answer = await served.control('GET', '/v1/events?since=0')
  t.match(answer, { status: 503, body: { error: { code: 'unavailable', message: 'the disk is gone' } } })
})

t.test('hostile queries are refused by name', async (t) => {
  const served = await withVolumes(t, 'a')
  const queries = [
    'since=',
    'since=-1',
    'since=never',
    `since=${'9'.repeat(70)}`,
    'since=1&since=2',
    'type=nothing',
    'type=',
    "type=volume'%20OR%201=1",
    'type=__proto__',
    'volume=',
    'volume=../etc',
    'volume=%00',
    `volume=${'a'.repeat(300)}`,
    'follow=maybe',
    'unknown=1',
  ]
  for (const query of queries) {
    const answer = await served.control('GET', `/v1/events?${query}`)
    t.match(answer, { status: 400, body: { error: { code: 'invalid-argument' } } }, query)
  }
  const reader = await read(t, served, { query: '?since=0', headers: { 'last-event-id': 'abc' } })
  t.equal(reader.status, 400)
  t.equal((await served.control('POST', '/v1/events')).status, 405)
  t.ok(served.world.core.volumes.find(named('a')), 'and it still answers')
})
