import type { PluginFile } from '../../host/plugin-files.js'
import type { Check } from '../check.js'
import type { Finding } from '../finding.js'
import type { HostView } from '../site.js'
import { quote } from './commands.js'

export const deadPlugins: Check = {
  name: 'plugins',
  sound: 'every plugin that Docker finds is there',
  needs: [],
  look: async ({ daemon, host }) => {
    const name = await daemon.setting('name')
    const files = host.pluginFiles()
    const problems = await Promise.all(files.map((file) => problemOf(file, host)))
    return files.flatMap((file, at) => {
      const problem = problems[at]
      return problem === undefined ? [] : [describe(file, problem, { host, isOurs: file.name === name })]
    })
  },
}

/** Only what is certain: a plugin on another host may be slow, a socket of somebody else may be out of our sight. */
async function problemOf({ address }: PluginFile, host: HostView): Promise<string | undefined> {
  if (!/^(?:unix|tcp|https?):\/\//.test(address)) return 'says no address that Docker understands'
  if (!address.startsWith('unix://')) return undefined
  const path = address.slice('unix://'.length)
  const state = await host.probeSocket(path)
  if (state === 'missing') return `names ${path}, which does not exist`
  return state === 'dead' ? `leads to ${path}, where nobody listens` : undefined
}

function describe(
  { path, name, kind }: PluginFile,
  problem: string,
  { host, isOurs }: { readonly host: HostView; readonly isOurs: boolean },
): Finding {
  const isSocket = kind === 'socket'
  const command = isSocket ? `sudo rm ${quote(path)}` : `sudo mv ${quote(path)} ${quote(`${path}.disabled`)}`
  const run = async () => (isSocket ? host.removeDeadSocket(path) : host.setAside(path))
  return {
    severity: 'warning',
    what: isSocket ? `nobody listens on ${path}` : `${path} ${problem}`,
    why:
      `every "docker volume ls", and every look for a volume that Docker does not know, waits 15 s for the plugin "${name}"` +
      `${isOurs ? '' : ', which is none of Convoy'}; if Docker has used it before, also restart Docker`,
    // Whether another plugin is wanted is not for us to say.
    mend: { command, ...(isOurs ? { run } : {}) },
  }
}
