import { existsSync } from 'node:fs'
import { HostGuest } from '../test/vm/host-guest.js'
import { Lab } from '../test/vm/lab.js'
import { guestImage } from '../test/vm/prerequisites.js'
import type { Findings } from './report.js'

/** Measures on a host with systemd and Docker of its own, which has the tarball and nothing else of ours. */
export async function onHostGuest(measure: (host: HostGuest) => Promise<Findings>): Promise<Findings> {
  if (!existsSync(guestImage)) return { method: 'Not run: needs test/vm/install.', tables: [], verdicts: [] }
  const lab = new Lab()
  try {
    const host = new HostGuest(lab)
    await host.boot()
    await host.unpack()
    return await measure(host)
  } finally {
    await lab.close()
  }
}

/** How long the script takes by the clock of the guest, in ms, after what has to come before. */
export async function timed(host: HostGuest, script: string, before = ':'): Promise<number> {
  const now = '$(date +%s%N)'
  return (
    Number(await host.sh(`{ ${before}; } >&2; s=${now}; { ${script}; } >&2 && echo $(((${now} - s) / 1000)) `)) / 1000
  )
}
