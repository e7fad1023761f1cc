import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import Sqlite from 'better-sqlite3'
import t from 'tap'
import { ConvoyError } from '../../src/errors.js'
import { parseVolumeName } from '../../src/model/volume-name.js'
import { openLedger } from '../../src/store/open-ledger.js'
import { writeBackup, writeCopyBefore } from '../../src/store/backups.js'
import { schemaVersion } from '../../src/store/migrations/index.js'
import { lockRoot } from '../../src/store/sqlite-file.js'
import { QuietLog } from '../fakes/quiet-log.js'
import { MemoryDatabase } from './memory-database.js'
import { putVolume } from './rows.js'

const db = parseVolumeName('db')
const late = parseVolumeName('late')
const log = new QuietLog()

/** A root with the volume `db` in its backup and `late` made after it; closed. */
async function populated(root: string): Promise<string> {
  const ledger = await openLedger(root, { log, soon: setImmediate })
  await ledger.commit('create-intent', putVolume('db'), { put: 'setting', key: 'discovered', value: 'yes' })
  await ledger.commit('start', { put: 'setting', key: 'host-id', value: 'this-host' })
  await ledger.backup(new Date())
  await ledger.commit('create-intent', putVolume('late'))
  await ledger.close()
  return join(root, 'convoy.db')
}

const damage = (path: string) => writeFileSync(path, readFileSync(path).fill(0xa5, 4096))

t.test('what was committed is there when the ledger is opened again', async (t) => {
  const root = t.testdir()
  await populated(root)
  const ledger = await openLedger(root, { log, soon: setImmediate })
  t.equal(ledger.degraded, undefined)
  t.strictSame([...ledger.volumes.keys()], [db, late])
  t.equal(ledger.setting('host-id'), 'this-host')
  await ledger.close()
})

t.test('DB07: a damaged database is served from the newest good backup, and the alarm is loud', async (t) => {
  const root = t.testdir()
  damage(await populated(root))
  const heard = new QuietLog()
  const ledger = await openLedger(root, { log: heard, soon: setImmediate })
  t.match(ledger.degraded, { code: 'unavailable' })
  t.strictSame([...ledger.volumes.keys()], [db])
  t.match(
    heard.lines.map(({ level, message }) => `${level}: ${message}`),
    ['error: the database cannot be used: starting degraded', 'warn: answering from a backup of the database'],
  )
  await ledger.close()
})

t.test('DB07: a ledger that is read from a backup refuses changes and says what mends it', async (t) => {
  const root = t.testdir()
  const path = await populated(root)
  damage(path)
  const ledger = await openLedger(root, { log, soon: setImmediate })
  await t.rejects(ledger.commit('create-intent', putVolume('new')), {
    code: 'unavailable',
    message: /^nothing can be changed now: .*damaged|malformed/,
    hint: 'run: convoy rebuild; it sets the database aside and finds the volumes by the files beside them',
  })
  t.equal(ledger.volumes.size, 1)
  await t.rejects(ledger.backup(new Date()), { code: 'unavailable' })
  t.equal(readdirSync(join(root, 'backups')).length, 1, 'the good copy is still there')
  await ledger.close()
  t.ok(existsSync(path), 'nothing was moved or removed')
})

t.test('DK13: a ledger that is read from a backup does not claim to know every volume', async (t) => {
  const root = t.testdir()
  damage(await populated(root))
  const ledger = await openLedger(root, { log, soon: setImmediate })
  t.equal(ledger.setting('discovered'), undefined)
  t.equal(ledger.setting('host-id'), 'this-host')
  await ledger.close()
})

t.test('DB07: an unmount of a degraded ledger is kept in memory', async (t) => {
  const root = t.testdir()
  damage(await populated(root))
  const ledger = await openLedger(root, { log, soon: setImmediate })
  ledger.commitLater('unmount', { remove: 'volume', name: db })
  t.equal(ledger.volumes.size, 0)
  await ledger.close()
})

