import type { Check } from '../check.js'
import type { Finding } from '../finding.js'
import { quote } from './commands.js'

export const storageRead: Check = {
  name: 'storage',
  sound: 'the storage has said which volumes it holds',
  needs: ['daemon'],
  look: async ({ daemon }) => {
    const { isComplete, degraded, unavailable = {} } = await daemon.get('/v1/diagnosis')
    if (degraded !== undefined) return []
    const path = (await daemon.settings()).get('vfs.path')
    const mend = path === undefined ? {} : { mend: { command: `sudo mount ${quote(path)}` } }
    const absent = Object.entries(unavailable).map(([driver, reason]): Finding => ({
      severity: 'error',
      what: `the storage of driver ${driver} is not there: ${reason}`,
      why: 'a container that needs a volume of it waits 100 s for it, and then does not start',
      ...(driver === 'vfs' ? mend : {}),
    }))
    if (isComplete || absent.length > 0) return absent
    return [
      {
        severity: 'warning',
        what: 'the storage has not answered yet which volumes it holds',
        why: 'a volume that is not known yet cannot be told from one that does not exist: Docker waits 15 s and gives up',
        ...mend,
      },
    ]
  },
}
