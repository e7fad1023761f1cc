import { setImmediate } from 'node:timers/promises'
import t from 'tap'
import { ConvoyError } from '../../../src/errors.js'
import { pause } from '../../../src/host/clock.js'
import { listAll } from '../../conformance/object-store.js'
import { patientCall } from '../../fakes/memory-object-store.js'
import type { Mishap } from '../../s3/s3-server.js'
import { startS3 } from './s3-world.js'

const call = patientCall()
const large = Buffer.alloc(200_000, 'content ')
const root = 'folder/convoy2/'
const slowDown: Mishap = { status: 503, code: 'SlowDown' }
const internalError: Mishap = { status: 500, code: 'InternalError' }

const passing: Readonly<Record<string, Mishap>> = {
  'a server that has too much to do': slowDown,
  'a server that fails': internalError,
  'a server behind a gateway that fails': { status: 502, code: 'BadGateway' },
  'a connection that breaks before the request was carried out': 'reset-before',
  'a connection that breaks after the request was carried out': 'reset-after',
  'a gateway that answers in place of the server': 'gateway-page',
  'a gateway that says that nothing is there': 'empty-page',
  'an answer that is cut': 'cut',
  'an answer that is changed on the way': 'corrupt',
}

for (const [what, mishap] of Object.entries(passing))
  t.test(`BK01: ${what} is asked again, whatever was asked`, async (t) => {
    const { server, open, pauses } = await startS3(t)
    const store = open()
    server.faults.push(
      ...[/^PUT/, /^GET/, /^HEAD/, /^LIST/, /^REMOVE/].map((match) => ({ match, times: 2, what: mishap })),
    )
    t.match(await store.put('data/ab/1', large, {}, call), { sizeBytes: large.length })
    t.ok((await store.get('data/ab/1', undefined, call)).equals(large))
    t.match(await store.head('data/ab/1', call), { sizeBytes: large.length })
    t.match(await listAll(store), [{ key: 'data/ab/1', sizeBytes: large.length }])
    await store.remove(['data/ab/1'], call)
    t.strictSame([...server.objects.keys()], [])
    t.ok(pauses.length >= 3)
  })

t.test('pauses grow, more so for a server that has too much to do, and end after a while', async (t) => {
  const { server, open, pauses } = await startS3(t)
  const store = open()
  server.faults.push({ match: /^PUT/, times: 100, what: internalError })
  await t.rejects(store.put('data/ab/1', large, {}, call), {
    code: 'unavailable',
    message: /cannot store data\/ab\/1 in s3:/,
  })
  t.strictSame(pauses.splice(0), [100, 200, 400, 800, 1600, 3200, 6400, 10_000, 10_000])
  server.faults.splice(0, 1, { match: /^PUT/, times: 100, what: slowDown })
  await t.rejects(store.put('data/ab/1', large, {}, call), { code: 'unavailable', hint: /--s3-connections/ })
  t.strictSame(pauses, [500, 1000, 2000, 4000, 8000, 10_000, 10_000, 10_000, 10_000])
})

t.test('BK11: a put that may only create, and whose answer was lost, has created it', async (t) => {
  const { server, open } = await startS3(t)
  const store = open()
  for (const key of ['first', 'second']) {
    server.faults.push({ match: new RegExp(`^PUT .*${key}`), what: 'reset-after' })
    await store.put(key, large, { createOnly: true }, call)
    t.ok(server.objects.get(root + key)?.body.equals(large))
  }
  t.equal(store.createOnly, 'atomic')
})

t.test('BK11: a put that may only create, and was lost, finds what another host created meanwhile', async (t) => {
  const { server, open } = await startS3(t)
  const [store, other] = [open(), open()]
  await store.put('known', large, { createOnly: true }, call)
  server.faults.push({ match: /^PUT .*second/, what: 'reset-before' })
  const slow = open({
    pause: async () => {
      await other.put('second', Buffer.from('other'), {}, call)
    },
  })
  await slow.put('known-to-it', large, { createOnly: true }, call)
  await t.rejects(slow.put('second', large, { createOnly: true }, call), { code: 'already-exists' })
  t.equal(String(server.objects.get(`${root}second`)?.body), 'other')
})

