import t from 'tap'
import { deleteBackup } from '../../../src/repository/upkeep/delete-backup.js'
import { MemoryBucket } from '../../fakes/memory-object-store.js'
import { TinyHost } from '../tiny-world.js'

const backup = { volume: 'db1', name: 'backup-0000000000000001' }

t.test('a backup is deleted once, and only its record goes', async (t) => {
  const bucket = new MemoryBucket()
  const host = await TinyHost.start(bucket)
  const { repository, call } = host
  await host.backUp({ ...backup, contents: ['a'] })
  const before = bucket.keys()
  t.equal(await deleteBackup(repository, backup, call), true)
  t.strictSame(
    bucket.keys(),
    before.filter((key) => !key.startsWith('backups/')),
  )
  t.equal(await deleteBackup(repository, backup, call), false)
})

t.test('what keeps a host from committing a backup is no backup, and stays', async (t) => {
  const bucket = new MemoryBucket()
  const { repository, call, store } = await TinyHost.start(bucket)
  const key = `backups/db1/${backup.name}`
  await store.put(key, Buffer.alloc(0), {}, call)
  t.equal(await deleteBackup(repository, backup, call), false)
  t.strictSame(bucket.keys('backups/'), [key])
})
