import t from 'tap'
import { efsError } from '../../../src/drivers/vfs/efs-errors.js'
import { ConvoyError } from '../../../src/errors.js'

/** As the SDK throws it, or the system. */
const thrown = (name: string, message = 'said by AWS', code?: string) =>
  Object.assign(new Error(message), { name }, code === undefined ? {} : { code })

const cases: readonly (readonly [Error, ConvoyError['code'], RegExp])[] = [
  [thrown('AccessDeniedException'), 'invalid-argument', /allow elasticfilesystem:CreateAccessPoint in the policy/],
  [thrown('CredentialsProviderError', 'Could not load credentials'), 'invalid-argument', /role of its instance/],
  [thrown('UnrecognizedClientException'), 'invalid-argument', /does not take the credentials/],
  [thrown('ExpiredTokenException'), 'invalid-argument', /clock of this host/],
  [thrown('FileSystemNotFound'), 'not-found', /check the id, and the region/],
  [thrown('AccessPointNotFound'), 'not-found', /check the id/],
  [thrown('AccessPointLimitExceeded'), 'invalid-argument', /higher quota/],
  [thrown('ThrottlingException'), 'unavailable', /again in a minute/],
  [thrown('TooManyRequestsException'), 'unavailable', /again in a minute/],
  [thrown('IncorrectFileSystemLifeCycleState'), 'unavailable', /wait until/],
  [thrown('BadRequest'), 'invalid-argument', /options of the volume/],
  [thrown('TimeoutError'), 'unavailable', /network.*vfs\.efsendpoint/],
  [thrown('Error', 'connect ECONNREFUSED 127.0.0.1:1', 'ECONNREFUSED'), 'unavailable', /network/],
  [thrown('Error', 'getaddrinfo ENOTFOUND x', 'ENOTFOUND'), 'unavailable', /network/],
]

for (const [error, code, hint] of cases)
  t.test(`${error.name} ${error.message} is ${code}, with the next step`, (t) => {
    const translated = efsError('CreateAccessPoint', error)
    t.match(translated, { code, hint, cause: error })
    t.ok(translated.message.includes('CreateAccessPoint') && translated.message.includes(error.message))
    t.end()
  })

t.test('what is new to us is shown as it is, and what is ours is not touched', (t) => {
  t.match(efsError('DeleteAccessPoint', thrown('NewlyInventedException')), {
    code: 'unavailable',
    message: 'EFS DeleteAccessPoint failed: NewlyInventedException: said by AWS',
    hint: undefined,
  })
  const own = new ConvoyError('deadline-exceeded', 'no answer within 20 s')
  t.equal(efsError('DeleteAccessPoint', own), own)
  t.end()
})
