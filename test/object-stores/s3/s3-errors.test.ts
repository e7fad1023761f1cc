import t from 'tap'
import { s3Error } from '../../../src/object-stores/s3/s3-errors.js'
import { failureKind } from '../../../src/object-stores/s3/s3-failures.js'
import { patientCall } from '../../fakes/memory-object-store.js'
import { account } from '../../s3/s3-server.js'
import { credentialsFile, startS3 } from './s3-world.js'
import { parseOptions } from '../../../src/model/options.js'
import { s3Options } from '../../../src/object-stores/s3/s3-options.js'

const call = patientCall()

/** As the SDK throws it. */
const refusal = (name: string, httpStatusCode: number, headers: Readonly<Record<string, string>> = {}) =>
  Object.assign(new Error('page of a server, with a secret'), {
    name,
    $metadata: { httpStatusCode },
    $response: { headers },
  })
const system = (code: string) => Object.assign(new Error(`connect ${code}`), { code })

t.test('each refusal is told in words, with what to do next', async (t) => {
  const cases: readonly (readonly [Error, string, RegExp, RegExp])[] = [
    [refusal('NoSuchBucket', 404), 'invalid-argument', /no such bucket \(NoSuchBucket, 404\)/, /name/],
    [refusal('AccessDenied', 403), 'invalid-argument', /access denied/, /s3:PutObject.*Object Lock/],
    [refusal('403', 403), 'invalid-argument', /access denied/, /s3:ListBucket/],
    [refusal('InvalidAccessKeyId', 403), 'invalid-argument', /access key/, /--s3-credentials/],
    [refusal('SignatureDoesNotMatch', 403), 'invalid-argument', /secret key/, /--s3-credentials/],
    [refusal('ExpiredToken', 400), 'invalid-argument', /expired/, /--s3-credentials/],
    [refusal('CredentialsProviderError', NaN), 'invalid-argument', /no credentials/, /AWS_/],
    [refusal('RequestTimeTooSkewed', 403), 'invalid-argument', /clock/, /timedatectl/],
    [
      refusal('PermanentRedirect', 301, { 'x-amz-bucket-region': 'eu-central-1' }),
      'invalid-argument',
      /another region/,
      /s3:\/\/bucket@eu-central-1\/path/,
    ],
    [
      refusal('AuthorizationHeaderMalformed', 400, { 'x-amz-bucket-region': 'not a region!' }),
      'invalid-argument',
      /another region/,
      /s3:\/\/bucket@region\/path/,
    ],
    [refusal('InvalidObjectState', 403), 'unavailable', /archive/, /restore/],
    [refusal('KMS.DisabledException', 400), 'invalid-argument', /KMS/, /--s3-encryption/],
    [refusal('InvalidStorageClass', 400), 'invalid-argument', /storage class/, /--s3-storage-class/],
    [refusal('SlowDown', 503), 'unavailable', /too much to do/, /--s3-connections/],
    [refusal('QuotaExceeded', 403), 'unavailable', /no space/, /prune/],
    [system('ECONNREFUSED'), 'unavailable', /does not answer \(ECONNREFUSED\)/, /--s3-endpoint/],
    [system('ENOTFOUND'), 'unavailable', /name of the server/, /--s3-endpoint/],
    [system('CERT_HAS_EXPIRED'), 'invalid-argument', /certificate/, /NODE_EXTRA_CA_CERTS/],
    [system('DEPTH_ZERO_SELF_SIGNED_CERT'), 'invalid-argument', /certificate/, /NODE_EXTRA_CA_CERTS/],
    [system('ELINKLOCAL'), 'invalid-argument', /link-local/, /never asked/],
    [new Error('Region is missing'), 'invalid-argument', /region/, /AWS_REGION/],
  ]
  for (const [thrown, code, message, hint] of cases) {
    const error = s3Error('read data/ab/1', 's3://bucket/path', thrown)
    t.match(error, { code, message, hint }, thrown.name)
    t.match(error.message, 'cannot read data/ab/1 in s3://bucket/path: ')
    t.notMatch(`${error.sentence} ${String((error.cause as Error).stack)}`, /with a secret/)
  }
  t.match(s3Error('x', 'y', refusal('<html>a page</html>', 418)).message, /: the server says 418$/)
})

