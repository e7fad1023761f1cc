import type { Check } from '../check.js'
import { quote } from './commands.js'

export const storageRead: Check = {
  name: 'storage',
  sound: 'the storage has said which volumes it holds',
  needs: ['daemon'],
  look: async ({ daemon }) => {
    const { isComplete, degraded } = await daemon.get('/v1/diagnosis')
    if (isComplete || degraded !== undefined) return []
    const path = (await daemon.settings()).get('vfs.path')
    return [
      {
        severity: 'warning',
        what: 'the storage has not answered yet which volumes it holds',
        why: 'a volume that is not known yet cannot be told from one that does not exist: Docker waits 15 s and gives up',
        ...(path === undefined ? {} : { mend: { command: `sudo mount ${quote(path)}` } }),
      },
    ]
  },
}
