import { ConvoyError, type ErrorCode } from '../../errors.js'
import { linkLocalCode } from './link-local.js'
import { badCertificate, failureOf, network, type S3Failure, throttles } from './s3-failures.js'

interface Meaning {
  readonly names: RegExp
  readonly code: ErrorCode
  readonly what: string
  readonly hint?: string
}

const giveCredentials = 'give --s3-credentials FILE, or AWS_… variables, ~/.aws, or a role to this instance'

/** The first that fits is meant. */
const meanings: readonly Meaning[] = [
  { names: /^(?:NoSuchKey|NotFound)$/, code: 'not-found', what: 'it is not there' },
  {
    names: /^NoSuchBucket$/,
    code: 'invalid-argument',
    what: 'there is no such bucket',
    hint: 'check its name, or make it',
  },
  {
    names: /^(?:PermanentRedirect|AuthorizationHeaderMalformed|IllegalLocationConstraintException|301)$/,
    code: 'invalid-argument',
    what: 'the bucket is in another region',
    hint: 'write the region of the bucket into the URL: s3://bucket@region/path',
  },
  {
    names: /^InvalidAccessKeyId$/,
    code: 'invalid-argument',
    what: 'S3 does not know the access key',
    hint: giveCredentials,
  },
  {
    names: /^SignatureDoesNotMatch$/,
    code: 'invalid-argument',
    what: 'the secret key is not that of the access key',
    hint: giveCredentials,
  },
  {
    names: /^(?:ExpiredToken|InvalidToken|TokenRefreshRequired)/,
    code: 'invalid-argument',
    what: 'the credentials have expired',
    hint: giveCredentials,
  },
  {
    names: /CredentialsProviderError|TokenProviderError/,
    code: 'invalid-argument',
    what: 'there are no credentials for S3',
    hint: giveCredentials,
  },
  {
    names: /^Region is missing$/,
    code: 'invalid-argument',
    what: 'the region is not known',
    hint: 'write it into the URL, s3://bucket@region/path, or set AWS_REGION',
  },
  {
    names: /^RequestTimeTooSkewed$/,
    code: 'invalid-argument',
    what: 'the clock of this host is wrong',
    hint: 'set the clock: timedatectl set-ntp true',
  },
  {
    names: /^(?:AccessDenied|Forbidden|AllAccessDisabled|AccountProblem|403)$/,
    code: 'invalid-argument',
    what: 'access denied',
    hint: 'allow s3:ListBucket for the bucket, and s3:GetObject, s3:PutObject and s3:DeleteObject for its objects; what Object Lock retains can be deleted later only',
  },
  {
    names: /ObjectLock|Retention|LegalHold|^InvalidRequestObjectLock/,
    code: 'invalid-argument',
    what: 'Object Lock retains it',
    hint: 'delete it again when its retention is over',
  },
  {
    names: /^InvalidObjectState$/,
    code: 'unavailable',
    what: 'it is in an archive',
    hint: 'restore the objects from the archive of S3 first, and keep lifecycle rules off config.json, keys, index, backups and meta',
  },
  {
    names: /KMS/,
    code: 'invalid-argument',
    what: 'the key of KMS cannot be used',
    hint: 'check --s3-encryption: the key has to be of this region and enabled, and its policy has to allow its use',
  },
  {
    names: /^(?:InvalidStorageClass|InvalidEncryptionAlgorithmError)/,
    code: 'invalid-argument',
    what: 'the server has no such storage class or encryption',
    hint: 'check --s3-storage-class and --s3-encryption',
  },
  {
    names: /^(?:CutBody|BadAnswer)$/,
    code: 'unavailable',
    what: 'the answer of the server cannot be right',
    hint: 'check the network and the server; one that lists out of order, as S3 Express, cannot be used',
  },
  {
    names: /^(?:QuotaExceeded|XMinioStorageFull|InsufficientStorage|EntityTooLarge|507)/,
    code: 'unavailable',
    what: 'no space is left there, or the quota is used up',
    hint: 'delete backups and prune, or raise the quota',
  },
  {
    names: throttles,
    code: 'unavailable',
    what: 'the server has too much to do',
    hint: 'try again later, or with fewer --s3-connections',
  },
  {
    names: new RegExp(`^${linkLocalCode}$`),
    code: 'invalid-argument',
    what: 'the name of the server leads to a link-local address',
    hint: 'such an address is never asked: check the name, and who answers for it',
  },
  {
    names: badCertificate,
    code: 'invalid-argument',
    what: 'the certificate of the server is not good',
    hint: 'check the address and the clock; for an authority of your own set NODE_EXTRA_CA_CERTS to its certificate',
  },
  {
    names: /ENOTFOUND|EAI_/,
    code: 'unavailable',
    what: 'the name of the server is not found',
    hint: 'check --s3-endpoint, the region and the name servers of this host',
  },
  {
    names: network,
    code: 'unavailable',
    what: 'the server does not answer',
    hint: 'check --s3-endpoint and the network',
  },
]

/** `what`: what was wanted, as `store data/ab/…`; `url`: of the destination. */
export function s3Error(what: string, url: string, thrown: unknown): ConvoyError {
  if (thrown instanceof ConvoyError) return thrown
  const failure = failureOf(thrown)
  const meaning = meanings.find(({ names }) => names.test(failure.name))
  const word = [...new Set([failure.name, String(failure.status ?? '')])].filter(Boolean).join(', ') || 'nothing'
  const hint =
    failure.region === undefined || meaning?.what !== 'the bucket is in another region'
      ? meaning?.hint
      : `it is in ${failure.region}: s3://bucket@${failure.region}/path`
  return new ConvoyError(
    meaning?.code ?? (isRefusal(failure) ? 'invalid-argument' : 'unavailable'),
    `cannot ${what} in ${url}: ${meaning === undefined ? `the server says ${word}` : `${meaning.what} (${word})`}`,
    { ...(hint === undefined ? {} : { hint }), cause: new Error(word) },
  )
}

const isRefusal = ({ status }: S3Failure) => status !== undefined && status >= 400 && status < 500