t.test('DB07: of several backups the newest good one is used', async (t) => {
  const root = t.testdir()
  damage(await populated(root))
  writeFileSync(join(root, 'backups', 'convoy-20991231T235959999Z.db'), 'garbage')
  const heard = new QuietLog()
  const ledger = await openLedger(root, { log: heard, soon: setImmediate })
  t.strictSame([...ledger.volumes.keys()], [db])
  t.ok(heard.lines.some(({ message }) => message === 'a backup of the database cannot be used'))
  await ledger.close()
})

t.test('DB07: without a backup nothing is known, and nothing can be changed', async (t) => {
  const root = t.testdir()
  damage(await populated(root))
  rmSync(join(root, 'backups'), { recursive: true })
  const ledger = await openLedger(root, { log, soon: setImmediate })
  t.match(ledger.degraded?.hint, 'convoy rebuild')
  t.equal(ledger.volumes.size, 0)
  t.equal(ledger.setting('discovered'), undefined)
  await t.rejects(ledger.commit('create-intent', putVolume('new')), { code: 'unavailable', hint: /convoy rebuild/ })
  await ledger.close()
})

t.test('DB07: a row that cannot be read is damage too, and the way to mend it is named', async (t) => {
  const root = t.testdir()
  const path = await populated(root)
  for (const [column, value] of [
    ['name', '../../evil'],
    ['state', 'melted'],
    ['attributes', '{"directory":'],
  ] as const) {
    const sqlite = new Sqlite(path)
    sqlite.prepare(`UPDATE volumes SET ${column} = ? WHERE id = (SELECT min(id) FROM volumes)`).run(value)
    sqlite.close()
    const ledger = await openLedger(root, { log, soon: setImmediate })
    t.match(ledger.degraded, { code: 'unavailable', hint: 'convoy rebuild' }, column)
    t.strictSame([...ledger.volumes.keys()], [db])
    await ledger.close()
  }
})

t.test('DB12: a database of a newer program is left alone, and the newest backup is served', async (t) => {
  const root = t.testdir()
  const path = await populated(root)
  const sqlite = new Sqlite(path)
  sqlite.pragma('user_version = 99')
  sqlite.close()
  const before = readFileSync(path)
  const ledger = await openLedger(root, { log, soon: setImmediate })
  t.match(ledger.degraded, { code: 'unavailable', message: /has schema 99/, hint: /install the newer convoy/ })
  t.strictSame([...ledger.volumes.keys()], [db])
  await ledger.close()
  t.strictSame(readFileSync(path), before)
})

t.test(
  'DB12: after a downgrade the copy from before the upgrade is served, which is newer than the backups',
  async (t) => {
    const root = t.testdir()
    const sqlite = new Sqlite(await populated(root))
    writeCopyBefore(sqlite, join(root, 'backups'), schemaVersion)
    sqlite.pragma(`user_version = ${schemaVersion + 1}`)
    writeBackup(sqlite, join(root, 'backups'), new Date(Date.now() + 1000))
    sqlite.close()
    const ledger = await openLedger(root, { log, soon: setImmediate })
    t.match(ledger.degraded, { hint: ': convoy rebuild;' })
    t.strictSame([...ledger.volumes.keys()], [db, late])
    await ledger.close()
  },
)

t.test('DB09: a root in use is no reason to start degraded', async (t) => {
  const root = t.testdir()
  await populated(root)
  const lock = lockRoot(root)
  await t.rejects(openLedger(root, { log, soon: setImmediate }), { code: 'in-use', hint: /convoy\.pid/ })
  lock.close()
})

t.test('a database that was set aside by hand starts a new one', async (t) => {
  const root = t.testdir()
  rmSync(await populated(root))
  const ledger = await openLedger(root, { log, soon: setImmediate })
  t.equal(ledger.degraded, undefined)
  t.equal(ledger.volumes.size, 0)
  t.equal(ledger.setting('discovered'), undefined, 'the storage has to be asked')
  await ledger.close()
})

