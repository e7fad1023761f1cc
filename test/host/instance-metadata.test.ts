import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import t, { type Test } from 'tap'
import { InstanceMetadata } from '../../src/host/instance-metadata.js'

const answers: Readonly<Record<string, string>> = {
  'PUT /latest/api/token': 'secret-token',
  'GET /latest/meta-data/placement/region': 'eu-west-1',
  'GET /latest/meta-data/placement/availability-zone': 'eu-west-1a',
}

/** Serves until the test ends; resolves to its address. */
async function serve(t: Test, answer: (request: IncomingMessage, response: ServerResponse) => void): Promise<string> {
  const server = createServer(answer).listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

t.test('the placement is asked with a token, once', async (t) => {
  const asked: string[] = []
  const endpoint = await serve(t, (request, response) => {
    const what = `${request.method} ${request.url}`
    asked.push(what)
    const isAllowed =
      request.method === 'PUT'
        ? request.headers['x-aws-ec2-metadata-token-ttl-seconds'] === '60'
        : request.headers['x-aws-ec2-metadata-token'] === 'secret-token'
    response.writeHead(isAllowed ? 200 : 401).end(answers[what])
  })
  const metadata = new InstanceMetadata({ endpoint, timeoutMs: 5000, isDisabled: false })
  const placement = { region: 'eu-west-1', zone: 'eu-west-1a' }
  t.same(await Promise.all([metadata.placement(), metadata.placement()]), [placement, placement])
  t.same(await metadata.placement(), placement)
  t.same(asked.sort(), Object.keys(answers).sort())
})

t.test('EB28 the identity is asked with a token, once, and is what EC2 would say', async (t) => {
  const told: Record<string, string> = {
    ...answers,
    'GET /latest/meta-data/instance-id': 'i-0123456789abcdef0',
    'GET /latest/meta-data/instance-type': 'm7g.large',
  }
  const asked: string[] = []
  const endpoint = await serve(t, (request, response) => {
    const what = `${request.method} ${request.url}`
    asked.push(what)
    const isAllowed = request.method === 'PUT' || request.headers['x-aws-ec2-metadata-token'] === 'secret-token'
    response.writeHead(isAllowed ? 200 : 401).end(told[what])
  })
  const open = () => new InstanceMetadata({ endpoint, timeoutMs: 5000, isDisabled: false })
  const identity = {
    instanceId: 'i-0123456789abcdef0',
    instanceType: 'm7g.large',
    region: 'eu-west-1',
    zone: 'eu-west-1a',
  }
  const metadata = open()
  t.same(await Promise.all([metadata.identity(), metadata.identity()]), [identity, identity])
  t.same(asked.sort(), Object.keys(told).sort())
  told['GET /latest/meta-data/instance-id'] = '../../etc'
  await t.rejects(open().identity(), away)
})

const away = { code: 'unavailable', hint: /HttpPutResponseHopLimit/ }

t.test('one that does not answer is not waited for, and may answer the next time', async (t) => {
  let isSilent = true
  const endpoint = await serve(t, (request, response) => {
    if (!isSilent) response.end(answers[`${request.method} ${request.url}`])
  })
  const metadata = new InstanceMetadata({ endpoint, timeoutMs: 100, isDisabled: false })
  await t.rejects(metadata.placement(), away)
  isSilent = false
  const patient = new InstanceMetadata({ endpoint, timeoutMs: 5000, isDisabled: false })
  t.same(await patient.placement(), { region: 'eu-west-1', zone: 'eu-west-1a' })
})

t.test('the environment says how long to wait, as for other programs of AWS', async (t) => {
  const endpoint = await serve(t, ({ method, url }, response) => {
    // The usual wait is over by then.
    setTimeout(() => response.end(answers[`${method} ${url}`]), method === 'PUT' ? 0 : 1700)
  })
  t.teardown(() => delete process.env['AWS_METADATA_SERVICE_TIMEOUT'])
  process.env['AWS_METADATA_SERVICE_TIMEOUT'] = '60'
  const metadata = new InstanceMetadata({ endpoint, isDisabled: false })
  t.same(await metadata.placement(), { region: 'eu-west-1', zone: 'eu-west-1a' })
})

t.test('what no instance of EC2 would say is not believed', async (t) => {
  const answers: ((response: ServerResponse) => void)[] = [
    (response) => response.writeHead(404).end('no'),
    (response) => response.writeHead(302, { location: 'http://127.0.0.1:1/' }).end(),
    (response) => response.end('<html>a page</html>'),
    (response) => response.end(''),
  ]
  for (const answer of answers) {
    const endpoint = await serve(t, (_, response) => answer(response))
    await t.rejects(new InstanceMetadata({ endpoint, timeoutMs: 5000, isDisabled: false }).placement(), away)
  }
})

t.test('where it is turned off nobody is asked', async (t) => {
  const endpoint = await serve(t, () => t.fail('asked'))
  await t.rejects(new InstanceMetadata({ endpoint, timeoutMs: 5000, isDisabled: true }).placement(), {
    code: 'unavailable',
    message: /AWS_EC2_METADATA_DISABLED/,
  })
})