t.test('BK01: a body that breaks off is gone on with where it broke, and of the same object only', async (t) => {
  const { server, open } = await startS3(t)
  const store = open()
  const bytes = Buffer.from(Array.from({ length: 100_000 }, (_, at) => at % 251))
  await store.put('data/ab/1', bytes, {}, call)
  server.requests.length = 0
  server.faults.push({ match: /^GET/, times: 3, what: 'cut' })
  t.ok((await store.get('data/ab/1', { offset: 1000, length: 80_000 }, call)).equals(bytes.subarray(1000, 81_000)))
  t.strictSame(server.requests, [
    `GET ${root}data/ab/1 bytes=1000-80999`,
    `GET ${root}data/ab/1 bytes=41000-80999`,
    `GET ${root}data/ab/1 bytes=61000-80999`,
    `GET ${root}data/ab/1 bytes=71000-80999`,
  ])

  // Replaced in the middle: all of it is of the new one.
  server.faults.push({ match: /^GET/, what: 'cut' })
  const replaced = open({
    pause: async () => {
      await store.put('data/ab/1', large, {}, call)
    },
  })
  t.ok((await replaced.get('data/ab/1', { last: 100_000 }, call)).equals(large.subarray(100_000)))
})

t.test('BK01: a connection that breaks again and again is used as long as something arrives', async (t) => {
  const { server, open } = await startS3(t)
  const store = open()
  await store.put('data/ab/1', large, {}, call)
  server.faults.push({ match: /^GET/, times: 14, what: 'cut' })
  t.ok((await store.get('data/ab/1', { last: 200_000 }, call)).equals(large))
})

t.test('BK01: what arrives changed is never returned as the object', async (t) => {
  const { server, open } = await startS3(t)
  const store = open()
  await store.put('config.json', large, {}, call)
  server.faults.push({ match: /^GET/, times: 100, what: 'corrupt' })
  await t.rejects(store.get('config.json', undefined, call), { code: 'unavailable' })
})

t.test('BK01: what was changed on its way to the server is not stored', async (t) => {
  const { server, open } = await startS3(t)
  const store = open()
  server.faults.push({ match: /^PUT/, times: 2, what: 'corrupt-upload' })
  await store.put('data/ab/1', large, {}, call)
  t.ok(server.objects.get(`${root}data/ab/1`)?.body.equals(large))
  t.equal(server.requests.filter((name) => name.startsWith('PUT')).length, 3)
})

t.test('a server that falls silent is asked again', async (t) => {
  const { server, open } = await startS3(t)
  const store = open({ idleTimeoutMs: 150 })
  server.faults.push({ match: /^PUT/, what: 'hang' }, { match: /^GET/, what: 'hang' }, { match: /^GET/, what: 'stall' })
  await store.put('data/ab/1', large, {}, call)
  t.ok((await store.get('data/ab/1', { last: 100_000 }, call)).equals(large.subarray(100_000)))
})

t.test('a call that is given up ends at once, in the middle of a request and of a pause', async (t) => {
  const { server, open } = await startS3(t)
  const patient = open()
  await patient.put('config.json', large, {}, call)
  server.faults.push(
    { match: /^PUT/, what: 'hang' },
    { match: /^GET/, what: 'stall' },
    { match: /^HEAD/, what: slowDown },
  )
  const store = open({ pause })
  const asks: readonly ((given: typeof call) => Promise<unknown>)[] = [
    (given: typeof call) => store.put('config.json', large, {}, given),
    (given: typeof call) => store.get('config.json', { last: 100_000 }, given),
    (given: typeof call) => store.head('config.json', given),
  ]
  for (const ask of asks) {
    const giveUp = new AbortController()
    const before = server.requests.length
    const asking = ask({ ...call, signal: giveUp.signal })
    while (server.requests.length === before) await setImmediate()
    // Long enough for half a body to arrive.
    await pause(50)
    giveUp.abort(new Error('enough'))
    await t.rejects(asking, { code: 'deadline-exceeded' })
  }
  t.equal(server.requests.length, 4, 'and nothing is asked again')
})

