import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { wrongAtRest } from '../fakes/invariants.js'
import { describedRequests, type FuzzRequest, type OpenApiPaths, pluginRequests } from './described-requests.js'
import { ServedWorld } from './served-world.js'

/** Each of them a few requests after each other in one world. */
const [runs, perRun] = [1000, 20]

/** What a request of a client can lead to, whatever it is. 500 is a defect. */
const proper: ReadonlySet<number> = new Set([200, 201, 400, 404, 405, 409, 413, 415, 422, 503])

t.test(`${runs * perRun} requests of any kind: none is answered with 500, none ends the daemon`, async (t) => {
  const served = await ServedWorld.start(t)
  // What is tested elsewhere: that it is such a document.
  const document = (await served.control('GET', '/v1/openapi.json')).body as unknown as OpenApiPaths
  const asked = describedRequests(document).map((request) => ({ server: 'control' as const, request }))
  const docker = pluginRequests.map((request) => ({ server: 'plugin' as const, request }))
  const both = fc.oneof(asked, docker)
  let answered = 0
  const property = fc.asyncProperty(fc.array(both, { minLength: perRun, maxLength: perRun }), async (requests) => {
    for (const { server, request } of requests) {
      const answer = await served.servers[server].inject({ ...request }).catch((thrown: unknown) => {
        // A Get that cannot be answered ends the connection: an error would make Docker forget the volume.
        if (request.url === '/VolumeDriver.Get' && String(thrown).includes('destroyed')) return undefined
        throw new Error(explain(request), { cause: thrown })
      })
      const { statusCode, body } = answer ?? { statusCode: 200, body: '' }
      assert.ok(proper.has(statusCode), `${explain(request)}: ${statusCode} ${body}`)
      answered++
    }
  })
  await fc.assert(property, { numRuns: runs, endOnFailure: true })
  await served.world.settle()
  t.equal(answered, runs * perRun)
  t.same(await served.control('GET', '/healthz'), { status: 200, body: { status: 'ok' } })
  t.same(wrongAtRest(served.world, []), [], 'what was done is whole')
})

const explain = ({ method, url, payload }: FuzzRequest) => `${method} ${url} ${payload?.slice(0, 300) ?? ''}`
