import { chmodSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import t from 'tap'
import { parseOption, parseOptions } from '../../../src/model/options.js'
import { BytePace } from '../../../src/host/byte-pace.js'
import { isLinkLocal, lookUpRemote } from '../../../src/object-stores/s3/link-local.js'
import { openS3Client } from '../../../src/object-stores/s3/s3-client.js'
import { parseCredentials, readCredentials } from '../../../src/object-stores/s3/s3-credentials.js'
import { s3Options } from '../../../src/object-stores/s3/s3-options.js'
import { patientCall } from '../../fakes/memory-object-store.js'
import { credentialsFile, startS3 } from './s3-world.js'

const call = patientCall()
const parse = (name: keyof typeof s3Options, text: string) =>
  parseOption<unknown>(s3Options[name], name, text, 'option')

t.test('S28: an endpoint is https unless it says otherwise, holds no secrets, and is never link-local', async (t) => {
  for (const [text, href] of [
    ['minio.example.com:9000', 'https://minio.example.com:9000/'],
    ['https://s3.example.com', 'https://s3.example.com/'],
    ['http://10.0.0.1:9000/', 'http://10.0.0.1:9000/'],
    ['http://[::1]:9000', 'http://[::1]:9000/'],
  ] as const)
    t.equal(String(parse('s3-endpoint', text)), href)
  const bad = [
    '',
    'ftp://host',
    'file:///etc/passwd',
    'https://user:geheim@host',
    'https://geheim@host',
    'https://host/?query',
    'https://host/#part',
    'http://169.254.169.254/latest',
    'http://0xa9fea9fe/',
    'http://2852039166',
    'http://[fe80::1]',
    'http://[fd00:ec2::254]',
    'http://[::ffff:169.254.169.254]/',
  ]
  for (const text of bad)
    t.throws(() => parse('s3-endpoint', text), { code: 'invalid-argument', message: /^(?!.*geheim)/ }, text)
})

t.test('S28: a name that leads to a link-local address leads nowhere', async (t) => {
  for (const address of ['169.254.169.254', 'fe80::1', 'fd00:ec2::254', '::ffff:a9fe:a9fe']) t.ok(isLinkLocal(address))
  for (const address of ['127.0.0.1', '::1', '10.0.0.1', 'fd00::1', 'example.com', '']) t.notOk(isLinkLocal(address))
  const found = await new Promise((resolve) => lookUpRemote('169.254.169.254', {}, (error) => resolve(error)))
  t.match(found, { code: 'ELINKLOCAL' })
  const fine = await new Promise((resolve) => lookUpRemote('127.0.0.1', { all: true }, (_, all) => resolve(all)))
  t.strictSame(fine, [{ address: '127.0.0.1', family: 4 }])
})

t.test('S28: the connections of the client look names up so', async (t) => {
  const { server } = await startS3(t)
  const texts = { 's3-endpoint': server.endpoint.href, 's3-credentials': credentialsFile(t) }
  const { client, sdk } = await openS3Client({ region: 'us-west-2', options: parseOptions(s3Options, texts, 'option') })
  await client.send(new sdk.ListObjectsV2Command({ Bucket: 'bucket' }))
  // The SDK's types do not say what its handler has, nor Node's what an agent keeps.
  const handler = client.config.requestHandler as unknown as { httpHandlerConfigs: () => Record<string, unknown> }
  const { httpAgent, httpsAgent } = handler.httpHandlerConfigs()
  for (const agent of [httpAgent, httpsAgent]) t.match(agent, { options: { lookup: lookUpRemote } })
})

t.test('storage classes that cannot be read at once, and odd encryptions, are refused', async (t) => {
  t.equal(parse('s3-storage-class', 'STANDARD_IA'), 'STANDARD_IA')
  for (const text of ['GLACIER', 'DEEP_ARCHIVE', 'standard', '']) t.throws(() => parse('s3-storage-class', text))
  t.strictSame(parse('s3-encryption', 'AES256'), { algorithm: 'AES256' })
  t.strictSame(parse('s3-encryption', 'aws:kms'), { algorithm: 'aws:kms' })
  const keyId = 'arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab'
  t.strictSame(parse('s3-encryption', `aws:kms:${keyId}`), { algorithm: 'aws:kms', keyId })
  for (const text of ['', 'none', 'aws:kms:', 'aws:kms:a b']) t.throws(() => parse('s3-encryption', text))
})

t.test('credentials are read from a profile file that only its owner may read', async (t) => {
  t.strictSame(
    parseCredentials(
      '# mine\r\n[other]\r\naws_access_key_id=no\naws_secret_access_key=no\n[default]\naws_access_key_id = AK\n aws_secret_access_key=s/+=\naws_session_token = t=\n',
      'file',
    ),
    { accessKeyId: 'AK', secretAccessKey: 's/+=', sessionToken: 't=' },
  )
  t.throws(() => parseCredentials('[other]\naws_access_key_id=geheim\naws_secret_access_key=geheim', 'file'), {
    code: 'invalid-argument',
    message: /^(?!.*geheim)/,
    hint: /aws_access_key_id/,
  })
  const path = credentialsFile(t)
  t.match(await readCredentials(path), { accessKeyId: 'test-key' })
  symlinkSync(path, `${path}-link`)
  t.match(await readCredentials(`${path}-link`), { accessKeyId: 'test-key' })
  chmodSync(path, 0o640)
  await t.rejects(readCredentials(path), { code: 'invalid-argument', hint: /chmod 600/ })
  await t.rejects(readCredentials(join(path, '..')), { code: 'invalid-argument' })
  writeFileSync(`${path}-large`, Buffer.alloc(70_000), { mode: 0o600 })
  await t.rejects(readCredentials(`${path}-large`), { code: 'invalid-argument' })
})

t.test('the server is told the encryption of everything, and the class of the data', async (t) => {
  const { server, open } = await startS3(t)
  const texts = {
    's3-endpoint': server.endpoint.href,
    's3-credentials': credentialsFile(t),
    's3-encryption': 'aws:kms:key',
    's3-storage-class': 'STANDARD_IA',
  }
  const store = open({ options: parseOptions(s3Options, texts, 'option') })
  for (const key of ['data/ab/1', 'meta/ab/1']) await store.put(key, Buffer.alloc(100_000), {}, call)
  const headersOf = (key: string) => server.objects.get(`folder/convoy2/${key}`)?.headers
  const encryption = {
    'x-amz-server-side-encryption': 'aws:kms',
    'x-amz-server-side-encryption-aws-kms-key-id': 'key',
  }
  t.match(headersOf('data/ab/1'), { ...encryption, 'x-amz-storage-class': 'STANDARD_IA' })
  t.match(headersOf('meta/ab/1'), { ...encryption, 'x-amz-storage-class': undefined })
})

t.test('no more connections are made than may be', async (t) => {
  const { server, open } = await startS3(t)
  const texts = { 's3-endpoint': server.endpoint.href, 's3-credentials': credentialsFile(t), 's3-connections': '2' }
  const store = open({ options: parseOptions(s3Options, texts, 'option') })
  const warnings: Error[] = []
  const warn = (warning: Error) => void warnings.push(warning)
  process.on('warning', warn)
  t.teardown(() => process.off('warning', warn))
  const call = patientCall()
  await Promise.all(
    Array.from({ length: 20 }, (_, index) => store.put(`data/${index}`, Buffer.alloc(70_000), {}, call)),
  )
  t.equal(server.objects.size, 20)
  t.equal(server.connections, 2)
  await setImmediate()
  t.strictSame(warnings, [], 'and nobody is warned of all who listen to one signal')
})

t.test('uploads keep to their pace, all together, and a repeated one as well', async (t) => {
  const { server, open } = await startS3(t)
  let nowMs = 0
  const pace = new BytePace(1_000_000, {
    nowMs: () => nowMs,
    pause: (ms) => {
      nowMs += ms
      return Promise.resolve()
    },
  })
  const store = open({ pace })
  server.faults.push({ match: /^PUT/, what: 'reset-after' })
  await Promise.all(['a', 'b'].map((key) => store.put(key, Buffer.alloc(1_000_000, key), {}, call)))
  t.ok(Math.abs(nowMs - 3000) < 200, `3 MB in ${nowMs} ms`)
  t.ok(server.objects.get('folder/convoy2/a')?.body.equals(Buffer.alloc(1_000_000, 'a')))
})
