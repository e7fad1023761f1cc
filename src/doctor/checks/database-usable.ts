import type { Check } from '../check.js'
import { restartDaemon } from './commands.js'

export const databaseUsable: Check = {
  name: 'database',
  sound: 'the database takes changes',
  needs: ['daemon'],
  look: async ({ daemon, host }) => {
    const { degraded, databaseError, pid } = await daemon.get('/v1/diagnosis')
    if (degraded !== undefined) {
      const why =
        'the daemon is degraded: volumes that its last backup knows can be mounted, and nothing can be changed'
      return [{ severity: 'error', what: degraded, why, mend: { command: 'sudo convoy rebuild' } }]
    }
    if (databaseError === undefined) return []
    const why = 'no volume can be created, mounted or removed'
    return [{ severity: 'error', what: databaseError, why, mend: { command: restartDaemon(host, pid) } }]
  },
}
