import assert from 'node:assert/strict'
import { copyFileSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import t from 'tap'
import { ConvoyError } from '../../src/errors.js'
import { openLedger } from '../../src/store/open-ledger.js'
import { openSqliteFile, translateSqliteErrors } from '../../src/store/sqlite-file.js'
import { openTables } from '../../src/store/tables.js'
import { QuietLog } from '../fakes/quiet-log.js'
import { putVolume } from './rows.js'

const volumes = 300
const isSoak = process.env['CONVOY_SOAK'] === '1'

if (isSoak) t.setTimeout(3_600_000)
const log = new QuietLog()

/** Flips those bits of the file; positions are fractions of its length. */
function flip(path: string, positions: readonly number[]): void {
  const bytes = readFileSync(path)
  for (const position of positions) {
    const bit = Math.floor(position * bytes.length * 8)
    const byte = Math.floor(bit / 8)
    bytes[byte] = (bytes[byte] ?? 0) ^ (1 << (bit % 8))
  }
  writeFileSync(path, bytes)
}

const positions = fc.array(
  fc.integer({ min: 0, max: 2 ** 31 - 1 }).map((value) => value / 2 ** 31),
  { minLength: 1, maxLength: 8 },
)

/** How many volumes a damaged database still shows; ConvoyError when it is refused. */
function countVolumes(path: string): number {
  return translateSqliteErrors(path, () => {
    const sqlite = openSqliteFile(path, () => undefined)
    try {
      return openTables(sqlite).load().volumes.length
    } finally {
      sqlite.close()
    }
  })
}

t.test('DB07: flipped bits are found, or change nothing that matters: no volume disappears silently', async (t) => {
  const directory = t.testdir()
  const good = join(directory, 'good.db')
  const path = join(directory, 'convoy.db')
  const sqlite = openSqliteFile(good, () => undefined)
  const tables = openTables(sqlite)
  sqlite.exec('BEGIN')
  for (let index = 0; index < volumes; index++) tables.apply(putVolume(`v${index}`))
  sqlite.exec('COMMIT')
  sqlite.close()
  let refused = 0
  const check = (flipped: readonly number[]) => {
    for (const file of [path, `${path}-wal`, `${path}-shm`]) rmSync(file, { force: true })
    copyFileSync(good, path)
    flip(path, flipped)
    try {
      assert.equal(countVolumes(path), volumes)
    } catch (thrown) {
      if (!(thrown instanceof ConvoyError)) throw thrown
      refused++
    }
  }
  fc.assert(fc.property(positions, check), { numRuns: isSoak ? 10_000 : 1000 })
  t.ok(refused > 100, `${refused} were refused`)
})

t.test('DB07: a daemon on a database with flipped bits starts with all volumes or from the backup', async (t) => {
  const directory = t.testdir({ good: {}, root: {} })
  const root = join(directory, 'root')
  const ledger = await openLedger(root, { log, soon: setImmediate })
  const rows = Array.from({ length: volumes }, (_, index) => putVolume(`v${index}`))
  await ledger.commit('discover', ...rows)
  await ledger.backup(new Date())
  await ledger.close()
  const good = readFileSync(join(root, 'convoy.db'))
  const property = fc.asyncProperty(positions, async (flipped) => {
    for (const file of ['convoy.db-wal', 'convoy.db-shm']) rmSync(join(root, file), { force: true })
    writeFileSync(join(root, 'convoy.db'), good)
    flip(join(root, 'convoy.db'), flipped)
    const flawed = await openLedger(root, { log, soon: setImmediate })
    const { degraded } = flawed
    await flawed.close()
    assert.equal(flawed.volumes.size, volumes)
    if (degraded !== undefined) assert.ok(degraded.hint !== undefined)
  })
  await fc.assert(property, { numRuns: isSoak ? 1000 : 15 })
})

t.test('DB07: a name whose bits have flipped into another volume’s is damage, and no volume less', async (t) => {
  const root = t.testdir()
  const ledger = await openLedger(root, { log, soon: setImmediate })
  const names = ['va', 'vb', 'vc', 'vd']
  await ledger.commit('discover', ...names.map((name) => putVolume(name)))
  await ledger.backup(new Date())
  await ledger.close()
  const path = join(root, 'convoy.db')
  const bytes = readFileSync(path)
  // The row begins with the name; the id that follows it is in no other place in this order.
  const at = bytes.indexOf('vc', bytes.indexOf('CREATE TABLE settings'))
  bytes.write('vb', at)
  writeFileSync(path, bytes)
  const opened = await openLedger(root, { log, soon: setImmediate })
  await opened.close()
  t.match(opened.degraded, { code: 'unavailable', message: /damaged.*"vb" is out of order/ })
  t.same([...opened.volumes.keys()].sort(), names, 'from the backup')
})
