import { ConvoyError, type ErrorCode, codeOf } from '../../errors.js'

interface Meaning {
  /** The name of the error, as the SDK has it, or the code of the system. */
  readonly names: RegExp
  readonly code: ErrorCode
  readonly hint: string
}

const noCredentials = 'give the daemon a role of its instance, AWS_… variables in /etc/convoy/convoy.env, or ~/.aws'

/** `PERMISSION` is the action that was refused. */
const meanings: readonly Meaning[] = [
  {
    names: /AccessDenied|AuthorizationError|NotAuthorized/,
    code: 'invalid-argument',
    hint: 'allow PERMISSION in the policy of the role or user that convoy has; README, EFS, shows the whole policy',
  },
  { names: /CredentialsProviderError|TokenProviderError/, code: 'invalid-argument', hint: noCredentials },
  {
    names:
      /UnrecognizedClient|InvalidClientTokenId|InvalidSignature|SignatureDoesNotMatch|ExpiredToken|MissingAuthentic/,
    code: 'invalid-argument',
    hint: `AWS does not take the credentials that convoy has, or the clock of this host is wrong; ${noCredentials}`,
  },
  {
    names: /(?:FileSystem|AccessPoint|MountTarget)NotFound/,
    code: 'not-found',
    hint: 'check the id, and the region: vfs.efsregion or AWS_REGION',
  },
  {
    names: /AccessPointLimitExceeded/,
    code: 'invalid-argument',
    hint: 'delete access points that nobody uses, or ask AWS for a higher quota; volumes without one need none',
  },
  {
    names: /Throttl|TooManyRequests|RequestLimitExceeded|SlowDown/,
    code: 'unavailable',
    hint: 'try again in a minute',
  },
  {
    names: /IncorrectFileSystemLifeCycleState/,
    code: 'unavailable',
    hint: 'wait until the file system is available: aws efs describe-file-systems',
  },
  {
    names: /BadRequest|Validation|InvalidParameter/,
    code: 'invalid-argument',
    hint: 'check the options of the volume',
  },
  {
    names: /Timeout|AbortError|ECONN|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH|EPIPE|^$/i,
    code: 'unavailable',
    hint: 'check the network to the API of EFS, or give the address of its endpoint here: vfs.efsendpoint',
  },
]

/** What was thrown by a call of the API, `action` being `CreateAccessPoint` for example. */
export function efsError(action: string, thrown: unknown): ConvoyError {
  if (thrown instanceof ConvoyError) return thrown
  const name = thrown instanceof Error ? thrown.name : ''
  const code = codeOf(thrown)
  const names = [name, code].filter((text) => text !== '' && text !== 'Error')
  const meaning = meanings.find((one) =>
    names.length === 0 ? one.names.test('') : names.some((text) => one.names.test(text)),
  )
  const said = thrown instanceof Error && thrown.message !== '' ? thrown.message : names.join()
  return new ConvoyError(
    meaning?.code ?? 'unavailable',
    `EFS ${action} failed: ${[...names.slice(0, 1), said].join(': ')}`,
    {
      ...(meaning === undefined ? {} : { hint: meaning.hint.replace('PERMISSION', `elasticfilesystem:${action}`) }),
      cause: thrown,
    },
  )
}
