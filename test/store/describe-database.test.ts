import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { eventAt } from '../../src/model/event.js'
import { describeDatabaseOf } from '../../src/store/describe-database.js'
import { Ledger } from '../../src/store/ledger.js'
import { schemaVersion } from '../../src/store/migrations/index.js'
import { SqliteDatabase } from '../../src/store/sqlite-database.js'
import { putVolume } from './rows.js'

const now = new Date('2026-11-20T12:00:00.123Z')

async function populate(root: string) {
  const { database, contents } = await SqliteDatabase.open(root)
  const ledger = new Ledger(database, contents, setImmediate)
  const event = eventAt(now, 'volume.create', { volume: 'secret-name', volumeId: 'i', driver: 'vfs' })
  await ledger.commit('create-done', putVolume('secret-name'), { put: 'event', row: event })
  return ledger
}

t.test('a database is described by its schema, its counts and its times, and nothing of what is in it', async (t) => {
  const ledger = await populate(t.testdir())
  t.match(await ledger.describe(), { rows: { volumes: 1, trash: 0 }, newestBackupAt: undefined })
  await ledger.backup(now)
  const description = await ledger.describe()
  t.match(description, {
    schemaVersion,
    rows: { volumes: 1, events: 1, jobs: 0 },
    newestEventAt: now.toISOString(),
    newestBackupAt: now.toISOString(),
  })
  t.ok(description.schema.some((statement) => statement.startsWith('CREATE TABLE volumes')))
  t.notMatch(JSON.stringify(description), 'secret-name')
  await ledger.close()
})

t.test('the database of a daemon that does not run is described, too', async (t) => {
  const root = t.testdir()
  await (await populate(root)).close()
  t.match(describeDatabaseOf(root), { rows: { volumes: 1 }, newestEventAt: now.toISOString() })
  writeFileSync(join(root, 'convoy.db'), 'no database')
  t.throws(() => describeDatabaseOf(root), { code: 'unavailable' })
})
