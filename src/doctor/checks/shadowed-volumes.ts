import type { Check } from '../check.js'
import { quote } from './commands.js'

export const shadowedVolumes: Check = {
  name: 'shadows',
  sound: 'Docker shows every volume as ours',
  needs: ['daemon', 'docker'],
  look: async ({ daemon, docker }) => {
    const ours = await daemon.setting('name')
    const names = new Set((await daemon.get('/v1/summaries')).map(({ name }) => name))
    const others = (await docker.listVolumes()).filter(({ name, driver }) => driver !== ours && names.has(name))
    return others.map(({ name, driver }) => ({
      severity: 'error',
      what: `Docker has a volume "${name}" of the driver ${driver}, which hides ours of that name`,
      why:
        'it was made by a "docker run -v" without a driver while Convoy could not be asked; containers write to it instead of to ' +
        `ours. See who uses it ("docker ps -a --filter volume=${name}"), keep what it holds if it matters, remove those containers`,
      mend: { command: `sudo docker volume rm ${quote(name)}` },
    }))
  },
}
