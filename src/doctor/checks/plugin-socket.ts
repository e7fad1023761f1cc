import { pluginDirectories } from '../../host/plugin-files.js'
import { oldControlSocket } from '../../model/default-places.js'
import type { Check } from '../check.js'
import type { Finding } from '../finding.js'
import type { Site } from '../site.js'
import { quote, restartDaemon } from './commands.js'

export const pluginSocket: Check = {
  name: 'socket',
  sound: 'Docker finds the socket of the daemon',
  needs: ['daemon'],
  look: async (site) => {
    const path = await site.daemon.setting('plugin-socket')
    const state = await site.host.probeSocket(path)
    if (state === 'missing' || state === 'dead') return [await gone(site, path)]
    const name = await site.daemon.setting('name')
    const found = site.host.pluginFiles().find((file) => file.name === name)
    const control = (await site.daemon.settings()).get('socket')
    // The control socket speaks the protocol of plugins, too; old hosts lead Docker there.
    const places = [path, oldControlSocket(name), ...(control === undefined ? [] : [control])]
    return found !== undefined && places.some((place) => leadsTo(found.address, place))
      ? []
      : [unknownTo(site, name, path)]
  },
}

async function gone({ daemon, host }: Site, path: string): Promise<Finding> {
  const { pid } = await daemon.get('/v1/diagnosis')
  return {
    severity: 'error',
    what: `the daemon runs, but nobody answers at ${path}, where Docker asks it`,
    why: 'somebody has removed the socket: no container with a volume starts until the daemon makes it again',
    // A socket that systemd holds is made by systemd.
    mend: {
      command: host.hasUnit('convoy.socket') ? 'sudo systemctl restart convoy.socket convoy' : restartDaemon(host, pid),
    },
  }
}

function unknownTo({ host }: Site, name: string, path: string): Finding {
  const [directory] = pluginDirectories.specs
  const spec = `${directory}/${name}.spec`
  const isTaken = host.pluginFiles().some((file) => file.name === name)
  const command = `echo unix://${quote(path)} | sudo tee ${spec}`
  return {
    severity: 'error',
    what: `Docker does not look for the driver "${name}" at ${path}`,
    why: 'the socket is in none of the places that Docker knows, and no file there says where it is',
    // Not where another file says something else.
    mend: isTaken ? { command } : { command, run: () => host.writeNew(spec, `unix://${path}\n`) },
  }
}

/** /var/run is /run. */
const real = (path: string) => path.replace(/^\/var\/run\//, '/run/')

const leadsTo = (address: string, path: string) =>
  address.startsWith('unix://') && real(address.slice('unix://'.length)) === real(path)
