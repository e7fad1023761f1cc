import { randomBytes } from 'node:crypto'
import * as fs from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { choosePacks } from '../../../src/repository/verify/pack-choice.js'
import { RepositoryIndex } from '../../../src/repository/repository-index.js'
import { verify, type VerifyRequest } from '../../../src/repository/verify/verify.js'
import { type MemoryBucket, MemoryObjectStore, patientCall } from '../../fakes/memory-object-store.js'
import { memoryDirectory } from '../../host/memory-directory.js'
import { firstBackup, HandMadeRepository, volume } from '../hand-made-repository.js'

const call = patientCall()

async function backedUp(t: Test) {
  const source = join(memoryDirectory(t), 'source')
  fs.mkdirSync(join(source, 'folder'), { recursive: true })
  fs.writeFileSync(join(source, 'folder/large'), randomBytes(300_000))
  fs.writeFileSync(join(source, 'folder/small'), 'small')
  fs.writeFileSync(join(source, 'other'), Buffer.alloc(100_000, 'other'))
  const store = new MemoryObjectStore()
  const made = await HandMadeRepository.make(store, 1000)
  await made.backUp(source)
  const look = (request: Partial<VerifyRequest> = {}) =>
    verify(made.repository, { readData: 'none', marks: false, ...request }, { threads: 1, now: () => 7 }, call)
  return { source, made, look, bucket: store.bucket }
}

/** It holds a chunk of the large file, and nothing else. */
function largestPack(bucket: MemoryBucket): string {
  return [...bucket.keys('data/')].sort((a, b) => bucket.bytes(b).length - bucket.bytes(a).length)[0] ?? ''
}

t.test('a healthy repository is healthy, however much of it is read', async (t) => {
  const { look, bucket } = await backedUp(t)
  const packs = bucket.keys('data/').length + bucket.keys('meta/').length
  const shallow = { isHealthy: true, backups: 1, packs, packsRead: 0, damaged: [], affected: [], orphans: 0 }
  t.match(await look(), shallow)
  t.match(await look({ readData: 'all' }), { isHealthy: true, packsRead: packs })
  t.match(await look({ readData: { percent: 50 } }), { isHealthy: true, packsRead: Math.ceil(packs / 2) })
  t.equal(bucket.replaced.length, 0, 'it writes nothing')
})

t.test('a pack that is missing is told with all that is missed, without reading anything', async (t) => {
  const { look, bucket } = await backedUp(t)
  const key = largestPack(bucket)
  bucket.objects.delete(key)
  const report = await look()
  t.match(report, { isHealthy: false, packsRead: 0, damaged: [{ kind: 'pack', key, message: 'it is missing' }] })
  t.match(report.affected, [{ volume, name: firstBackup, pathCount: 1 }])
  t.match(report.affected[0]?.paths[0]?.message, /its chunk [0-9a-f]{64} is in no pack that is there/)
})

t.test('a pack that nobody needs may be missing', async (t) => {
  const { made, look, bucket } = await backedUp(t)
  const before = bucket.keys('data/')
  await made.putBlob('data', Buffer.from('nobody needs it'))
  await made.flush()
  for (const key of bucket.keys('data/')) if (!before.includes(key)) bucket.objects.delete(key)
  t.match(await look({ readData: 'all' }), { isHealthy: true, damaged: [] })
})

t.test(
  'damage is marked when that is wanted: new backups do not rely on it, and old ones keep what is healthy',
  async (t) => {
    const { made, look, bucket } = await backedUp(t)
    const key = largestPack(bucket)
    bucket.damage(key, (bytes) => {
      bytes[100] = (bytes[100] ?? 0) ^ 1
      return bytes
    })
    t.match(await look(), { isHealthy: true }, 'nobody looked at it')
    t.match(await look({ readData: 'all' }), { isHealthy: false, damaged: [{ kind: 'pack', key }] })
    t.strictSame(bucket.keys('damaged/'), [])
    await look({ readData: 'all', marks: true })
    t.strictSame(bucket.keys('damaged/'), [`damaged/${key.slice(-64)}`])
    const index = await RepositoryIndex.load(made.repository, { purpose: 'write' }, call)
    t.equal(index.packs.find(({ id }) => key.endsWith(id.toString('hex')))?.state, 'damaged')
    t.match(await look(), { isHealthy: false, packsRead: 1, damaged: [{ key }] }, 'what is marked is always looked at')
  },
)

t.test('what two backups share is looked at once, and told of both', async (t) => {
  const { source, made, look, bucket } = await backedUp(t)
  await made.backUp(source, 'backup-0000000000000002')
  const [key = ''] = bucket.keys('data/')
  bucket.objects.delete(key)
  const { affected } = await look()
  t.strictSame(affected.map(({ name }) => name).sort(), [firstBackup, 'backup-0000000000000002'])
  t.strictSame(affected[0]?.paths, affected[1]?.paths)
})

t.test('a record that does not open is told, and the other backups are looked at', async (t) => {
  const { source, made, look, bucket } = await backedUp(t)
  await made.backUp(source, 'backup-0000000000000002')
  const key = `backups/${volume}/${firstBackup}`
  bucket.damage(key, (bytes) => bytes.subarray(1))
  const report = await look()
  t.match(report, { isHealthy: false, backups: 2, damaged: [{ kind: 'record', key }] })
  t.match(report.affected, [{ name: firstBackup, paths: [{ path: '.' }] }])
  t.equal(report.affected.length, 1)
})

t.test('leases, marks and key slots are looked at too', async (t) => {
  const { made, look, bucket } = await backedUp(t)
  await made.repository.putSealed('leases/write-1', Buffer.from('{}'), {}, call)
  t.match(await look(), { isHealthy: true })
  bucket.damage('leases/write-1', () => Buffer.from('nonsense'))
  await made.store.put('keys/0123456789abcdef.json', Buffer.from('nonsense'), {}, call)
  const kinds = (await look()).damaged.map(({ kind }) => kind)
  t.strictSame(kinds.sort(), ['key-slot', 'lease'])
})

t.test('shares of a repository are all of it in turns, and make sense', async (t) => {
  const packs = Array.from({ length: 300 }, (_, index) => ({ id: Buffer.of(index & 0xff, index) }))
  const shares = [1, 2, 3, 4, 5, 6, 7].flatMap((share) => choosePacks(packs, { share, of: 7 }))
  t.equal(new Set(shares).size, 300)
  t.equal(shares.length, 300)
  t.equal(new Set(choosePacks(packs, { percent: 10 })).size, 30)
  t.equal(choosePacks(packs.slice(0, 3), { percent: 1 }).length, 1, 'one at least')
  t.strictSame(choosePacks([], { percent: 50 }), [])
  for (const choice of [
    { share: 0, of: 7 },
    { share: 8, of: 7 },
    { share: 1, of: 257 },
    { share: 1.5, of: 3 },
  ])
    t.throws(() => choosePacks(packs, choice), { code: 'invalid-argument' })
  for (const percent of [0, 101, Number.NaN])
    t.throws(() => choosePacks(packs, { percent }), { code: 'invalid-argument' })
})

t.test('a verification that is stopped ends', async (t) => {
  const { made } = await backedUp(t)
  const stop = new AbortController()
  stop.abort()
  const request = { readData: 'all', marks: true } as const
  const stopped = { ...call, signal: stop.signal }
  await t.rejects(verify(made.repository, request, { now: () => 0 }, stopped), { code: 'deadline-exceeded' })
})
