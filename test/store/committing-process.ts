import { randomUUID } from 'node:crypto'
import { writeSync } from 'node:fs'
import { openLedger } from '../../src/store/open-ledger.js'
import { QuietLog } from '../fakes/quiet-log.js'
import { putVolume } from './rows.js'

// Commits until it is killed, several changes at a time, and prints the name of each row that was acknowledged.

const ledger = await openLedger(process.argv[2] ?? '', { log: new QuietLog(), soon: setImmediate })
if (ledger.degraded !== undefined) throw ledger.degraded

async function commitForEver(): Promise<void> {
  for (;;) {
    const id = randomUUID()
    const name = `v-${id}`
    await ledger.commit('create-intent', putVolume(name, { id }))
    // One call, so that what is printed was acknowledged, and what was acknowledged is printed unless the kill comes first.
    writeSync(1, `${name}\n`)
  }
}

await Promise.all([commitForEver(), commitForEver(), commitForEver()])
