import t from 'tap'
import type { CallContext } from '../../src/model/call-context.js'
import { Lease, type LeaseClaim } from '../../src/repository/lease.js'
import { endLease, isExpired, listLeases } from '../../src/repository/lease-list.js'
import { readLeases } from '../../src/repository/upkeep/read-leases.js'
import { ManualPause } from '../fakes/manual-pause.js'
import { MemoryBucket, MemoryObjectStore, patientCall } from '../fakes/memory-object-store.js'
import { openMemoryRepository } from './memory-repository.js'

const minuteMs = 60_000
const write: LeaseClaim = { mode: 'write', operation: 'backup of db1', record: 'backups/db1/backup-0123456789abcdef' }
const prune: LeaseClaim = { mode: 'prune', operation: 'prune' }

async function setUp(call: CallContext = patientCall(), createOnly: 'atomic' | 'racy' = 'atomic') {
  const bucket = new MemoryBucket()
  const store = new MemoryObjectStore({ bucket, createOnly })
  const repository = await openMemoryRepository(store)
  const pause = new ManualPause()
  const take = (claim: LeaseClaim) =>
    Lease.take(repository, claim, { pause: pause.pause, hostName: 'h1', pid: 7 }, call)
  const advance = async (ms: number) => {
    bucket.clock.advance(ms)
    await pause.advance(ms)
  }
  return { bucket, store, repository, pause, take, advance, call }
}

t.test('a lease says who is at work until it is released', async (t) => {
  const { bucket, repository, take, call } = await setUp()
  const lease = await take(write)
  const startedAtMs = bucket.clock.now().getTime()
  t.match(await listLeases(repository, call), [{ ...write, key: lease.key, host: 'h1', pid: 7, startedAtMs }])
  await lease.release()
  t.strictSame(bucket.keys('leases/'), [])
})

t.test('a lease refreshes itself, and keeps saying when it began', async (t) => {
  const { bucket, repository, take, advance, call } = await setUp()
  const startedAtMs = bucket.clock.now().getTime()
  const lease = await take(write)
  for (let minute = 0; minute < 20; minute++) await advance(minuteMs)
  const nowMs = await lease.check(call)
  t.equal(nowMs, startedAtMs + 20 * minuteMs)
  const [info] = await listLeases(repository, call)
  t.equal(info?.startedAtMs, startedAtMs)
  t.equal(info?.refreshedAtMs, nowMs)
  t.equal(lease.failure, undefined)
  await lease.release()
})

t.test('a lease that was not refreshed in time is lost for good', async (t) => {
  const { bucket, take, advance, call } = await setUp()
  const lease = await take(write)
  bucket.clock.advance(5 * minuteMs)
  await lease.check(call)
  bucket.clock.advance(5 * minuteMs + 1)
  await t.rejects(lease.check(call), { code: 'unavailable', message: /was not refreshed for 300 s/ })
  await t.rejects(lease.check(call), { code: 'unavailable' })
  t.match(lease.failure, { code: 'unavailable' })
  await advance(20 * minuteMs)
  await lease.release()
})

t.test('a lease that somebody removed is lost', async (t) => {
  const { store, take, advance, call } = await setUp()
  const lease = await take(write)
  await store.remove([lease.key], call)
  await advance(minuteMs)
  t.match(lease.failure, { code: 'unavailable', message: /has been removed/ })
  await t.rejects(lease.check(call), { code: 'unavailable' })
  await lease.release()
})

t.test('a refresh that fails is repeated sooner', async (t) => {
  const { store, take, advance, call } = await setUp()
  const lease = await take(write)
  store.injector.arm({ step: 'put leases/', when: 'before', how: 'fail' })
  await advance(minuteMs)
  t.equal(store.injector.struckAt, `put ${lease.key}`)
  store.injector.arm()
  await advance(10_000)
  t.ok(store.injector.steps.includes(`put ${lease.key}`))
  await lease.check(call)
  await lease.release()
})

t.test('a call that is given up ends neither refreshing nor the release', async (t) => {
  const end = new AbortController()
  const { bucket, take, advance } = await setUp({ ...patientCall(), signal: end.signal })
  const lease = await take(write)
  end.abort()
  await advance(minuteMs)
  t.equal(lease.failure, undefined)
  await lease.release()
  t.strictSame(bucket.keys('leases/'), [])
})

t.test('a release waits for a refresh that is on its way', async (t) => {
  const { bucket, store, pause, call } = await setUp()
  let arrive: () => void = () => undefined
  const slow = new MemoryObjectStore({
    bucket,
    before: (step) =>
      step.startsWith('put leases/') && isSlow ? new Promise((resolve) => (arrive = resolve)) : undefined,
  })
  let isSlow = false
  const there = await openMemoryRepository(slow)
  const lease = await Lease.take(there, write, { pause: pause.pause, hostName: 'h1', pid: 7 }, call)
  isSlow = true
  await pause.advance(minuteMs)
  const released = lease.release()
  arrive()
  await released
  t.equal(await store.head(lease.key, call), undefined)
})

