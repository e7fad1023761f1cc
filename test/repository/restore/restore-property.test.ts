import * as fs from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import t from 'tap'
import { pause } from '../../../src/host/clock.js'
import { backup } from '../../../src/repository/backup/backup.js'
import { restore } from '../../../src/repository/restore/restore.js'
import { patientCall } from '../../fakes/memory-object-store.js'
import { memoryDirectory } from '../../host/memory-directory.js'
import { firstBackup, HandMadeRepository, volume } from '../hand-made-repository.js'
import { makeTree, randomTime, randomTree } from '../random-tree.js'
import { snapshotTree } from '../tree-snapshot.js'

/** Backs a directory up, and says the name of the backup. */
type BackUp = (made: HandMadeRepository, path: string) => Promise<string>

const backUps: Readonly<Record<string, BackUp>> = {
  'backed up by hand': async (made, path) => {
    await made.backUp(path)
    return firstBackup
  },
  'backed up': async ({ repository }, path) => {
    const request = { path, volume, excludes: [], tags: [] }
    const deps = { pause, hostName: 'host', pid: 1, now: () => 0, tool: 'test' }
    return (await backup(repository, request, deps, patientCall())).record.name
  },
}

for (const [how, backUp] of Object.entries(backUps))
  t.test(`whatever tree there is comes back as it was when it was ${how}`, async (t) => {
    const directory = memoryDirectory(t)
    const times = fc.array(randomTime, { minLength: 1, maxLength: 9 })
    let run = 0
    const roundTrip = fc.asyncProperty(randomTree, times, async (entries, times) => {
      const source = join(directory, `source-${++run}`)
      const to = join(directory, `target-${run}`)
      fs.mkdirSync(source)
      makeTree(source, entries, times)
      const made = await HandMadeRepository.make()
      const name = await backUp(made, source)
      const request = { volume, name, to, devices: false, keepHealthy: false }
      const summary = await restore(made.repository, request, { threads: 1 }, patientCall())
      t.strictSame(snapshotTree(to), snapshotTree(source))
      t.equal(summary.problemCount, 0)
    })
    await fc.assert(roundTrip, { numRuns: 15 })
  })
