import type { DeadMount } from '../../host/dead-mounts.js'
import type { RunningContainer } from '../../host/docker-engine.js'
import type { Check } from '../check.js'
import type { Finding } from '../finding.js'
import { quote } from './commands.js'

export const deadMounts: Check = {
  name: 'dead mounts',
  sound: 'no container holds a mount of a share that leads nowhere',
  needs: ['docker'],
  look: async ({ daemon, docker, host }) => {
    const settings = await daemon.settings()
    const paths = [`${settings.get('root') ?? ''}/shares`, settings.get('vfs.path') ?? []].flat()
    const dead = await host.deadMounts(paths)
    if (dead.length === 0) return []
    const names = new Map((await docker.listRunning()).map(({ id, name }) => [id, name]))
    const byHolder = new Map(dead.map((mount) => [mount.container ?? mount.pid, mount]))
    return [...byHolder.values()].map((mount) => describe(mount, names))
  },
}

const why =
  'what the server has exported anew, or under another address, is mounted anew, but whoever runs keeps the mount of before: ' +
  'all that it reads and writes there fails or waits for ever'

function describe(mount: DeadMount, names: ReadonlyMap<RunningContainer['id'], string>): Finding {
  const { container, source, mountpoint, pid, command } = mount
  const name = container === undefined ? undefined : (names.get(container) ?? container.slice(0, 12))
  const who = name === undefined ? `the process ${pid} (${command})` : `the container ${name}`
  return {
    severity: 'error',
    what: `${who} has a mount of ${source} that leads nowhere, at ${mountpoint}`,
    why: name === undefined ? `${why}; end that process and start it again` : why,
    ...(name === undefined ? {} : { mend: { command: `sudo docker restart ${quote(name)}` } }),
  }
}
