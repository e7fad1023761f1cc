import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { openSqliteFile } from '../../src/store/sqlite-file.js'
import { openTables } from '../../src/store/tables.js'

const program = fileURLToPath(new URL('./committing-process.js', import.meta.url))
const cycles = process.env['CONVOY_SOAK'] === '1' ? 1000 : 12

// Each cycle starts a process, and the machine may be busy.
t.setTimeout(cycles * 20_000)

/** Lets the process commit, kills it at some moment, and resolves to the rows that it was told are safe. */
async function commitAndKill(root: string, afterMs: number): Promise<readonly string[]> {
  const child = spawn(process.execPath, [program, root], { stdio: ['ignore', 'pipe', 'inherit'] })
  let printed = ''
  child.stdout.setEncoding('utf8').on('data', (data: string) => (printed += data))
  const closed = once(child, 'close')
  await once(child.stdout, 'data')
  await sleep(afterMs)
  child.kill('SIGKILL')
  await closed
  // The last line may be cut.
  return printed.split('\n').slice(0, -1)
}

t.test(`DB01: rows that were acknowledged survive ${cycles} kills at any moment`, async (t) => {
  const root = t.testdir()
  const acknowledged = new Set<string>()
  for (let cycle = 0; cycle < cycles; cycle++) {
    for (const name of await commitAndKill(root, Math.random() * 40)) acknowledged.add(name)
    // Every few kills, so that one recovers what the one before left.
    if (cycle % 5 !== 4) continue
    const sqlite = openSqliteFile(join(root, 'convoy.db'), () => undefined)
    const kept = new Set(
      openTables(sqlite)
        .load()
        .volumes.map(({ name }) => String(name)),
    )
    t.equal(sqlite.pragma('integrity_check', { simple: true }), 'ok')
    sqlite.close()
    const lost = [...acknowledged].filter((name) => !kept.has(name))
    t.strictSame(lost, [], `none of ${acknowledged.size} rows is lost after ${cycle + 1} kills`)
  }
  t.ok(acknowledged.size > cycles)
})
