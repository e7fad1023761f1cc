import { resolve } from 'node:path'
import { ConvoyError } from '../../errors.js'
import { optional } from '../../model/optional.js'
import { type Option, type OptionTable, type OptionValues, wholeNumber, withDefault } from '../../model/options.js'
import { isLinkLocal } from './link-local.js'

/** How S3 encrypts what it keeps. */
export interface ServerSideEncryption {
  readonly algorithm: 'AES256' | 'aws:kms'
  /** Of KMS; by default the account's own. */
  readonly keyId?: string
}

/** What S3 may be told besides its URL, named as on the command line. */
export const s3Options = {
  's3-endpoint': {
    parse: parseEndpoint,
    placeholder: 'URL',
    help: 'address of a server other than that of AWS; https, unless it begins with http://',
  },
  's3-credentials': {
    parse: (path) => resolve(path),
    placeholder: 'FILE',
    help: 'credentials for S3, as in ~/.aws/credentials (its profile "default"); else AWS_… variables, ~/.aws, or the role of the instance',
  } satisfies Option<string>,
  's3-storage-class': {
    parse: parseStorageClass,
    placeholder: 'CLASS',
    help: 'storage class of the data, for example STANDARD_IA; what is read often stays in the usual one',
  },
  's3-encryption': {
    parse: parseEncryption,
    placeholder: 'HOW',
    help: 'encryption by the server besides our own: AES256, aws:kms or aws:kms:KEY',
  },
  's3-connections': withDefault('16', {
    parse: wholeNumber(1, 256),
    placeholder: 'N',
    help: 'connections to S3 at once',
  }),
} as const satisfies OptionTable

export type S3Options = OptionValues<typeof s3Options>

function parseEndpoint(text: string): URL {
  const refuse = (hint: string) =>
    // Not shown: there may be a password in it.
    new ConvoyError('invalid-argument', 'that is not the address of an S3 server', { hint })
  const full = /^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? text : `https://${text}`
  if (!/^https?:\/\//i.test(full) || !URL.canParse(full)) throw refuse('for example https://minio.example.com:9000')
  const url = new URL(full)
  if (url.username !== '' || url.password !== '') throw refuse('give keys with --s3-credentials, not in the address')
  if (url.search !== '' || url.hash !== '') throw refuse('leave out what comes after the ? or #')
  if (isLinkLocal(url.hostname.replace(/^\[|\]$/g, ''))) throw refuse('a link-local address is never asked')
  return url
}

function parseStorageClass(text: string): string {
  if (/^(?:GLACIER|DEEP_ARCHIVE)$/.test(text))
    throw new ConvoyError('invalid-argument', `objects of class ${text} cannot be read at once`, {
      hint: 'use GLACIER_IR, or a lifecycle rule of the bucket for what you will not restore',
    })
  if (/^[A-Z][A-Z0-9_-]{0,63}$/.test(text)) return text
  throw new ConvoyError('invalid-argument', `${JSON.stringify(text.slice(0, 60))} is not a storage class`, {
    hint: 'for example STANDARD_IA',
  })
}

function parseEncryption(text: string): ServerSideEncryption {
  if (text === 'AES256') return { algorithm: 'AES256' }
  const kms = /^aws:kms(?::([\w:/.-]{1,2048}))?$/.exec(text)
  if (kms !== null) return { algorithm: 'aws:kms', ...optional('keyId', kms[1]) }
  throw new ConvoyError('invalid-argument', `${JSON.stringify(text.slice(0, 60))} is not a kind of encryption`, {
    hint: 'use AES256, aws:kms or aws:kms:KEY',
  })
}