t.test('BK03: a list that cannot be true is refused', async (t) => {
  const { server, open } = await startS3(t, { pageSize: 2 })
  const store = open()
  for (const key of ['a', 'b', 'c', 'd']) await store.put(key, large, {}, call)
  const lies: Readonly<Record<string, (keys: readonly string[]) => readonly string[]>> = {
    'order of its keys': (keys) => [...keys].reverse(),
    'the order': (keys) => keys.map(() => `${root}a`),
    'other prefix': (keys) => (keys.includes(`${root}d`) ? [...keys, 'folder/convoy-zzzz'] : keys),
  }
  for (const [what, lie] of Object.entries(lies)) {
    server.alterPage = lie
    await t.rejects(
      listAll(store),
      { code: 'unavailable', message: /cannot list .*: the answer of the server cannot be right/ },
      what,
    )
  }
  server.alterPage = () => []
  t.strictSame(await listAll(store), [], 'but pages may be empty')
})

t.test('what others have put into the folder is left out of lists', async (t) => {
  const { server, open } = await startS3(t)
  const store = open()
  await store.put('data/ab/1', large, {}, call)
  const object = server.objects.get(`${root}data/ab/1`)
  if (object === undefined) throw new Error('it was stored')
  for (const key of ['', 'data/', 'data/a b+c%', 'data/ä', '.DS_Store']) server.objects.set(root + key, object)
  server.objects.set('folder/convoy2-other', object)
  t.match(await listAll(store), [{ key: 'data/ab/1' }])
})

t.test('a server that ignores conditions is found out, and is looked at before', async (t) => {
  for (const conditions of ['ignored', 'refused'] as const) {
    const { server, open } = await startS3(t, { conditions })
    const store = open()
    await store.put('one', large, { createOnly: true }, call)
    t.equal(store.createOnly, 'racy', conditions)
    t.ok(server.objects.get(`${root}one`)?.body.equals(large))
    await t.rejects(store.put('one', Buffer.from('other'), { createOnly: true }, call), { code: 'already-exists' })
    t.ok(server.objects.get(`${root}one`)?.body.equals(large))
  }
})

t.test('a server that heeds conditions is asked no more than it takes', async (t) => {
  const { server, open } = await startS3(t)
  const store = open()
  await store.put('one', large, { createOnly: true }, call)
  server.requests.length = 0
  await store.put('two', large, { createOnly: true }, call)
  await store.put('data/ab/1', large, {}, call)
  t.strictSame(server.requests, [`PUT ${root}two`, `PUT ${root}data/ab/1`])
  server.requests.length = 0
  // Small ones are compared by their times: those come from the same place as in lists.
  await store.put('leases/one', Buffer.from('x'), {}, call)
  t.strictSame(server.requests, [`PUT ${root}leases/one`, `HEAD ${root}leases/one`])
})

t.test('a server that knows no ranges, or says no times, serves as well', async (t) => {
  const { server, open } = await startS3(t, { ranges: 'ignored', dates: 'left-out' })
  const store = open()
  t.equal((await store.put('data/ab/1', large, {}, call)).storedAtMs, server.clock.now().getTime())
  t.ok((await store.get('data/ab/1', { offset: 5, length: 11 }, call)).equals(large.subarray(5, 16)))
  t.ok((await store.get('data/ab/1', { last: 11 }, call)).equals(large.subarray(-11)))
})

t.test('a clock of this host that is wrong is made up for', async (t) => {
  const { server, open } = await startS3(t, { aheadMs: -3_600_000 })
  const store = open()
  const { storedAtMs } = await store.put('data/ab/1', large, {}, call)
  const hourAgoMs = Date.now() - 3_600_000
  t.ok(Math.abs(storedAtMs - hourAgoMs) < 60_000, 'the time is that of the server')
  await store.head('data/ab/1', call)
  t.equal(server.requests.length, 3)
})

t.test('errors say nothing of what the server sent, and hold no keys', async (t) => {
  const { server, open } = await startS3(t)
  const store = open()
  server.faults.push({ match: /^GET/, what: { status: 418, code: 'Teapot' } })
  const thrown = await store.get('config.json', undefined, call).catch((thrown: unknown) => thrown)
  if (!(thrown instanceof ConvoyError)) throw thrown
  t.match(thrown, { code: 'invalid-argument', message: /the server says Teapot, 418/ })
  const all = JSON.stringify([
    thrown.sentence,
    thrown.stack,
    (thrown.cause as Error).message,
    (thrown.cause as Error).stack,
  ])
  t.notMatch(all, /with a secret|test-secret|test-key/)
})
