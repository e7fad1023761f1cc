import { randomBytes } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Cloud } from './cloud.js'
import { ownerId } from './instance-actions.js'

/**
 * `disabled`: turned off for this instance, which answers 403. `absent`: 404, as where something else has this address. `silent`: no
 * answer, as in a container that is one hop too far away.
 */
export type MetadataMode = 'on' | 'disabled' | 'absent' | 'silent'

const roleName = 'convoy'

/** What EC2 tells an instance about itself, by version 2 of its protocol alone. */
export class MetadataServer {
  mode: MetadataMode = 'on'
  /** Before each answer, by the real clock. */
  delayMs = 0
  /** Of the credentials that are given from now on. */
  credentialsLastMs = 6 * 3_600_000
  /** Whose metadata it is; none: everything is 404. */
  instanceId: string | undefined
  /** What was asked, as `GET /latest/…`. */
  readonly asked: string[] = []
  /** Of all credentials that were given, the newest last. */
  readonly accessKeyIds: string[] = []
  readonly #cloud: Cloud
  readonly #tokens = new Map<string, number>()

  constructor(cloud: Cloud) {
    this.#cloud = cloud
  }

  async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = '', url = '' } = request
    request.resume()
    this.asked.push(`${method} ${url}`)
    if (this.delayMs > 0) await sleep(this.delayMs, undefined, { ref: false })
    if (this.mode === 'silent') return
    const [status, body] = this.#answer(request, method, url)
    response.writeHead(status, { 'content-type': 'text/plain' }).end(body)
  }

  /** Tokens that were given are no good any more. */
  forgetTokens(): void {
    this.#tokens.clear()
  }

  #answer({ headers }: IncomingMessage, method: string, url: string): readonly [status: number, body: string] {
    if (this.mode === 'disabled') return [403, 'Forbidden']
    if (this.mode === 'absent') return [404, 'Not Found']
    const ttl = headers['x-aws-ec2-metadata-token-ttl-seconds']
    if (url === '/latest/api/token') {
      if (method !== 'PUT') return [405, 'Method Not Allowed']
      if (headers['x-forwarded-for'] !== undefined) return [403, 'Forbidden']
      return typeof ttl === 'string' && /^\d{1,5}$/.test(ttl) && Number(ttl) >= 1 && Number(ttl) <= 21_600
        ? [200, this.#newToken(Number(ttl) * 1000)]
        : [400, 'Bad Request']
    }
    const token = headers['x-aws-ec2-metadata-token']
    const ends = typeof token === 'string' ? this.#tokens.get(token) : undefined
    if (ends === undefined || ends <= this.#cloud.clock.now()) return [401, 'Unauthorized']
    if (method !== 'GET') return [405, 'Method Not Allowed']
    const found = this.#find(url.replace(/^\/latest\//, ''))
    return found === undefined ? [404, 'Not Found'] : [200, found]
  }

  #newToken(lastsMs: number): string {
    const token = randomBytes(40).toString('base64url')
    this.#tokens.set(token, this.#cloud.clock.now() + lastsMs)
    return token
  }

  #find(path: string): string | undefined {
    const instance = this.instanceId === undefined ? undefined : this.#cloud.findInstance(this.instanceId)
    if (instance === undefined) return undefined
    const { region } = this.#cloud
    const devices = { ami: instance.rootDevice, root: instance.rootDevice }
    const hidden = instance.hiddenDevices.map(
      (device, index) => [`ebs${index + 1}`, device.replace('/dev/', '')] as const,
    )
    const mapping: Readonly<Record<string, string>> = { ...devices, ...Object.fromEntries(hidden) }
    const [, mapped] = /^meta-data\/block-device-mapping\/(.+)$/.exec(path) ?? []
    if (mapped !== undefined) return mapping[mapped]
    const identity = { accountId: ownerId, region, availabilityZone: instance.zone, instanceId: instance.id }
    const texts: ReadonlyMap<string, () => string> = new Map([
      ['meta-data/placement/region', () => region],
      ['meta-data/placement/availability-zone', () => instance.zone],
      ['meta-data/instance-id', () => instance.id],
      ['meta-data/instance-type', () => instance.type],
      ['meta-data/block-device-mapping/', () => Object.keys(mapping).join('\n')],
      ['dynamic/instance-identity/document', () => JSON.stringify({ ...identity, instanceType: instance.type })],
      ['meta-data/iam/security-credentials/', () => roleName],
      [`meta-data/iam/security-credentials/${roleName}`, () => this.#credentials()],
    ])
    return texts.get(path)?.()
  }

  #credentials(): string {
    const now = Date.now()
    const id = `ASIA${randomBytes(8).toString('hex').toUpperCase()}`
    this.accessKeyIds.push(id)
    return JSON.stringify({
      Code: 'Success',
      LastUpdated: new Date(now).toISOString(),
      Type: 'AWS-HMAC',
      AccessKeyId: id,
      SecretAccessKey: 'none',
      Token: 'none',
      Expiration: new Date(now + this.credentialsLastMs).toISOString(),
    })
  }
}
