import { EC2 } from '@aws-sdk/client-ec2'
import t, { type Test } from 'tap'
import { ManualClock } from './cloud-clock.js'
import { Ec2Emulator } from './emulator.js'

async function start(t: Test) {
  const emulator = await Ec2Emulator.start(t, { clock: new ManualClock() })
  const { cloud, metadata } = emulator
  const instance = cloud.addInstance({ hiddenDevices: ['/dev/sdb'], zone: 'eu-west-1b' })
  metadata.instanceId = instance.id
  const ask = (path: string, init: RequestInit = {}) => fetch(`${emulator.metadataEndpoint}/latest/${path}`, init)
  const newToken = async (seconds = '60') => {
    const headers = { 'x-aws-ec2-metadata-token-ttl-seconds': seconds }
    return (await ask('api/token', { method: 'PUT', headers })).text()
  }
  const askWith = async (token: string, path: string) => {
    const response = await ask(path, { headers: { 'x-aws-ec2-metadata-token': token } })
    return response.ok ? response.text() : response.status
  }
  return { emulator, cloud, metadata, instance, ask, askWith, newToken }
}

t.test('EB28 an instance is told about itself', async (t) => {
  const { instance, newToken, askWith } = await start(t)
  const token = await newToken()
  t.equal(await askWith(token, 'meta-data/placement/region'), 'eu-west-1')
  t.equal(await askWith(token, 'meta-data/placement/availability-zone'), 'eu-west-1b')
  t.equal(await askWith(token, 'meta-data/instance-id'), instance.id)
  t.equal(await askWith(token, 'meta-data/instance-type'), 'm5.large')
  t.equal(await askWith(token, 'meta-data/block-device-mapping/'), 'ami\nroot\nebs1')
  t.equal(await askWith(token, 'meta-data/block-device-mapping/ebs1'), 'sdb')
  t.equal(await askWith(token, 'meta-data/nothing'), 404)
  t.match(JSON.parse(String(await askWith(token, 'dynamic/instance-identity/document'))), {
    region: 'eu-west-1',
    availabilityZone: 'eu-west-1b',
    instanceId: instance.id,
    instanceType: 'm5.large',
  })
})

t.test('EB28 nothing is told without a token, which has its time', async (t) => {
  const { cloud, metadata, ask, askWith, newToken } = await start(t)
  const path = 'meta-data/instance-id'
  t.equal((await ask(path)).status, 401)
  t.equal(await askWith('token', path), 401)
  t.equal((await ask('api/token', { method: 'PUT' })).status, 400)
  for (const seconds of ['0', '21601', 'x']) t.equal(await newToken(seconds), 'Bad Request')
  const ttl = { 'x-aws-ec2-metadata-token-ttl-seconds': '60' }
  t.equal((await ask('api/token', { headers: ttl })).status, 405)
  const forwarded = { ...ttl, 'x-forwarded-for': '10.0.0.1' }
  t.equal((await ask('api/token', { method: 'PUT', headers: forwarded })).status, 403)
  const token = await newToken('60')
  t.equal((await ask(path, { method: 'PUT', headers: { 'x-aws-ec2-metadata-token': token } })).status, 405)
  await cloud.advance(59_999)
  t.type(await askWith(token, path), 'string')
  await cloud.advance(1)
  t.equal(await askWith(token, path), 401)
  const other = await newToken('60')
  metadata.forgetTokens()
  t.equal(await askWith(other, path), 401)
})

t.test('EB28 it is off, something else, silent or slow', async (t) => {
  const { metadata, ask, newToken } = await start(t)
  metadata.mode = 'disabled'
  t.equal((await ask('api/token', { method: 'PUT' })).status, 403)
  metadata.mode = 'absent'
  t.equal((await ask('api/token', { method: 'PUT' })).status, 404)
  metadata.mode = 'silent'
  const over = new AbortController()
  const asked = ask('meta-data/instance-id', { signal: over.signal })
  while (metadata.asked.length < 3) await new Promise(setImmediate)
  over.abort()
  await t.rejects(asked, { name: 'AbortError' })
  metadata.mode = 'on'
  metadata.delayMs = 50
  let isOver = false
  // Timers of one length end in the order of their starts.
  setTimeout(() => (isOver = true), 50)
  await newToken()
  t.ok(isOver)
  t.same(metadata.asked.slice(0, 3), [
    'PUT /latest/api/token',
    'PUT /latest/api/token',
    'GET /latest/meta-data/instance-id',
  ])
})

t.test('EB29 the client of AWS finds credentials there, and others when EC2 takes them no more', async (t) => {
  const { emulator, metadata } = await start(t)
  const kept = { ...process.env }
  t.teardown(() => {
    for (const name of Object.keys(emulator.environment('instance'))) Reflect.deleteProperty(process.env, name)
    Object.assign(process.env, kept)
  })
  for (const name of Object.keys(process.env)) if (name.startsWith('AWS_')) Reflect.deleteProperty(process.env, name)
  Object.assign(process.env, emulator.environment('instance'))
  const open = () => {
    const client = new EC2({ endpoint: emulator.endpoint, region: 'eu-west-1', maxAttempts: 1 })
    t.teardown(() => client.destroy())
    return client
  }
  const client = open()
  await client.describeInstances({})
  t.equal(metadata.accessKeyIds.length, 1)
  emulator.expireCredentials()
  await t.rejects(client.describeInstances({}), { name: 'RequestExpired' })
  await open().describeInstances({})
  t.same(
    emulator.calls.all.map(({ accessKeyId, code }) => [accessKeyId, code]),
    [
      [metadata.accessKeyIds[0], 'ok'],
      [metadata.accessKeyIds[0], 'RequestExpired'],
      [metadata.accessKeyIds[1], 'ok'],
    ],
  )
})

t.test('a process with dummies asks for no credentials', async (t) => {
  const { emulator } = await start(t)
  t.match(emulator.environment(), { AWS_ACCESS_KEY_ID: 'none', AWS_EC2_METADATA_SERVICE_ENDPOINT: /127\.0\.0\.1/ })
  t.notMatch(emulator.environment('instance'), { AWS_ACCESS_KEY_ID: 'none' })
})
