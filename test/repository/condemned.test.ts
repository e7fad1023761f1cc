import { randomBytes } from 'node:crypto'
import fc from 'fast-check'
import t from 'tap'
import { isConvoyError } from '../../src/errors.js'
import {
  type CondemnedList,
  findUnreadableLists,
  newCondemnedKey,
  parseCondemnedList,
  putCondemnedList,
  readCondemnedLists,
} from '../../src/repository/condemned.js'
import {
  damageKeyOf,
  findPackOfDamageKey,
  markDamaged,
  parseDamageReport,
  readDamageReport,
} from '../../src/repository/damage-report.js'
import { MemoryBucket, MemoryObjectStore, patientCall } from '../fakes/memory-object-store.js'
import { openMemoryRepository } from './memory-repository.js'

const call = patientCall()

async function setUp(before?: (step: string) => void) {
  const bucket = new MemoryBucket()
  const repository = await openMemoryRepository(new MemoryObjectStore({ bucket, ...(before && { before }) }))
  return { bucket, repository }
}

t.test('a list of condemned packs is read as it was stored, before and after it names writers', async (t) => {
  const { repository } = await setUp()
  const packs = (['data', 'meta', 'data'] as const).map((kind) => ({ kind, id: randomBytes(32) }))
  const list: CondemnedList = { key: newCondemnedKey(), packs: packs.toSorted((a, b) => (a.kind < b.kind ? -1 : 1)) }
  await putCondemnedList(repository, list, call)
  t.strictSame(await readCondemnedLists(repository, call), [list])
  const named = { ...list, leases: ['leases/write-1'] }
  await putCondemnedList(repository, named, call)
  t.strictSame(await readCondemnedLists(repository, call), [named])
})

t.test('a list that goes while it is read is no list any more', async (t) => {
  const { bucket, repository } = await setUp((step) => {
    if (step.startsWith('get condemned/')) bucket.objects.delete(step.slice('get '.length))
  })
  await putCondemnedList(repository, { key: newCondemnedKey(), packs: [] }, call)
  t.strictSame(await readCondemnedLists(repository, call), [])
})

t.test('a list that does not open is named, and stops whoever has to know it', async (t) => {
  const { bucket, repository } = await setUp()
  const [good, bad] = [newCondemnedKey(), newCondemnedKey()]
  await putCondemnedList(repository, { key: good, packs: [] }, call)
  await putCondemnedList(repository, { key: bad, packs: [] }, call)
  t.strictSame(await findUnreadableLists(repository, call), [])
  bucket.damage(bad, (bytes) => bytes.fill(0, 50))
  await t.rejects(readCondemnedLists(repository, call), { code: 'damaged' })
  t.strictSame(await findUnreadableLists(repository, call), [bad])
})

t.test('a report of damage takes the place of the one before', async (t) => {
  const { repository } = await setUp()
  const pack = randomBytes(32).toString('hex')
  const report = { pack, kind: 'data', foundAtMs: 5, chunks: [randomBytes(32).toString('hex')] } as const
  await markDamaged(repository, report, call)
  t.strictSame(await readDamageReport(repository, damageKeyOf(pack), call), report)
  const worse = { ...report, chunks: 'all' } as const
  await markDamaged(repository, worse, call)
  t.strictSame(await readDamageReport(repository, damageKeyOf(pack), call), worse)
  t.equal(await readDamageReport(repository, damageKeyOf('00'.repeat(32)), call), undefined)
  t.equal(findPackOfDamageKey(damageKeyOf(pack)), pack)
  t.equal(findPackOfDamageKey(`damaged/${pack}0`), undefined)
})

t.test('whatever the payload of a list or a report is, it is read or refused', async (t) => {
  const hexId = fc.uint8Array({ minLength: 32, maxLength: 32 }).map((bytes) => Buffer.from(bytes).toString('hex'))
  const json = fc.record(
    {
      data: fc.oneof(fc.array(fc.oneof(hexId, fc.string())), fc.jsonValue()),
      meta: fc.oneof(fc.array(hexId), fc.jsonValue()),
      leases: fc.oneof(fc.array(fc.string()), fc.jsonValue()),
      pack: fc.oneof(hexId, fc.jsonValue()),
      kind: fc.constantFrom('data', 'meta', 'other', 5),
      foundAtMs: fc.jsonValue(),
      chunks: fc.oneof(fc.constant('all'), fc.array(fc.oneof(hexId, fc.string())), fc.jsonValue()),
    },
    { requiredKeys: [] },
  )
  const payloads = fc.oneof(
    json.map((value) => Buffer.from(JSON.stringify(value))),
    fc.uint8Array().map((bytes) => Buffer.from(bytes)),
  )
  const isReadOrRefused = (read: () => unknown) => {
    try {
      read()
      return true
    } catch (thrown) {
      return isConvoyError(thrown, 'damaged')
    }
  }
  const property = fc.property(
    payloads,
    (payload) =>
      isReadOrRefused(() => parseCondemnedList('condemned/1', payload)) &&
      isReadOrRefused(() => parseDamageReport(payload)),
  )
  t.doesNotThrow(() => fc.assert(property, { numRuns: 500 }))
})
