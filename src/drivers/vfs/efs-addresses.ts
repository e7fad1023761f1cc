import { ConvoyError, toConvoyError } from '../../errors.js'
import type { Placement } from '../../host/instance-metadata.js'
import type { Logger } from '../../model/call-context.js'
import type { EfsApi, MountTarget } from './efs-api.js'

export interface EfsAddressesDeps {
  readonly api: Pick<EfsApi, 'mountTargets'>
  /** ConvoyError `unavailable` where it is not known. */
  readonly region: () => Promise<string>
  /** ConvoyError `unavailable` when this is no instance of EC2. */
  readonly placement: () => Promise<Placement>
  readonly resolveHost: (name: string) => Promise<readonly string[]>
  readonly log: Logger
}

/** Where a file system is to be mounted from. */
export interface EfsAddress {
  /** An address, or the name that stands for one. */
  readonly server: string
  readonly zone?: string
}

/** Finds the mount targets of EFS file systems: by the API, or by their name in the DNS of the VPC. */
export class EfsAddresses {
  readonly #deps: EfsAddressesDeps

  constructor(deps: EfsAddressesDeps) {
    this.#deps = deps
  }

  /** The one in this zone, or in another one. ConvoyError `unavailable` says what was tried. */
  async choose(fileSystem: string): Promise<EfsAddress> {
    const targets = await this.#targets(fileSystem).catch((thrown: unknown) => toConvoyError(thrown))
    if (targets instanceof ConvoyError) return this.#byName(fileSystem, targets)
    const available = targets.filter(({ isAvailable }) => isAvailable)
    const zone = await this.#zone()
    const chosen = available.find((target) => target.zone === zone) ?? available[0]
    if (chosen === undefined) throw noTarget(fileSystem, targets)
    if (zone !== undefined && chosen.zone !== zone) {
      const fields = { fileSystem, zone, targetZone: chosen.zone, target: chosen.address }
      this.#deps.log.warn(
        fields,
        'EFS has no mount target in this zone: traffic to another zone is slower, and charged',
      )
    }
    return { server: chosen.address, ...(chosen.zone === undefined ? {} : { zone: chosen.zone }) }
  }

  /** All that it has now; none when that cannot be found out. */
  async all(fileSystem: string): Promise<readonly string[]> {
    try {
      return (await this.#targets(fileSystem)).map(({ address }) => address)
    } catch {
      const name = await this.#nameOf(fileSystem).catch(() => undefined)
      return name === undefined ? [] : this.#deps.resolveHost(name)
    }
  }

  #targets(fileSystem: string): Promise<readonly MountTarget[]> {
    return this.#deps.api.mountTargets(fileSystem)
  }

  async #zone(): Promise<string | undefined> {
    try {
      return (await this.#deps.placement()).zone
    } catch (thrown) {
      this.#deps.log.info({ err: thrown }, 'the zone of this host is not known: any mount target of EFS will do')
      return undefined
    }
  }

  async #byName(fileSystem: string, refusal: ConvoyError): Promise<EfsAddress> {
    const { resolveHost, log } = this.#deps
    if (refusal.code === 'not-found') throw notFound(fileSystem, refusal)
    const name = await this.#nameOf(fileSystem).catch((thrown: unknown) => {
      throw noAddress(fileSystem, refusal, toConvoyError(thrown).message)
    })
    const addresses = await resolveHost(name).catch(() => [])
    if (addresses.length === 0) throw noAddress(fileSystem, refusal, `${name} has no address in the DNS`)
    log.info(
      { fileSystem, name, reason: refusal.message },
      'EFS could not be asked for mount targets: its DNS name is used',
    )
    return { server: name }
  }

  async #nameOf(fileSystem: string): Promise<string> {
    const region = await this.#deps.region()
    return `${fileSystem}.efs.${region}.amazonaws.com${region.startsWith('cn-') ? '.cn' : ''}`
  }
}

function noTarget(fileSystem: string, targets: readonly MountTarget[]): ConvoyError {
  const found = targets.length === 0 ? 'none' : targets.map(({ address, zone }) => `${address} (${zone})`).join(', ')
  return new ConvoyError('unavailable', `${fileSystem} has no mount target that is available; there are: ${found}`, {
    hint: 'make one in a subnet of this VPC: aws efs create-mount-target',
  })
}

/** Not `not-found`: to whoever removes a volume that would say that it has gone. */
function notFound(fileSystem: string, cause: ConvoyError): ConvoyError {
  return new ConvoyError('unavailable', `there is no file system ${fileSystem}: ${cause.message}`, {
    hint: cause.hint ?? 'check its id',
    cause,
  })
}

function noAddress(fileSystem: string, refusal: ConvoyError, byName: string): ConvoyError {
  return new ConvoyError('unavailable', `no address of ${fileSystem} is known: ${refusal.message}; ${byName}`, {
    hint:
      `${refusal.hint ?? 'allow elasticfilesystem:DescribeMountTargets'}; or turn on DNS resolution and DNS hostnames of the VPC; ` +
      'or name a mount target: vfs.share=ADDRESS:/',
    cause: refusal,
  })
}
