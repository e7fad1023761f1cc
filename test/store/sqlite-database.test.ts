import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { parseMountId } from '../../src/model/mount.js'
import { Ledger } from '../../src/store/ledger.js'
import { SqliteDatabase } from '../../src/store/sqlite-database.js'
import { listBackups } from '../../src/store/backups.js'
import { openSqliteCopy } from '../../src/store/sqlite-file.js'
import { openTables } from '../../src/store/tables.js'
import { putVolume, volumeRow } from './rows.js'

async function open(root: string) {
  const { database, contents } = await SqliteDatabase.open(root)
  return { database, ledger: new Ledger(database, contents, setImmediate) }
}

/** Transactions in the write-ahead log: the frames that say how large the database is once they are committed. */
function countTransactions(root: string): number {
  const log = readFileSync(join(root, 'convoy.db-wal'))
  const pageSize = log.readUInt32BE(8)
  let count = 0
  for (let at = 32; at + 24 + pageSize <= log.length; at += 24 + pageSize) if (log.readUInt32BE(at + 4) > 0) count++
  return count
}

t.test('many changes at once share few transactions, and so few fsyncs', async (t) => {
  const root = t.testdir()
  const { ledger } = await open(root)
  const before = countTransactions(root)
  await Promise.all(Array.from({ length: 200 }, (_, index) => ledger.commit('create-intent', putVolume(`v${index}`))))
  t.equal(countTransactions(root) - before, 1)
  for (let index = 0; index < 3; index++) await ledger.commit('create-intent', putVolume(`w${index}`))
  t.equal(countTransactions(root) - before, 4, 'one after the other is one transaction each')
  await ledger.close()
})

t.test('of a batch only the change that cannot be kept is refused', async (t) => {
  const root = t.testdir()
  const { ledger } = await open(root)
  const impossible = { volume: volumeRow('b').name, id: parseMountId('a1'), count: 0, epoch: 0, mountedAt: 'now' }
  const outcomes = await Promise.allSettled([
    ledger.commit('create-intent', putVolume('a')),
    ledger.commit('mount', putVolume('b'), { put: 'mount', row: impossible }),
    ledger.commit('create-intent', putVolume('c')),
  ])
  t.strictSame(
    outcomes.map(({ status }) => status),
    ['fulfilled', 'rejected', 'fulfilled'],
  )
  t.match(outcomes[1], { reason: { code: 'unavailable', message: /CHECK constraint/ } })
  t.strictSame([...ledger.volumes.keys()].map(String), ['a', 'c'], 'nothing of it is visible')
  await ledger.close()
  const again = await open(root)
  t.strictSame([...again.ledger.volumes.keys()].map(String), ['a', 'c'], 'and nothing of it was kept')
  await again.ledger.close()
})

t.test('DB14: the log does not grow without bound', { timeout: 120_000 }, async (t) => {
  const root = t.testdir()
  const { ledger } = await open(root)
  const sizes: number[] = []
  for (let index = 0; index < 1500; index++) {
    await ledger.commit('mount', putVolume(`v${index % 10}`, { sizeBytes: index }))
    if (index % 100 === 99) sizes.push(statSync(join(root, 'convoy.db-wal')).size)
  }
  t.ok(Math.max(...sizes) < 16 * 1024 * 1024, `at most ${Math.max(...sizes)} bytes`)
  t.equal(sizes.at(-1), sizes.at(-5), 'it is used again from its beginning')
  await ledger.close()
})

t.test('DB13: a backup of a database in use holds what was committed before it', async (t) => {
  const root = t.testdir()
  const { ledger } = await open(root)
  await ledger.commit('create-intent', putVolume('db'))
  const [path] = await Promise.all([ledger.backup(new Date()), ledger.commit('create-intent', putVolume('later'))])
  t.equal(path, join(root, 'backups', listBackups(join(root, 'backups'))[0] ?? ''))
  const copy = openSqliteCopy(path)
  t.equal(
    openTables(copy)
      .load()
      .volumes.some(({ name }) => String(name) === 'db'),
    true,
  )
  copy.close()
  t.equal(statSync(join(root, 'ballast')).size, 8 * 1024 * 1024, 'and sets the ballast aside')
  await ledger.close()
})

t.test('a database that was closed refuses, and closing twice is no error', async (t) => {
  const { database } = await open(t.testdir())
  await database.close()
  await database.close()
  const outcomes = await database.commit([{ step: 'start', writes: [] }])
  t.match(outcomes, [{ code: 'unavailable' }])
  await t.rejects(database.backup(new Date()), { code: 'unavailable' })
})

t.test('DB09: a root is free again once its database was closed', async (t) => {
  const root = t.testdir()
  const first = await open(root)
  await t.rejects(SqliteDatabase.open(root), { code: 'in-use' })
  await first.ledger.commit('create-intent', putVolume('db'))
  await first.ledger.close()
  const second = await open(root)
  t.equal(second.ledger.volumes.size, 1)
  await second.ledger.close()
})
