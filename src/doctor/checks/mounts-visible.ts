import type { Propagation } from '../../host/mount-propagation.js'
import type { Check } from '../check.js'
import type { Finding } from '../finding.js'
import type { HostView } from '../site.js'

export const mountsVisible: Check = {
  name: 'propagation',
  sound: 'what the daemon mounts reaches Docker and its containers',
  needs: ['daemon'],
  look: async ({ daemon, host }) => {
    const { pid } = await daemon.get('/v1/diagnosis')
    const root = await daemon.setting('root')
    const propagation = host.propagation(`${root}/mounts`, pid)
    return propagation === undefined ? [] : describe(propagation, root, moveCommand(host, pid))
  },
}

function describe(propagation: Propagation, root: string, move: string): readonly Finding[] {
  switch (propagation) {
    case 'shared':
      return []
    case 'seen':
      return [
        {
          severity: 'notice',
          what: `the mount that ${root} is on is private`,
          why: 'a share that hangs and is mounted again is seen by new containers only: those that run must be restarted',
          mend: { command: 'sudo mount --make-rshared /' },
        },
      ]
    case 'hidden':
      return [
        {
          severity: 'error',
          what: `what the daemon mounts below ${root} does not reach Docker`,
          why:
            'it runs in a mount namespace of its own (PrivateMounts=, ProtectSystem= and the like in its unit, or unshare): ' +
            'containers would write to the disk below instead of to their volume',
          mend: { command: move },
        },
      ]
  }
}

/** Starts it where the first process of the host is. */
function moveCommand(host: HostView, pid: number): string {
  if (host.hasUnit('convoy.service')) return 'sudo systemctl edit --full convoy && sudo systemctl restart convoy'
  return `sudo kill ${pid} && sudo nsenter --mount=/proc/1/ns/mnt convoy daemon`
}
