import { ConvoyError, type ErrorCode, codeOf } from '../../errors.js'

interface Meaning {
  /** Of EC2's code, as `InvalidVolume.NotFound`, of the SDK's name for its own errors, or of the system's code. */
  readonly names: RegExp
  readonly code: ErrorCode
  readonly hint: string
}

/**
 * What may be done about a failed request. `throttled`: later, and more slowly. `transient`: again, although EC2 may have carried it
 * out. `stale`: again with fresh credentials. `final`: nothing.
 */
export type FailureKind = 'throttled' | 'transient' | 'stale' | 'final'

const giveCredentials = 'give this instance a role, or AWS_… variables in /etc/convoy/convoy.env, or ~/.aws'

const throttles = /^(?:RequestLimitExceeded|Throttl|TooManyRequests|SlowDown|RequestThrottled|EC2Throttled)/
const network = /Timeout|AbortError|ECONN|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|EHOSTDOWN|ENETUNREACH|EPIPE|EPROTO/i
const staleCredentials = /^(?:RequestExpired|ExpiredToken|AuthFailure|InvalidClientTokenId|UnrecognizedClient)/

/** `PERMISSION` is the action that was refused. The first that fits is meant. */
const meanings: readonly Meaning[] = [
  {
    names: /^(?:UnauthorizedOperation|AccessDenied|Client\.UnauthorizedOperation)/,
    code: 'invalid-argument',
    hint: 'allow PERMISSION to the role of this instance: plugin-spec/iam-policy.json is the whole policy',
  },
  { names: /CredentialsProviderError|TokenProviderError/, code: 'invalid-argument', hint: giveCredentials },
  {
    names: /^(?:RequestExpired|ExpiredToken|RequestInTheFuture|RequestTimeTooSkewed)/,
    code: 'invalid-argument',
    hint: `the credentials have expired and there are no new ones, or the clock of this host is wrong; ${giveCredentials}`,
  },
  {
    names:
      /^(?:AuthFailure|InvalidClientTokenId|UnrecognizedClient|InvalidSignature|SignatureDoesNotMatch|MissingAuth)/,
    code: 'invalid-argument',
    hint: `AWS does not take the credentials that convoy has, or the clock of this host is wrong; ${giveCredentials}`,
  },
  {
    names: throttles,
    code: 'unavailable',
    hint: 'others of this AWS account ask EC2 too often; try again in a minute',
  },
  {
    names: /KMS|Kms/,
    code: 'invalid-argument',
    hint: 'check kmsKeyId: the key has to be of this region and enabled, and its policy has to allow its use to this role',
  },
  {
    names: /ZoneMismatch/,
    code: 'invalid-argument',
    hint: 'a volume can be attached in its own availability zone only: use a host there, or a volume of this zone',
  },
  {
    names: /^Invalid\w+\.NotFound$/,
    code: 'not-found',
    hint: 'check the id, and the region: AWS_REGION, or that of this instance',
  },
  { names: /^VolumeInUse$/, code: 'in-use', hint: 'detach it there first' },
  { names: /^Incorrect\w*State$/, code: 'unavailable', hint: 'wait until EC2 has done what it is doing with it' },
  { names: /^(?:OperationNotPermitted|Unsupported|InvalidAction)/, code: 'unsupported', hint: 'use another volume' },
  {
    names: /^Insufficient\w*Capacity/,
    code: 'unavailable',
    hint: 'AWS has no room for this in the zone now: try again later, or another type or zone',
  },
  {
    names: /LimitExceeded$|QuotaExceeded/,
    code: 'invalid-argument',
    hint: 'delete what nobody uses, or ask AWS for a higher quota',
  },
  { names: /^ConcurrentTagAccess$/, code: 'unavailable', hint: 'try again' },
  {
    names: /^(?:Invalid|Missing|Unknown|Malformed|Validation|Idempotent)/,
    code: 'invalid-argument',
    hint: 'check the options of the volume',
  },
  {
    names: network,
    code: 'unavailable',
    hint: 'check the network to the API of EC2, or give the address of its endpoint here: ebs.endpoint',
  },
]

