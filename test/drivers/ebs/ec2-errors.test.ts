import t from 'tap'
import { ec2CodeOf, ec2Error, failureKind, type FailureKind } from '../../../src/drivers/ebs/ec2-errors.js'
import { ConvoyError } from '../../../src/errors.js'

/** As the SDK throws it, or the system. */
const thrown = (name: string, { message = 'said by AWS', status = 400 } = {}) =>
  Object.assign(new Error(message), { name, $metadata: { httpStatusCode: status } })
const ofSystem = (code: string) => Object.assign(new Error(`connect ${code} 127.0.0.1:1`), { code })

const cases: readonly (readonly [string, Error, ConvoyError['code'], RegExp, FailureKind])[] = [
  [
    'S44',
    thrown('UnauthorizedOperation', { status: 403 }),
    'invalid-argument',
    /allow ec2:AttachVolume .*plugin-spec\/iam-policy\.json/,
    'final',
  ],
  [
    'S44',
    thrown('UnauthorizedOperation', { status: 403, message: 'u is not authorized to perform: ec2:CreateTags on x' }),
    'invalid-argument',
    /^allow ec2:CreateTags /,
    'final',
  ],
  [
    'EB29',
    Object.assign(new Error('Could not load credentials'), { name: 'CredentialsProviderError' }),
    'invalid-argument',
    /a role/,
    'final',
  ],
  ['EB29', thrown('RequestExpired'), 'invalid-argument', /expired.*clock/, 'stale'],
  ['EB29', thrown('ExpiredToken'), 'invalid-argument', /expired.*clock/, 'stale'],
  ['EB29', thrown('AuthFailure', { status: 401 }), 'invalid-argument', /does not take the credentials/, 'stale'],
  ['EB09', thrown('RequestLimitExceeded', { status: 503 }), 'unavailable', /in a minute/, 'throttled'],
  ['EB09', thrown('Client.RequestLimitExceeded', { status: 400 }), 'unavailable', /in a minute/, 'throttled'],
  ['EB09', thrown('ThrottlingException'), 'unavailable', /in a minute/, 'throttled'],
  ['EB05', thrown('InvalidVolume.NotFound'), 'not-found', /check the id, and the region/, 'final'],
  ['EB04', thrown('VolumeLimitExceeded'), 'invalid-argument', /higher quota/, 'final'],
  ['EB04', thrown('MaxIOPSLimitExceeded'), 'invalid-argument', /higher quota/, 'final'],
  ['EB26', thrown('InvalidKMSKey.InvalidState'), 'invalid-argument', /kmsKeyId/, 'final'],
  ['EB26', thrown('Client.InvalidKmsKeyId'), 'invalid-argument', /kmsKeyId/, 'final'],
  ['EB21', thrown('InvalidVolume.ZoneMismatch'), 'invalid-argument', /availability zone/, 'final'],
  ['EB20', thrown('VolumeInUse'), 'in-use', /detach it there/, 'final'],
  ['EB17', thrown('IncorrectState'), 'unavailable', /wait until/, 'final'],
  ['EB03', thrown('InvalidParameterCombination'), 'invalid-argument', /options of the volume/, 'final'],
  ['EB03', thrown('InvalidParameterValue'), 'invalid-argument', /options of the volume/, 'final'],
  ['EB08', thrown('ConcurrentTagAccess'), 'unavailable', /again/, 'transient'],
  ['EB01', Object.assign(new Error('gave up'), { name: 'TimeoutError' }), 'unavailable', /ebs\.endpoint/, 'transient'],
  ['EB01', ofSystem('ECONNREFUSED'), 'unavailable', /network/, 'transient'],
  ['EB01', ofSystem('ENOTFOUND'), 'unavailable', /network/, 'transient'],
]

for (const [row, error, code, hint, kind] of cases)
  t.test(`${row} ${error.name} ${error.message} is ${code}, with the next step`, (t) => {
    const translated = ec2Error('AttachVolume', error)
    t.match(translated, { code, hint, cause: error })
    t.ok(translated.message.includes('AttachVolume') && translated.message.includes(error.message))
    t.equal(failureKind(error), kind)
    t.end()
  })

t.test('EB01 what is new to us is told in the words of EC2: a refusal as one, a failure as one', (t) => {
  t.match(ec2Error('AttachVolume', thrown('NewlyInvented')), {
    code: 'invalid-argument',
    message: 'EC2 AttachVolume failed: NewlyInvented: said by AWS',
    hint: undefined,
  })
  const failed = thrown('NewlyInvented', { status: 500 })
  t.match(ec2Error('AttachVolume', failed), { code: 'unavailable' })
  t.equal(failureKind(failed), 'transient')
  t.equal(failureKind(thrown('NewlyInvented')), 'final')
  const own = new ConvoyError('deadline-exceeded', 'late')
  t.equal(ec2Error('AttachVolume', own), own)
  t.equal(failureKind(own), 'final')
  t.end()
})

t.test('EB29 no error holds a secret, nor what only AWS can read', (t) => {
  const message =
    'the key AKIAIOSFODNN7EXAMPLE, X-Amz-Signature=abcdef0123, is wrong. Encoded authorization failure message: AQoDYXdzE\n' +
    'The Canonical String for this request should have been\nx-amz-security-token:FwoGZXIvYXdz'
  for (const name of ['SignatureDoesNotMatch', 'UnauthorizedOperation']) {
    const error = ec2Error('CreateVolume', thrown(name, { message }))
    const shown = `${error.sentence} ${(error.cause as Error).message} ${(error.cause as Error).stack}`
    t.notMatch(shown, /AKIAIOS|abcdef0123|AQoDYX|FwoGZX/)
    t.match(shown, /the key …/)
    t.equal(ec2CodeOf(error), name)
  }
  t.end()
})
