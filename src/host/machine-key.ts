import { readFileSync } from 'node:fs'
import { bootId } from './process-identity.js'

/**
 * What tells this machine from all others, also from copies of its disk: an instance's id where the firmware shows it, else the id
 * of the hardware, else that of the installation, which a copy has too and so counts for this boot alone. None where nothing is
 * known. `root`: where the system's files are, for tests.
 */
export function machineKey(root = '', boot: () => string = bootId): string | undefined {
  const asset = wordIn(`${root}/sys/class/dmi/id/board_asset_tag`)
  if (asset !== undefined && /^i-[0-9a-f]{8,32}$/.test(asset)) return `instance ${asset}`
  for (const path of ['/sys/class/dmi/id/product_uuid', '/sys/hypervisor/uuid']) {
    const id = wordIn(`${root}${path}`)
    if (id !== undefined && /^[0-9a-f-]{32,36}$/i.test(id) && /[^0f-]/i.test(id)) return `hardware ${id.toLowerCase()}`
  }
  const machine = wordIn(`${root}/etc/machine-id`)
  return machine !== undefined && /^[0-9a-f]{32}$/.test(machine) ? `installation ${machine} ${boot()}` : undefined
}

function wordIn(path: string): string | undefined {
  try {
    return readFileSync(path, 'latin1').trim()
  } catch {
    // Not on this machine, or not for us.
    return undefined
  }
}
