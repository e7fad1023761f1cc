import { ConvoyError } from '../../errors.js'
import type { Identity } from '../../host/instance-metadata.js'
import type { AttachmentLimit, Ec2Api, Ec2Instance } from './ec2-api.js'

/** All names of two letters that EC2 takes: `/dev/xvdb` to `/dev/xvdz` may be disks of the instance itself, these may not. */
const names: readonly string[] = ['b', 'c', 'd', 'a'].flatMap((first) =>
  Array.from('abcdefghijklmnopqrstuvwxyz', (last) => `/dev/xvd${first}${last}`),
)

const staleMs = 60_000
/** No call is on its way for so long: EC2 shows by then whether a volume is attached. */
const underWayMs = 10 * 60_000

interface Given {
  readonly name: string
  readonly at: number
}

export interface DeviceNamesDeps {
  readonly api: Ec2Api
  readonly here: Identity
  readonly now: () => Date
}

/**
 * Device names of this instance for volumes that are to be attached. A name is only a word that EC2 wants: what the kernel calls the
 * disk has nothing to do with it. Two volumes never get the same name, and one that did not work is the last to be tried again.
 */
export class DeviceNames {
  readonly #deps: DeviceNamesDeps
  /** By volume: names on their way to EC2, or attached since EC2 was last asked. */
  readonly #given = new Map<string, Given>()
  /** Names that EC2 refuses although it shows nothing there, or on which a volume was stuck. */
  readonly #bad = new Set<string>()
  #last = -1
  #instance: { readonly seen: Ec2Instance; readonly at: number } | undefined

  constructor(deps: DeviceNamesDeps) {
    this.#deps = deps
  }

  /**
   * A name that is free, and room for one more; the same one for a volume that has one. ConvoyError `invalid-argument` when the
   * instance is full: waiting does not help.
   */
  async take(volumeId: string, signal: AbortSignal): Promise<string> {
    const own = this.#given.get(volumeId)
    if (own !== undefined) return own.name
    const limit = await this.#deps.api.attachmentLimit(this.#deps.here.instanceType, signal)
    let instance = await this.#ask(signal)
    // What was detached since then makes room.
    if (this.#isFull(volumeId, instance, limit)) instance = await this.#askAnew(signal)
    // From here on nothing is waited for: nobody else takes the name or the room.
    if (this.#isFull(volumeId, instance, limit)) throw full(this.#deps.here, limit && roomOf(instance, limit))
    return this.#choose(volumeId, instance)
  }

  #choose(volumeId: string, instance: Ec2Instance | undefined): string {
    const given = [...this.#given.values()].map(({ name }) => name)
    const used = new Set([...(instance?.devices ?? []).map(({ device }) => normal(device)), ...given])
    const free = names.filter((name) => !used.has(name))
    const usable = free.filter((name) => !this.#bad.has(name))
    // In turn: a name that was used a moment ago may still be busy in EC2.
    const inTurn = (usable.length > 0 ? usable : free).sort((a, b) => this.#distance(a) - this.#distance(b))
    const [next] = inTurn
    if (next === undefined) throw full(this.#deps.here, names.length)
    this.#given.set(volumeId, { name: next, at: this.#deps.now().getTime() })
    this.#last = names.indexOf(next)
    return next
  }

  /** The volume is not attached under its name, and is not on its way. */
  giveBack(volumeId: string): void {
    this.#given.delete(volumeId)
  }

  /** The same, and the name did not work. */
  markBad(volumeId: string, device: string): void {
    this.#given.delete(volumeId)
    this.#bad.add(normal(device))
    this.#instance = undefined
  }

  #distance(name: string): number {
    return (names.indexOf(name) - this.#last - 1 + names.length) % names.length
  }

  async #ask(signal: AbortSignal): Promise<Ec2Instance | undefined> {
    const isFresh = this.#instance !== undefined && this.#deps.now().getTime() - this.#instance.at <= staleMs
    return isFresh ? this.#instance?.seen : this.#askAnew(signal)
  }

  async #askAnew(signal: AbortSignal): Promise<Ec2Instance | undefined> {
    const { api, here, now } = this.#deps
    const seen = await api.findInstance(here.instanceId, signal)
    const at = now().getTime()
    if (seen === undefined) return undefined
    this.#instance = { seen, at }
    for (const [volumeId, given] of this.#given) if (at - given.at > underWayMs) this.#given.delete(volumeId)
    return seen
  }

  #isFull(volumeId: string, instance: Ec2Instance | undefined, limit: AttachmentLimit | undefined): boolean {
    if (instance === undefined || limit === undefined) return false
    const volumes = new Set([...instance.devices.map((device) => device.volumeId), ...this.#given.keys()])
    return !volumes.has(volumeId) && volumes.size >= roomOf(instance, limit)
  }
}

/** How many volumes there is room for in all. */
function roomOf(instance: Ec2Instance | undefined, { most, isShared, instanceDisks }: AttachmentLimit): number {
  return isShared ? most - (instance?.networkInterfaces ?? 0) - instanceDisks : most
}

/** `/dev/sdba` and `xvdba` are the same place. */
const normal = (device: string) => device.replace(/^(?:\/dev\/)?(?:sd|xvd)/, '/dev/xvd')

/** ConvoyError for an instance that takes no more volumes. */
export function full({ instanceId, instanceType }: Identity, most?: number): ConvoyError {
  const number = most === undefined ? '' : ` than ${most} volumes, with the one it started from`
  return new ConvoyError(
    'invalid-argument',
    `no volume can be attached to ${instanceId}: ${instanceType} takes no more${number}`,
    {
      hint: 'stop containers whose volumes are not needed here, or use a larger instance',
    },
  )
}
