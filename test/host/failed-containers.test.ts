import t from 'tap'
import type { StoppedContainer } from '../../src/host/docker-engine.js'
import { FailedContainers } from '../../src/host/failed-containers.js'
import { stopped } from '../doctor/fake-site.js'

async function listed(...containers: readonly StoppedContainer[]): Promise<readonly string[]> {
  const docker = {
    listStopped: async () => containers,
    start: async () => undefined,
    facts: () => Promise.reject(new Error()),
  }
  return (await new FailedContainers(docker, 'convoy').list()).map(({ name }) => name)
}

t.test('those are meant that a failed mount of ours keeps down against their policy, the oldest first', async (t) => {
  const away = 'get db: error while checking if volume "db" exists in driver "convoy": dial unix: no such file'
  t.same(
    await listed(
      stopped('mount'),
      stopped('away', { error: away, restartPolicy: 'unless-stopped' }),
      stopped('counted', { restartPolicy: 'on-failure' }),
      stopped('no policy', { restartPolicy: 'no' }),
      stopped('stopped by a person', { error: '' }),
      stopped('of its own', { error: 'exec: "nginx": executable file not found' }),
      stopped('of another plugin', { volumes: [{ name: 'db', driver: 'other' }] }),
      stopped('of another volume', { error: away.replaceAll('db', 'cache') }),
    ),
    ['counted', 'away', 'mount'],
  )
})

t.test('Docker that does not answer is not there', async (t) => {
  const docker = { listStopped: async () => [], start: async () => undefined, facts: () => Promise.reject(new Error()) }
  t.equal(await new FailedContainers(docker, 'convoy').isDockerThere(), false)
})
