import t from 'tap'
import { retireBackups } from '../../../src/repository/upkeep/retire-backups.js'
import { MemoryBucket } from '../../fakes/memory-object-store.js'
import { TinyHost } from '../tiny-world.js'

const now = () => new Date(10_000)

async function setUp() {
  const bucket = new MemoryBucket()
  const host = await TinyHost.start(bucket)
  for (const [at, volume] of ['db1', 'db1', 'db1', 'db2', 'db2'].entries())
    await host.backUp({
      volume,
      name: `backup-${at}`,
      contents: [`${at}`],
      createdAtMs: at,
      tags: at === 0 ? ['x'] : [],
    })
  return { bucket, host }
}

t.test('a policy removes the backups that it does not keep', async (t) => {
  const { bucket, host } = await setUp()
  const before = bucket.keys('backups/')
  const request = { policy: { last: 1, tags: ['x'] } }
  const plan = await retireBackups(host.repository, { ...request, action: 'report' }, { now }, host.call)
  t.strictSame(bucket.keys('backups/'), before)
  const report = await retireBackups(host.repository, { ...request, action: 'remove' }, { now }, host.call)
  t.strictSame(report, plan)
  t.strictSame(bucket.keys('backups/'), ['backups/db1/backup-0', 'backups/db1/backup-2', 'backups/db2/backup-4'])
})

t.test('other volumes than those that are named are left alone', async (t) => {
  const { bucket, host } = await setUp()
  const request = { policy: { last: 1 }, volumes: ['db2'], action: 'remove' } as const
  const { verdicts } = await retireBackups(host.repository, request, { now }, host.call)
  t.equal(verdicts.length, 2)
  t.equal(bucket.keys('backups/db1/').length, 3)
  t.strictSame(bucket.keys('backups/db2/'), ['backups/db2/backup-4'])
})

t.test('what cannot be read is kept, and named', async (t) => {
  const { bucket, host } = await setUp()
  bucket.damage('backups/db1/backup-1', (bytes) => bytes.fill(0, 60))
  const request = { policy: { last: 1 }, action: 'remove' } as const
  const { unreadable } = await retireBackups(host.repository, request, { now }, host.call)
  t.match(unreadable, [{ volume: 'db1', name: 'backup-1' }])
  t.strictSame(bucket.keys('backups/db1/'), ['backups/db1/backup-1', 'backups/db1/backup-2'])
})
