import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import Sqlite from 'better-sqlite3'
import t from 'tap'
import { writeCopyBefore } from '../../src/store/backups.js'
import { schemaVersion } from '../../src/store/migrations/index.js'
import { RawClient } from '../api/raw-client.js'
import { eventually } from '../engine/polling.js'
import { convoy } from './convoy-command.js'
import { DaemonProcess } from './daemon-process.js'

/** A daemon that has stopped: `db` is in its newest backup and mounted, `late` was made after it. */
async function stopped(daemon: DaemonProcess): Promise<string> {
  await daemon.start()
  await daemon.plugin.create('db', { size: '1g' })
  await daemon.plugin.mount('db', 'a1')
  await daemon.stop()
  const known = new Set(readdirSync(join(daemon.root, 'backups')))
  await daemon.start()
  await eventually('there is a new backup', () =>
    readdirSync(join(daemon.root, 'backups')).some((name) => !known.has(name) && name.endsWith('.db')),
  )
  await daemon.plugin.create('late')
  await daemon.stop()
  return join(daemon.root, 'convoy.db')
}

const damage = (path: string) => writeFileSync(path, readFileSync(path).fill(0xa5, 4096))
const isIncomplete = true

t.test(
  'DB07: with a damaged database the volumes of the last backup are served, and changes are refused',
  async (t) => {
    const daemon = new DaemonProcess(t)
    const path = await stopped(daemon)
    damage(path)
    await daemon.start({ isIncomplete })
    const mend = 'run: convoy rebuild;'

    t.match(await daemon.plugin.get('db'), {
      Volume: { Name: 'db', Status: { mounts: 1, degraded: /convoy rebuild/ } },
    })
    t.strictSame(
      (await daemon.plugin.list()).map(({ Name }) => Name),
      ['db'],
    )
    const connection = await RawClient.open(daemon.pluginSocket)
    const get = await connection.request('VolumeDriver.Get', '{"Name":"late"}\n')
    t.equal(get, 'closed', 'DK13: what is not in the backup is not known to be absent')
    for (const answer of [
      await daemon.plugin.create('new'),
      await daemon.plugin.create('late'),
      await daemon.plugin.mount('db', 'b2'),
    ]) {
      t.match(answer.Err, mend)
    }
    t.match((await daemon.control('GET', '/v1/info')).text, 'convoy rebuild')
    t.strictSame(await daemon.plugin.create('db', { size: '1g' }), {}, 'what is there already needs no change')
    t.strictSame(await daemon.plugin.unmount('db', 'a1'), {}, 'an unmount is kept in memory')
    t.match(await daemon.status('db'), { mounts: 0 })
    t.match((await daemon.plugin.remove('db')).Err, mend)
    t.match(daemon.output, /"level":50.*starting degraded/)
    t.match(await daemon.stop(), { code: 0 })
  },
)

t.test('DB07: the command that mends it does mend it, and every volume is found again', async (t) => {
  const daemon = new DaemonProcess(t)
  damage(await stopped(daemon))
  await daemon.start({ isIncomplete })
  const rebuild = (...argv: readonly string[]) => convoy(['-s', daemon.controlSocket, 'rebuild', ...argv])
  const late = { out: /late +unknown/, err: /storage holds 2 volumes/ }
  t.match(await rebuild('--dry-run'), { ...late, code: 0, err: /without --dry-run it is set aside/ })
  t.match((await daemon.plugin.create('new')).Err, 'convoy rebuild', 'nothing has changed yet')
  t.match(await rebuild(), { ...late, code: 0, err: /was set aside, and a new one made/ })

  const seen = async () => (await daemon.plugin.list()).map(({ Name }) => Name)
  t.strictSame(await seen(), ['db', 'late'])
  t.match(await daemon.plugin.get('db'), { Volume: { Status: { sizeBytes: 2 ** 30 } } })
  t.match(await daemon.control('GET', '/readyz'), { status: 200 })
  t.strictSame(await daemon.plugin.create('new'), {})
  t.match(await rebuild(), { code: 0, out: '', err: /holds 3 volumes\n.*agrees/ })
  await eventually('upkeep has begun', () => readdirSync(join(daemon.root, 'backups')).length > 2)
  const files = readdirSync(daemon.root)
  t.equal(files.filter((name) => name.includes('.replaced')).length, 1, 'it is kept')
  t.notOk(files.includes('rebuilding'))
  await daemon.kill()
  await daemon.start()
  t.strictSame(await seen(), ['db', 'late', 'new'])
})

