import type { Volume } from '../model/volume.js'
import type { Alerts } from './alerts.js'
import { type CoreDeps, mountPath } from './core-deps.js'

/**
 * Notices disks that went from under a mount: somebody detached them by hand, or the storage lost them. Writes seem to succeed for a
 * while then, and are lost. The next mount of such a volume has it attached and mounted anew.
 */
export class LostDisks {
  readonly #deps: CoreDeps
  readonly #alerts: Alerts

  constructor(deps: CoreDeps, alerts: Alerts) {
    this.#deps = deps
    this.#alerts = alerts
  }

  async run(): Promise<void> {
    const { ledger, mounter, policy } = this.#deps
    const volumes = [...ledger.volumes.values()].filter((volume) => this.#hasDisk(volume))
    const keys = new Set(volumes.map(keyOf))
    this.#alerts.drop((key) => key.startsWith(prefix) && !keys.has(key))
    if (volumes.length === 0) return
    const lost = new Set((await mounter.lostBelow(policy.mountRoot)).map(({ mountpoint }) => mountpoint))
    for (const volume of volumes) {
      const { name, driver, mountpoint } = volume
      const details = { volume: name, driver, ...(mountpoint === undefined ? {} : { mountpoint }) }
      if (lost.has(mountPath(policy, name))) this.#alerts.raise(keyOf(volume), 'volume.lost', details)
      else this.#alerts.end(keyOf(volume), 'volume.found', details)
    }
  }

  #hasDisk({ state, driver }: Volume): boolean {
    return state !== 'creating' && this.#deps.drivers.find(driver)?.attachment === 'recorded'
  }
}

const prefix = 'lost-disk '
const keyOf = ({ id }: Volume) => `${prefix}${id}`
