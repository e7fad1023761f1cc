import { ConvoyError } from '../errors.js'

/** Where this instance of EC2 runs. */
export interface Placement {
  /** `eu-west-1` */
  readonly region: string
  /** `eu-west-1a` */
  readonly zone: string
}

export interface InstanceMetadataDeps {
  /** Without a slash at its end. */
  readonly endpoint: string
  readonly timeoutMs: number
  readonly isDisabled: boolean
}

/** What EC2 tells an instance about itself, by version 2 of its protocol alone: version 1 can be asked by way of others. */
export class InstanceMetadata {
  readonly #deps: InstanceMetadataDeps
  #placement: Promise<Placement> | undefined

  /** By default as the environment says, in the variables that the SDK of AWS knows. */
  constructor(deps: Partial<InstanceMetadataDeps> = {}) {
    const { env } = process
    this.#deps = {
      endpoint: env['AWS_EC2_METADATA_SERVICE_ENDPOINT']?.replace(/\/$/, '') ?? 'http://169.254.169.254',
      timeoutMs: 1500,
      isDisabled: env['AWS_EC2_METADATA_DISABLED']?.toLowerCase() === 'true',
      ...deps,
    }
  }

  /** Asked once; ConvoyError `unavailable` on what is no instance of EC2, or does not say. */
  placement(): Promise<Placement> {
    this.#placement ??= this.#askPlacement().catch((thrown: unknown) => {
      this.#placement = undefined
      throw thrown
    })
    return this.#placement
  }

  async #askPlacement(): Promise<Placement> {
    if (this.#deps.isDisabled) throw new ConvoyError('unavailable', 'AWS_EC2_METADATA_DISABLED is set')
    const token = await this.#ask('api/token', {
      method: 'PUT',
      headers: { 'x-aws-ec2-metadata-token-ttl-seconds': '60' },
    })
    const read = (path: string) =>
      this.#ask(`meta-data/placement/${path}`, { headers: { 'x-aws-ec2-metadata-token': token } })
    const [region, zone] = await Promise.all([read('region'), read('availability-zone')])
    return { region, zone }
  }

  async #ask(path: string, request: RequestInit): Promise<string> {
    const { endpoint, timeoutMs } = this.#deps
    const signal = AbortSignal.timeout(timeoutMs)
    try {
      const response = await fetch(`${endpoint}/latest/${path}`, { ...request, signal, redirect: 'error' })
      const text = await response.text()
      if (response.ok && /^[\x21-\x7e]{1,1024}$/.test(text)) return text
      throw new Error(`${path}: status ${response.status}`)
    } catch (cause) {
      throw new ConvoyError('unavailable', `EC2 does not tell this host where it is (${endpoint}, IMDSv2)`, {
        hint:
          'on an instance, turn its metadata on; in a container, set HttpPutResponseHopLimit of the instance to 2; ' +
          'anywhere else that is as it should be',
        cause,
      })
    }
  }
}

/** The region that the environment names, as for any program that uses AWS. */
export function regionOfEnvironment(): string | undefined {
  const { AWS_REGION: region, AWS_DEFAULT_REGION: other } = process.env
  return region || other || undefined
}