t.test('DB07: a rebuild that is killed at any point leaves the old database or the new one', async (t) => {
  for (const point of ['before:store.rebuild', 'after:store.rebuild']) {
    const daemon = new DaemonProcess(t)
    damage(await stopped(daemon))
    await daemon.start({ isIncomplete, env: { CONVOY_FAILPOINT: point } })
    await daemon.control('POST', '/v1/rebuild', {}).catch(() => undefined)
    t.match(await daemon.ended, { signal: 'SIGKILL' }, point)
    await daemon.start({ isIncomplete })
    await daemon.control('POST', '/v1/rebuild', {})
    t.strictSame(
      (await daemon.plugin.list()).map(({ Name }) => Name),
      ['db', 'late'],
    )
  }
})

t.test('DB07: without any backup nothing is known, nothing is denied, and nothing is made', async (t) => {
  const daemon = new DaemonProcess(t)
  damage(await stopped(daemon))
  rmSync(join(daemon.root, 'backups'), { recursive: true })
  await daemon.start({ isIncomplete })
  t.strictSame(await daemon.plugin.list(), [])
  const connection = await RawClient.open(daemon.pluginSocket)
  t.equal(await connection.request('VolumeDriver.Get', '{"Name":"db"}\n'), 'closed')
  t.match((await daemon.plugin.create('new')).Err, 'convoy rebuild')
  t.notOk(existsSync(daemon.volume('new')))
})

/** What a newer program leaves: a copy from before its schema, and a database that this one does not know. */
function upgrade(path: string): void {
  const sqlite = new Sqlite(path)
  writeCopyBefore(sqlite, join(dirname(path), 'backups'), schemaVersion)
  sqlite.pragma(`user_version = ${schemaVersion + 1}`)
  sqlite.close()
}

t.test('DB12: a database of a newer program is refused with the way out, and left as it is', async (t) => {
  const daemon = new DaemonProcess(t)
  const path = await stopped(daemon)
  upgrade(path)
  const before = readFileSync(path)
  await daemon.start({ isIncomplete })
  t.match(await daemon.plugin.get('db'), { Volume: { Name: 'db' } })
  t.match(await daemon.plugin.get('late'), { Volume: { Name: 'late' } }, 'the copy from before the upgrade is served')
  t.match((await daemon.plugin.create('new')).Err, /has schema \d+.*install the newer convoy.*: convoy rebuild;/)
  await daemon.stop()
  t.strictSame(readFileSync(path), before)
})

t.test('DB12: the command that is named restores the copy from before the upgrade, with what came later', async (t) => {
  const daemon = new DaemonProcess(t)
  const path = await stopped(daemon)
  await daemon.start()
  await daemon.plugin.create('later')
  await daemon.stop()
  const sqlite = new Sqlite(path)
  sqlite.exec("DELETE FROM volumes WHERE name = 'later'")
  sqlite.close()
  upgrade(path)
  const newer = readFileSync(path)
  await daemon.start({ isIncomplete })
  t.match(await convoy(['-s', daemon.controlSocket, 'rebuild']), { code: 0, out: /later/ })
  t.strictSame((await daemon.plugin.list()).map(({ Name }) => Name).sort(), ['db', 'late', 'later'])
  t.strictSame(await daemon.plugin.create('new'), {})
  t.strictSame(readFileSync(`${path}.replaced`), newer, 'the newer database is kept')
})
