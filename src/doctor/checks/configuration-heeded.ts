import { toConvoyError } from '../../errors.js'
import type { Check } from '../check.js'
import type { Finding } from '../finding.js'
import { restartDaemon } from './commands.js'

export const configurationHeeded: Check = {
  name: 'configuration',
  sound: 'the configuration is right, and the daemon follows it',
  needs: [],
  look: async ({ daemon, host }) => {
    try {
      const { warnings, needsRestart } = await daemon.configuration()
      const doubtful = warnings.map((what): Finding => ({ severity: 'warning', what, why: misspelt, mend: check }))
      if (needsRestart.length === 0) return doubtful
      const what = `changed, and not heeded until the daemon is started again: ${needsRestart.join(', ')}`
      const mend = { command: restartDaemon(host, (await daemon.get('/v1/diagnosis')).pid) }
      return [...doubtful, { severity: 'warning', what, why: 'the daemon still does what was configured before', mend }]
    } catch (thrown) {
      const what = toConvoyError(thrown).sentence
      return [{ severity: 'error', what, why: 'the daemon does not start with this configuration', mend: check }]
    }
  },
}

const misspelt = 'what is spelt wrong has no effect'
/** Says where the mistake is, as often as it takes. */
const check = { command: 'sudo convoy daemon --check' }