t.test('a lease that cannot be removed is left to expire', async (t) => {
  const { bucket, store, take } = await setUp()
  const lease = await take(write)
  store.injector.arm({ step: 'remove leases/', when: 'before', how: 'fail' })
  await lease.release()
  t.strictSame(bucket.keys('leases/'), [lease.key])
})

t.test('writers exclude nobody, and of two prunes the younger gives way', async (t) => {
  const { bucket, take, call } = await setUp()
  const writers = [await take(write), await take(write)]
  const first = await take(prune)
  bucket.clock.advance(1)
  await t.rejects(take(prune), { code: 'in-use', message: 'prune is under way in memory:, by h1 (7)' })
  t.equal(bucket.keys('leases/prune-').length, 1)
  await first.check(call)
  await first.release()
  for (const lease of [await take(prune), ...writers]) await lease.release()
})

t.test('of two prunes that began at the same time one comes through', async (t) => {
  const { bucket, take, advance } = await setUp()
  let taken = 0
  const takes = [take(prune), take(prune)].map((one) =>
    one.then(
      (lease) => {
        taken += 1
        return lease
      },
      () => undefined,
    ),
  )
  for (let second = 0; second < 40; second++) await advance(1000)
  const leases = (await Promise.all(takes)).filter((lease) => lease !== undefined)
  t.equal(taken, 1)
  t.equal(bucket.keys('leases/').length, 1)
  for (const lease of leases) await lease.release()
})

t.test('a prune that has died holds no other up for longer than six minutes', async (t) => {
  const { bucket, take } = await setUp()
  await take(prune)
  bucket.clock.advance(6 * minuteMs)
  await t.rejects(take(prune), { code: 'in-use' })
  bucket.clock.advance(1)
  await (await take(prune)).release()
})

t.test('what others take for expired, its holder has taken for lost before', async (t) => {
  const { bucket, repository, take, call } = await setUp()
  const lease = await take(write)
  const [info] = await listLeases(repository, call)
  bucket.clock.advance(5 * minuteMs + 1)
  t.notOk(isExpired(info!, bucket.clock.now().getTime()))
  await t.rejects(lease.check(call))
  await lease.release()
})

t.test('the place of the backup is taken before its lease is ended', async (t) => {
  const { bucket, repository, store, take, call } = await setUp()
  const lease = await take(write)
  const [info] = await listLeases(repository, call)
  await endLease(repository, info!, call)
  t.strictSame(store.injector.steps.slice(-2), [`put ${write.record}`, `remove ${lease.key}`])
  t.equal(bucket.bytes(write.record!).length, 0)
  await t.rejects(lease.check(call), { code: 'unavailable' })
  await lease.release()
})

t.test('a backup that was committed before its lease is ended stays', async (t) => {
  const { bucket, repository, take, call } = await setUp()
  await take(write)
  await repository.putSealed(write.record!, Buffer.from('{}'), {}, call)
  for (const info of await listLeases(repository, call)) await endLease(repository, info, call)
  t.ok(bucket.bytes(write.record!).length > 0)
  t.strictSame(bucket.keys('leases/'), [])
})

t.test('a lease that does not open counts by its key', async (t) => {
  const { bucket, repository, take, call } = await setUp()
  const leases = [await take(write), await take(prune)]
  for (const { key } of leases) bucket.damage(key, (bytes) => bytes.fill(0, 60))
  const found = await listLeases(repository, call)
  t.strictSame(
    found.map(({ mode, host }) => ({ mode, host })),
    [
      { mode: 'prune', host: 'an unknown host' },
      { mode: 'write', host: 'an unknown host' },
    ],
  )
  for (const lease of leases) await lease.release()
})

t.test('a lease names no place but that of a backup', async (t) => {
  const { bucket, repository, take, call } = await setUp()
  await take({ ...write, record: '../config.json' })
  const [info] = await listLeases(repository, call)
  t.equal(info?.record, undefined)
  await endLease(repository, info!, call)
  t.strictSame(bucket.keys('backups/'), [])
})

t.test('leases are read with their ages, without the reader’s own', async (t) => {
  const { bucket, repository, pause, take, call } = await setUp()
  const old = await take(write)
  bucket.clock.advance(7 * minuteMs)
  const fresh = await take(write)
  const leases = await readLeases(repository, { pause: pause.pause, hostName: 'h2', pid: 1 }, call)
  const ages = new Map(leases.map(({ key, isExpired }) => [key, isExpired]))
  t.strictSame(ages, new Map([...ages].filter(([key]) => key === old.key || key === fresh.key)))
  t.equal(ages.get(old.key), true)
  t.equal(ages.get(fresh.key), false)
  t.equal(bucket.keys('leases/').length, 2)
})
