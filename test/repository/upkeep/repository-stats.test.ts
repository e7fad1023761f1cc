import t from 'tap'
import { deleteBackup } from '../../../src/repository/upkeep/delete-backup.js'
import type { RepositoryProgress } from '../../../src/repository/progress.js'
import { readStats } from '../../../src/repository/upkeep/repository-stats.js'
import { MemoryBucket } from '../../fakes/memory-object-store.js'
import { TinyHost } from '../tiny-world.js'

const contents = (...words: readonly string[]) => words.map((word) => word.repeat(40))

t.test('a repository is counted by volume, by what is different in it, and by what a prune would free', async (t) => {
  const bucket = new MemoryBucket()
  const host = await TinyHost.start(bucket)
  const { repository, call } = host
  await host.backUp({ volume: 'db1', name: 'backup-1', contents: contents('a', 'b'), createdAtMs: 1000 })
  await host.backUp({ volume: 'db1', name: 'backup-2', contents: contents('a', 'b', 'c'), createdAtMs: 500 })
  await host.backUp({ volume: 'db2', name: 'backup-3', contents: contents('c', 'x', 'y'), createdAtMs: 700 })
  const progress: RepositoryProgress[] = []
  const stats = await readStats(repository, { onProgress: (one) => progress.push(one) }, call)
  t.strictSame(stats.volumes, [
    { volume: 'db1', backups: 2, newestAtMs: 1000, newestBytes: 80, bytes: 200 },
    { volume: 'db2', backups: 1, newestAtMs: 700, newestBytes: 120, bytes: 120 },
  ])
  t.equal(stats.backups, 3)
  t.equal(stats.bytes, 320)
  t.equal(stats.reclaimableBytes, 0)
  t.equal(progress.at(-1)?.filesDone, 8)
  const sizeOf = (prefix: string) => bucket.keys(prefix).reduce((sum, key) => sum + bucket.bytes(key).length, 0)
  t.strictSame(stats.packs.data, { packs: bucket.keys('data/').length, bytes: sizeOf('data/') })
  t.strictSame(stats.packs.meta, { packs: bucket.keys('meta/').length, bytes: sizeOf('meta/') })
  t.ok(stats.uniqueBytes > 5 * 40 && stats.uniqueStoredBytes < sizeOf(''))

  await deleteBackup(repository, { volume: 'db2', name: 'backup-3' }, call)
  const after = await readStats(repository, {}, call)
  t.ok(after.reclaimableBytes > 0)
  const { unused, sparse } = await host.prune({ action: 'report' })
  t.equal(after.reclaimableBytes, unused.bytes + sparse.bytes - sparse.liveBytes)
})

t.test('a backup that cannot be read is counted as such', async (t) => {
  const bucket = new MemoryBucket()
  const host = await TinyHost.start(bucket)
  await host.backUp({ volume: 'db1', name: 'backup-1', contents: contents('a') })
  for (const key of bucket.keys('backups/')) bucket.damage(key, (bytes) => bytes.fill(0, 60))
  t.match(await readStats(host.repository, {}, host.call), { backups: 0, unreadableBackups: 1, volumes: [] })
})
