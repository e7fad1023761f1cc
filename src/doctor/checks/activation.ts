import type { Check } from '../check.js'

export const activation: Check = {
  name: 'activation',
  sound: 'Docker has activated the plugin',
  needs: ['daemon', 'docker'],
  look: async ({ daemon, docker }) => {
    const name = await daemon.setting('name')
    const { volumePlugins, isInSwarm } = await docker.facts()
    if (volumePlugins.includes(name)) return []
    return [
      {
        severity: isInSwarm ? 'warning' : 'notice',
        what: `Docker has not used the driver "${name}" since it started`,
        why: isInSwarm
          ? 'Swarm runs no task with such a volume here until it has: "missing plugin on 1 node"'
          : 'it will at the first use of a volume; "docker info" does not list the driver until then',
        mend: { command: 'sudo docker volume ls', run: () => docker.listVolumes() },
      },
    ]
  },
}