/** What was thrown by a call of the API, `action` being `AttachVolume` for example. */
export function ec2Error(action: string, thrown: unknown): ConvoyError {
  if (thrown instanceof ConvoyError) return thrown
  const names = namesOf(thrown)
  const meaning = meaningOf(names)
  const said = thrown instanceof Error && thrown.message !== '' ? withoutSecrets(thrown.message) : names.join()
  return new ConvoyError(
    meaning?.code ?? (isRefusal(thrown) ? 'invalid-argument' : 'unavailable'),
    `EC2 ${action} failed: ${[...names.slice(0, 1), said].join(': ')}`,
    {
      ...(meaning === undefined
        ? {}
        : { hint: meaning.hint.replace('PERMISSION', refusedAction(said) ?? `ec2:${action}`) }),
      cause: loggable(thrown),
    },
  )
}

/** EC2's code of what was translated here, as `VolumeInUse`; empty for everything else. */
export function ec2CodeOf(error: unknown): string {
  const cause = error instanceof ConvoyError ? error.cause : error
  return namesOf(cause)[0] ?? ''
}

export function failureKind(thrown: unknown): FailureKind {
  if (thrown instanceof ConvoyError) return 'final'
  const names = namesOf(thrown)
  const status = statusOf(thrown)
  if (names.some((name) => throttles.test(name)) || status === 429 || status === 503) return 'throttled'
  if (names.some((name) => staleCredentials.test(name))) return 'stale'
  if (names.includes('ConcurrentTagAccess') || (status !== undefined && status >= 500)) return 'transient'
  return status === undefined && meaningOf(names)?.names === network ? 'transient' : 'final'
}

/** What a policy did not allow: a request may need more than its own name says, as CreateVolume with tags does. */
const refusedAction = (said: string) => /not authorized to perform: ([a-z0-9]+:\w+)/.exec(said)?.[1]

const meaningOf = (names: readonly string[]) => meanings.find((one) => names.some((name) => one.names.test(name)))

function namesOf(thrown: unknown): readonly string[] {
  if (!(thrown instanceof Error)) return []
  const names = [thrown.name, codeOf(thrown)].filter(
    (name) => !['', 'Error', 'AggregateError', 'Unknown'].includes(name),
  )
  return names.map((name) => name.replace(/^(?:Client|Server)\./, ''))
}

/** Of the answer, if there was one. */
function statusOf(thrown: unknown): number | undefined {
  if (!(thrown instanceof Error) || !('$metadata' in thrown)) return undefined
  const { $metadata: metadata } = thrown
  if (typeof metadata !== 'object' || metadata === null || !('httpStatusCode' in metadata)) return undefined
  return typeof metadata.httpStatusCode === 'number' ? metadata.httpStatusCode : undefined
}

function isRefusal(thrown: unknown): boolean {
  const status = statusOf(thrown)
  return status !== undefined && status >= 400 && status < 500
}

/** What is wrong with a signature is told with all that was signed; what a policy refused, with pages that only AWS can read. */
function withoutSecrets(message: string): string {
  const [line = ''] = message.split(/\n|The Canonical String/i)
  return line
    .replace(/\s*Encoded authorization failure message: \S+/, '')
    .replace(/\b(?:AKIA|ASIA)[A-Z0-9]{12,}/g, '…')
    .replace(/((?:security-token|signature|secret\w*)['"]?\s*[=:]\s*)[^\s&,]+/gi, '$1…')
    .slice(0, 1000)
    .trim()
}

/** The same, when nothing of it has to be kept from a log. */
function loggable(thrown: unknown): unknown {
  if (!(thrown instanceof Error)) return thrown
  const message = withoutSecrets(thrown.message)
  if (message === thrown.message) return thrown
  return Object.assign(new Error(message), { name: thrown.name })
}
