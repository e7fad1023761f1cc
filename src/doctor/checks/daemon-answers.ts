import { toConvoyError } from '../../errors.js'
import type { Check } from '../check.js'
import type { Site } from '../site.js'
import { restartDaemon, startDaemon } from './commands.js'

export const daemonAnswers: Check = {
  name: 'daemon',
  sound: 'the daemon answers',
  needs: [],
  look: async (site) => {
    try {
      await site.daemon.get('/v1/info')
      return []
    } catch (thrown) {
      const what = toConvoyError(thrown).message
      const why = 'without it no container with a volume starts, and Docker waits 15 s whenever it looks for one'
      return [{ severity: 'error', what, why, mend: { command: await commandFor(site) } }]
    }
  },
}

async function commandFor({ daemon, host }: Site): Promise<string> {
  const state = await host.probeSocket(daemon.socketPath)
  if (state === 'forbidden') return 'sudo convoy doctor'
  return state === 'listening'
    ? restartDaemon(host, `$(cat ${await daemon.setting('root')}/convoy.pid)`)
    : startDaemon(host)
}
