import type { EbsDeps } from './ebs-deps.js'
import type { Ec2Attachment, Ec2Instance } from './ec2-api.js'

/** Between two readings of an instance's state, which EC2 may show late. */
const provenMs = 30_000
/** Between readings so far apart the instance may have run. */
const staleMs = 5 * 60_000

interface Readings {
  readonly firstMs: number
  readonly lastMs: number
}

/** Instances that have a volume and do not run. One reading is no proof: what EC2 says may be old. */
export class StoppedHolders {
  readonly #deps: Pick<EbsDeps, 'now'>
  readonly #readings = new Map<string, Readings>()

  constructor(deps: Pick<EbsDeps, 'now'>) {
    this.#deps = deps
  }

  /** Takes one more reading: whether it proves, with those before it, that the holder does not write. */
  isProven(volumeId: string, { instanceId, since = '' }: Ec2Attachment, instance: Ec2Instance | undefined): boolean {
    const key = `${volumeId} ${instanceId} ${since}`
    if (instance?.state !== 'stopped' && instance?.state !== 'terminated') {
      this.#readings.delete(key)
      return false
    }
    const nowMs = this.#deps.now().getTime()
    const before = this.#readings.get(key)
    const firstMs = before === undefined || nowMs - before.lastMs > staleMs ? nowMs : before.firstMs
    this.#readings.set(key, { firstMs, lastMs: nowMs })
    return nowMs - firstMs >= provenMs
  }
}
