import { ConvoyError } from '../errors.js'

/** Where this instance of EC2 runs. */
export interface Placement {
  /** `eu-west-1` */
  readonly region: string
  /** `eu-west-1a` */
  readonly zone: string
}

/** What an instance is called, and what it is. */
export interface Identity extends Placement {
  /** `i-0123456789abcdef0` */
  readonly instanceId: string
  /** `m7g.large` */
  readonly instanceType: string
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
  #identity: Promise<Identity> | undefined

  /** By default as the environment says, in the variables that the programs of AWS know. */
  constructor(deps: Partial<InstanceMetadataDeps> = {}) {
    const { env } = process
    this.#deps = {
      endpoint: env['AWS_EC2_METADATA_SERVICE_ENDPOINT']?.replace(/\/$/, '') ?? 'http://169.254.169.254',
      timeoutMs: timeoutOf(env['AWS_METADATA_SERVICE_TIMEOUT']) ?? 1500,
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

  /** Asked once; ConvoyError `unavailable` on what is no instance of EC2, or does not say. */
  identity(): Promise<Identity> {
    this.#identity ??= this.#askIdentity().catch((thrown: unknown) => {
      this.#identity = undefined
      throw thrown
    })
    return this.#identity
  }

  async #askPlacement(): Promise<Placement> {
    const read = await this.#open()
    const [region, zone] = await Promise.all([read('placement/region'), read('placement/availability-zone')])
    return { region, zone }
  }

  async #askIdentity(): Promise<Identity> {
    const read = await this.#open()
    const [instanceId, instanceType, region, zone] = await Promise.all([
      read('instance-id'),
      read('instance-type'),
      read('placement/region'),
      read('placement/availability-zone'),
    ])
    const identity = parseIdentity({ instanceId, instanceType, region, zone })
    if (identity !== undefined) return identity
    throw this.#silence(new Error(`${instanceId}, ${instanceType}, ${region}, ${zone}: not what EC2 would say`))
  }

  /** With a token, which is good for all that is read. */
  async #open(): Promise<(path: string) => Promise<string>> {
    if (this.#deps.isDisabled) throw new ConvoyError('unavailable', 'AWS_EC2_METADATA_DISABLED is set')
    const token = await this.#ask('api/token', {
      method: 'PUT',
      headers: { 'x-aws-ec2-metadata-token-ttl-seconds': '60' },
    })
    return (path) => this.#ask(`meta-data/${path}`, { headers: { 'x-aws-ec2-metadata-token': token } })
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
      throw this.#silence(cause)
    }
  }

  #silence(cause: unknown): ConvoyError {
    return new ConvoyError('unavailable', `EC2 does not tell this host where it is (${this.#deps.endpoint}, IMDSv2)`, {
      hint:
        'on an instance, turn its metadata on; in a container, set HttpPutResponseHopLimit of the instance to 2; ' +
        'anywhere else that is as it should be',
      cause,
    })
  }
}

/** Of whole seconds, for hosts that are slower than any instance. */
function timeoutOf(seconds: string | undefined): number | undefined {
  return seconds !== undefined && /^[1-9]\d{0,2}$/.test(seconds) ? Number(seconds) * 1000 : undefined
}

/** None for what is not an identity as EC2 writes it. */
export function parseIdentity(given: Readonly<Record<string, unknown>>): Identity | undefined {
  const { instanceId, instanceType, region, zone } = given
  const isWord = (value: unknown, shape: RegExp): value is string => typeof value === 'string' && shape.test(value)
  if (!isWord(instanceId, /^i-[0-9a-f]{8,32}$/) || !isWord(instanceType, /^[a-z0-9-]{1,32}\.[a-z0-9-]{1,32}$/))
    return undefined
  // Local zones are named for their region, too: `us-west-2-lax-1a`.
  if (!isWord(region, /^[a-z0-9-]{3,32}$/) || !isWord(zone, /^[a-z0-9-]{3,64}$/) || !zone.startsWith(region))
    return undefined
  return { instanceId, instanceType, region, zone }
}

/** The region that the environment names, as for any program that uses AWS. */
export function regionOfEnvironment(): string | undefined {
  const { AWS_REGION: region, AWS_DEFAULT_REGION: other } = process.env
  return region || other || undefined
}
