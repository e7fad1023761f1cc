import t from 'tap'
import { moments } from '../../fakes/fault-injector.js'
import { sweepBackup } from './backup-sweep.js'

for (const when of moments)
  t.test(
    `BK02 a backup that is killed ${when} any request leaves nothing half-visible, and the next stores only what is missing`,
    async (t) => sweepBackup(t, { how: 'crash', when }),
  )
