import { isLeftByMount, isMeantToRun } from '../../host/failed-containers.js'
import type { Check } from '../check.js'
import { quote } from './commands.js'

export const failedContainers: Check = {
  name: 'containers',
  sound: 'no container was left behind by a mount that failed',
  needs: ['docker'],
  look: async ({ daemon, docker }) => {
    const name = await daemon.setting('name')
    const failed = (await docker.listStopped()).filter((container) => isLeftByMount(container, name))
    return failed.map((container) => ({
      severity: isMeantToRun(container) ? 'error' : 'notice',
      what: `the container ${container.name} does not run: ${container.error}`,
      why: isMeantToRun(container)
        ? `its restart policy is ${container.restartPolicy}, but Docker does not try again after a mount that failed; ` +
          '"convoy doctor --revive-containers" starts all such containers'
        : 'it has no restart policy, so whoever started it was told; start it again, or remove it',
      mend: { command: startCommand(container.name) },
    }))
  },
}

/** What a person types to start it. */
export const startCommand = (name: string) => `sudo docker start ${quote(name)}`
