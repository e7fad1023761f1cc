import type { StoppedContainer } from '../../host/docker-engine.js'
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

/** The second kind is that of an engine that started before the plugin. */
const mountError = /^(?:error while mounting volume|get \S+: )/

/** Docker keeps the reason of the last start only, and drops it when a start succeeds. */
export function isLeftByMount({ error, volumes }: StoppedContainer, driver: string): boolean {
  return mountError.test(error) && volumes.some((volume) => volume.driver === driver)
}

/** Docker would have started it again: nobody decided that it stays down. */
export function isMeantToRun({ restartPolicy }: StoppedContainer): boolean {
  return restartPolicy !== 'no'
}
