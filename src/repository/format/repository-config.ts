import { JsonFields } from './json-fields.js'
import { keyBytes } from './repository-key.js'
import { optional } from '../../model/optional.js'

/** `none`: the key lies open in the configuration. Everything is sealed all the same, and nothing is secret. */
export type RepositoryEncryption = 'key' | 'none'

/** What is written once, when a repository is made. */
export interface RepositoryConfig {
  /** A UUID. */
  readonly repositoryId: string
  readonly createdAtMs: number
  readonly encryption: RepositoryEncryption
  /** The master key, for all to see: if and only if `encryption` is `none`. */
  readonly openKey?: Buffer
}

export const configKey = 'config.json'

/** What the plain JSON objects may take. */
export const maximumJsonBytes = 65_536

const uuid = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

export function encodeRepositoryConfig({ repositoryId, createdAtMs, encryption, openKey }: RepositoryConfig): Buffer {
  const config = {
    format: 1,
    repositoryId,
    createdAt: new Date(createdAtMs).toISOString(),
    encryption,
    requires: [],
    ...optional('openKey', openKey?.toString('base64')),
  }
  return Buffer.from(`${JSON.stringify(config, undefined, 2)}\n`)
}

/** ConvoyError `damaged` for what is none, `unsupported` for that of a later version. `what` names it in messages. */
export function parseRepositoryConfig(bytes: Buffer, what: string): RepositoryConfig {
  const fields = JsonFields.parse(what, bytes.subarray(0, maximumJsonBytes))
  fields.requireKnownFormat()
  const encryption = fields.oneOf('encryption', ['key', 'none'])
  return {
    repositoryId: fields.text('repositoryId', uuid),
    createdAtMs: fields.time('createdAt'),
    encryption,
    ...optional('openKey', encryption === 'none' ? fields.bytes('openKey', keyBytes) : undefined),
  }
}
