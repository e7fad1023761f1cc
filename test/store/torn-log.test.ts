import assert from 'node:assert/strict'
import { copyFileSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import t from 'tap'
import type { LedgerContents } from '../../src/store/ledger-write.js'
import { openSqliteFile } from '../../src/store/sqlite-file.js'
import { openTables } from '../../src/store/tables.js'
import { putVolume } from './rows.js'

const commits = 60
const checkpointedAt = 20
const isSoak = process.env['CONVOY_SOAK'] === '1'

if (isSoak) t.setTimeout(3_600_000)

/** A database whose log ends somewhere in its 60 commits; commit n makes volume n and says so in a setting. */
function write(path: string): { readonly database: Buffer; readonly log: Buffer } {
  const sqlite = openSqliteFile(path, () => undefined)
  const tables = openTables(sqlite)
  for (let index = 0; index < commits; index++) {
    if (index === checkpointedAt) sqlite.pragma('wal_checkpoint(TRUNCATE)')
    sqlite.exec('BEGIN IMMEDIATE')
    tables.apply(putVolume(`v${String(index).padStart(3, '0')}`))
    tables.apply({ put: 'setting', key: 'epoch', value: String(index + 1) })
    sqlite.exec('COMMIT')
  }
  // Copied while open: the log is what a power cut would leave.
  const files = { database: readFileSync(path), log: readFileSync(`${path}-wal`) }
  sqlite.close()
  return files
}

/** How many commits the database holds; throws unless they are the first ones and nothing else. */
function readPrefix({ volumes, settings }: LedgerContents): number {
  const count = volumes.length
  assert.deepEqual(
    volumes.map(({ name }) => String(name)),
    Array.from({ length: count }, (_, index) => `v${String(index).padStart(3, '0')}`),
  )
  assert.deepEqual(settings, count === 0 ? [] : [['epoch', String(count)]])
  return count
}

function open(path: string): LedgerContents {
  const sqlite = openSqliteFile(path, () => undefined)
  try {
    assert.equal(sqlite.pragma('integrity_check', { simple: true }), 'ok')
    return openTables(sqlite).load()
  } finally {
    sqlite.close()
  }
}

type Damage = { readonly kind: 'cut' | 'garbage' | 'zeros' | 'flip'; readonly at: number; readonly bytes: Uint8Array }

const damages = fc.record<Damage>({
  kind: fc.constantFrom('cut', 'garbage', 'zeros', 'flip'),
  at: fc.integer({ min: 0, max: 2 ** 31 - 1 }).map((value) => value / 2 ** 31),
  bytes: fc.uint8Array({ minLength: 1, maxLength: 5000 }),
})

function damage(log: Buffer, { kind, at, bytes }: Damage): Buffer {
  const position = Math.floor(at * log.length)
  const torn = Buffer.from(log)
  switch (kind) {
    case 'cut':
      return torn.subarray(0, position)
    case 'garbage':
      torn.set(bytes.subarray(0, log.length - position), position)
      return torn
    case 'zeros':
      return torn.fill(0, position)
    case 'flip':
      torn[position] = (torn[position] ?? 0) ^ (1 + ((bytes[0] ?? 0) % 255))
      return torn
  }
}

t.test('DB03: a log that is cut, torn or overwritten anywhere leaves the first commits, whole', async (t) => {
  const directory = t.testdir()
  const { database, log } = write(join(directory, 'source.db'))
  const path = join(directory, 'convoy.db')
  const seen = new Set<number>()
  const place = (image: Buffer) => {
    rmSync(`${path}-shm`, { force: true })
    writeFileSync(path, database)
    writeFileSync(`${path}-wal`, image)
    return readPrefix(open(path))
  }
  t.equal(place(log), commits, 'the whole log holds all of them')
  t.equal(place(Buffer.alloc(0)), checkpointedAt, 'no log holds what was moved into the database')
  const property = fc.property(damages, (one) => {
    const count = place(damage(log, one))
    assert.ok(count >= checkpointedAt && count <= commits)
    seen.add(count)
  })
  fc.assert(property, { numRuns: isSoak ? 20_000 : 200 })
  t.ok(seen.size > 10, `${seen.size} different prefixes were seen`)
})

t.test('DB07: a log that is left beside a database that was set aside does not get into the new one', async (t) => {
  const directory = t.testdir()
  const { log } = write(join(directory, 'source.db'))
  const path = join(directory, 'convoy.db')
  writeFileSync(`${path}-wal`, log)
  t.equal(readPrefix(open(path)), 0)
  copyFileSync(path, `${path}.again`)
  t.equal(readPrefix(open(path)), 0)
})
