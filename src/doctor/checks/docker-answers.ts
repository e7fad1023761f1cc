import { toConvoyError } from '../../errors.js'
import type { Check } from '../check.js'

export const dockerAnswers: Check = {
  name: 'docker',
  sound: 'Docker answers',
  needs: [],
  look: async ({ docker, host }) => {
    try {
      await docker.facts()
      return []
    } catch (thrown) {
      return [
        {
          severity: 'error',
          what: toConvoyError(thrown).message,
          why: 'no container runs without it, and what it knows of volumes cannot be looked at',
          mend: { command: host.hasUnit('docker.service') ? 'sudo systemctl start docker' : 'sudo dockerd' },
        },
      ]
    }
  },
}