t.test('what may pass is asked again, what may not is not', async (t) => {
  const kinds = {
    throttled: [refusal('SlowDown', 503), refusal('503', 503), refusal('TooManyRequestsException', 429)],
    transient: [
      refusal('InternalError', 500),
      refusal('504', 504),
      refusal('RequestTimeout', 400),
      refusal('ConditionalRequestConflict', 409),
      refusal('BadDigest', 400),
      system('ECONNRESET'),
      system('ECONNREFUSED'),
      system('EPIPE'),
      system('EAI_AGAIN'),
      Object.assign(new Error('x'), { name: 'TimeoutError' }),
    ],
    final: [
      refusal('AccessDenied', 403),
      refusal('NoSuchKey', 404),
      refusal('PreconditionFailed', 412),
      refusal('NotImplemented', 501),
      system('CERT_HAS_EXPIRED'),
      system('ELINKLOCAL'),
      new TypeError('a defect'),
      new Error('Region is missing'),
    ],
  }
  for (const [kind, all] of Object.entries(kinds))
    for (const thrown of all) t.equal(failureKind(thrown), kind, `${thrown.name} ${thrown.message}`)
})

t.test('wrong keys, buckets and regions are told by the first request, and asked for once', async (t) => {
  const { server, open } = await startS3(t, { aheadMs: 0 })
  const options = (file: string) =>
    parseOptions(s3Options, { 's3-endpoint': server.endpoint.href, 's3-credentials': file }, 'option')
  const withKeys = (keys: Partial<typeof account>) =>
    open({ options: options(credentialsFile(t, { ...account, ...keys })) })
  const refused = { code: 'invalid-argument' }
  const cases = [
    [withKeys({ accessKeyId: 'other' }), { ...refused, message: /access key \(InvalidAccessKeyId, 403\)/ }],
    [withKeys({ secretAccessKey: 'other' }), { ...refused, message: /secret key/ }],
    [open({ bucket: 'other' }), { ...refused, message: /no such bucket/ }],
    [open({ region: 'eu-west-1' }), { ...refused, message: /another region/ }],
    [
      open({ options: options('/nowhere/credentials') }),
      { ...refused, message: /\/nowhere\/credentials is not there/ },
    ],
  ] as const
  for (const [store, error] of cases) await t.rejects(store.get('config.json', undefined, call), error)
  t.equal(server.requests.length, 4)
})

t.test('S28: a redirect is not followed', async (t) => {
  const { server, open } = await startS3(t)
  const headers = { location: `${server.endpoint.href}bucket/elsewhere`, 'x-amz-bucket-region': 'eu-west-1' }
  server.faults.push({ match: /^GET/, what: { status: 301, code: 'PermanentRedirect', headers } })
  server.faults.push({ match: /^GET/, what: { status: 307, code: 'TemporaryRedirect', headers } })
  await t.rejects(open().get('config.json', undefined, call), { code: 'invalid-argument', hint: /eu-west-1/ })
  await t.rejects(open().get('config.json', undefined, call), { code: 'unavailable' })
  t.equal(server.requests.length, 2)
})

t.test('what Object Lock keeps is told, and the rest is removed', async (t) => {
  const { server, open } = await startS3(t)
  const store = open()
  for (const key of ['data/1', 'data/2']) await store.put(key, Buffer.alloc(100_000), {}, call)
  server.refuseRemoval = (key) => (key.endsWith('1') ? 'AccessDenied' : undefined)
  await t.rejects(store.remove(['data/1', 'data/2'], call), { code: 'invalid-argument', hint: /Object Lock/ })
  t.strictSame([...server.objects.keys()], ['folder/convoy2/data/1'])
  let refusals = 2
  server.refuseRemoval = () => (refusals-- > 0 ? 'InternalError' : undefined)
  await store.remove(['data/1'], call)
  t.strictSame([...server.objects.keys()], [])
})