t.test('a root that cannot be written is served read-only', async (t) => {
  const root = t.testdir({ 'convoy.pid': {} })
  mkdirSync(join(root, 'x'))
  const ledger = await openLedger(root, { log, soon: setImmediate })
  t.match(ledger.degraded, { code: 'unavailable' })
  await t.rejects(ledger.commit('create-intent', putVolume('new')), { code: 'unavailable' })
  await ledger.close()
})

t.test('DB16 a degraded ledger that is rebuilt is well again, and the old database is kept', async (t) => {
  const root = t.testdir()
  const path = await populated(root)
  // A log that a crash left: played back into the new database it would bring the old rows with it.
  const before = readFileSync(path)
  const sqlite = new Sqlite(path)
  sqlite.pragma('wal_autocheckpoint = 0')
  sqlite.prepare("DELETE FROM volumes WHERE name = 'db'").run()
  const walOfBefore = readFileSync(`${path}-wal`)
  sqlite.close()
  writeFileSync(path, before)
  damage(path)
  const ledger = await openLedger(root, { log, soon: setImmediate })
  writeFileSync(`${path}-wal`, walOfBefore)
  ledger.commitLater('activate', { put: 'setting', key: 'epoch', value: '7' })
  await ledger.settle()
  const { row } = putVolume('new')
  const contents = { volumes: [row], mounts: [], trash: [], jobs: [], journals: [], settings: [], lastEventId: 0 }
  await ledger.rebuild(contents)
  t.equal(ledger.degraded, undefined)
  t.strictSame([...ledger.volumes.keys()], [row.name])
  t.equal(ledger.setting('epoch'), undefined)
  await ledger.commit('create-intent', putVolume('next'))
  await ledger.close()
  const kept = readdirSync(root).filter((name) => name.includes('.replaced'))
  t.strictSame(kept.sort(), ['convoy.db.replaced', 'convoy.db.replaced-wal'])
  const next = await openLedger(root, { log, soon: setImmediate })
  t.strictSame([...next.volumes.keys()].sort(), ['new', 'next'])
  t.equal(next.setting('epoch'), undefined, 'what could not be saved before is not saved now')
  await t.rejects(next.rebuild(contents), { code: 'internal' })
  await next.close()
})

t.test('DB16 a rebuild without room changes nothing', async (t) => {
  const root = t.testdir()
  damage(await populated(root))
  const ledger = await openLedger(root, { log, soon: setImmediate })
  const { row } = putVolume('new')
  const contents = { volumes: [row, row], mounts: [], trash: [], jobs: [], journals: [], settings: [], lastEventId: 0 }
  writeFileSync(join(root, 'rebuilding'), '')
  const files = readdirSync(root)
  const failing = openLedger(root, {
    log,
    soon: setImmediate,
    wrap: (database) => ({
      commit: async () => [new ConvoyError('unavailable', 'the disk is full')],
      readEvents: (query) => database.readEvents(query),
      pruneEvents: (pruning) => database.pruneEvents(pruning),
      backup: (now) => database.backup(now),
      describe: () => database.describe(),
      close: () => database.close(),
    }),
  })
  const full = await failing
  await t.rejects(full.rebuild(contents), { code: 'unavailable', message: 'the disk is full' })
  t.match(full.degraded, { code: 'unavailable' })
  t.strictSame([...full.volumes.keys()], [db])
  t.strictSame(readdirSync(root), files)
  await ledger.rebuild(contents)
  t.equal(ledger.degraded, undefined)
  await ledger.close()
})

t.test('a test can put its own database between the ledger and the disk', async (t) => {
  const memory = new MemoryDatabase()
  const ledger = await openLedger(t.testdir(), {
    log,
    soon: setImmediate,
    wrap: (database) => {
      t.teardown(() => database.close())
      return memory
    },
  })
  await ledger.commit('create-intent', putVolume('db'))
  t.equal(memory.rows.size, 1)
  await ledger.close()
})
