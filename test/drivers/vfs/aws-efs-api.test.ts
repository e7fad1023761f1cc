import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import t, { type Test } from 'tap'
import { AwsEfsApi } from '../../../src/drivers/vfs/aws-efs-api.js'

process.env['AWS_ACCESS_KEY_ID'] = 'none'
process.env['AWS_SECRET_ACCESS_KEY'] = 'none'
process.env['AWS_EC2_METADATA_DISABLED'] = 'true'

/** The API at a server of the test's own. */
async function openAt(t: Test, answer: RequestListener, requestTimeoutMs = 20_000): Promise<AwsEfsApi> {
  const server = createServer(answer).listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return new AwsEfsApi({ region: () => Promise.resolve('eu-west-1'), endpoint, requestTimeoutMs })
}

const request = {
  fileSystem: 'fs-0123456789abcdef0',
  token: 'token',
  directory: { path: '/convoy-token', uid: 0, gid: 0, mode: '0755' },
  user: undefined,
  tags: { 'convoy:id': 'token' },
}

t.test('one that was made when an answer was lost is the same one', async (t) => {
  const api = await openAt(t, (_, response) => {
    response.writeHead(409, { 'x-amzn-errortype': 'AccessPointAlreadyExists' })
    response.end(JSON.stringify({ ErrorCode: 'AccessPointAlreadyExists', AccessPointId: 'fsap-0123456789abcdef0' }))
  })
  t.match(await api.createAccessPoint(request), { id: 'fsap-0123456789abcdef0', state: 'creating' })
})

t.test('all pages are read, and what is not there is no error', async (t) => {
  const api = await openAt(t, ({ url, method }, response) => {
    if (method === 'DELETE' || url?.includes('AccessPointId')) {
      response.writeHead(404, { 'x-amzn-errortype': 'AccessPointNotFound' }).end('{}')
      return
    }
    const isSecond = url?.includes('NextToken=more')
    const page = { AccessPoints: [{ AccessPointId: isSecond ? 'fsap-2' : 'fsap-1', LifeCycleState: 'available' }] }
    response.end(JSON.stringify(isSecond ? page : { ...page, NextToken: 'more' }))
  })
  t.same(
    (await api.accessPointsOf(request.fileSystem)).map(({ id }) => id),
    ['fsap-1', 'fsap-2'],
  )
  t.equal(await api.findAccessPoint('fsap-1'), undefined)
  await api.deleteAccessPoint('fsap-1')
})

t.test('a refusal names what is missing, and is not asked for again', async (t) => {
  let asked = 0
  const api = await openAt(t, (_, response) => {
    asked++
    response.writeHead(403, { 'x-amzn-errortype': 'AccessDeniedException' })
    response.end('{"message":"User: x is not authorized to perform: elasticfilesystem:CreateAccessPoint"}')
  })
  await t.rejects(api.createAccessPoint(request), { code: 'invalid-argument', message: /not authorized to perform/ })
  t.equal(asked, 1)
})

t.test('an API that is throttled for a moment is asked again', async (t) => {
  let asked = 0
  const api = await openAt(t, (_, response) => {
    if (asked++ === 0) response.writeHead(429, { 'x-amzn-errortype': 'ThrottlingException' }).end('{}')
    else response.end('{"MountTargets":[]}')
  })
  t.same(await api.mountTargets(request.fileSystem), [])
})

t.test('an API that is silent is given up', async (t) => {
  const api = await openAt(t, () => undefined, 50)
  await t.rejects(api.mountTargets(request.fileSystem), { code: 'unavailable', hint: /vfs\.efsendpoint/ })
})

t.test('without a region nobody is asked, and the next call looks for it again', async (t) => {
  const api = new AwsEfsApi({ region: () => Promise.reject(new Error('no region')) })
  for (let call = 0; call < 2; call++) {
    await t.rejects(api.mountTargets(request.fileSystem), { code: 'unavailable', message: /no region/ })
  }
})
