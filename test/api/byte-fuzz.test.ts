import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { wrongAtRest } from '../fakes/invariants.js'
import { describedRequests, type OpenApiPaths, pluginRequests } from './described-requests.js'
import { fuzzSeed } from './fuzz-seed.js'
import { deliver, statusesIn } from './mangled-delivery.js'
import { mangledRequests, type MangledRequest } from './mangled-requests.js'
import { RawClient } from './raw-client.js'
import { ServedWorld } from './served-world.js'

const count = 5000
const atOnce = 10

const explain = ({ pieces, ending }: MangledRequest) =>
  `${JSON.stringify(Buffer.concat(pieces).toString('latin1', 0, 400))}, ${ending}`

const inBatches = <T>(items: readonly T[]) =>
  Array.from({ length: items.length / atOnce }, (_, index) => items.slice(index * atOnce, (index + 1) * atOnce))

t.test(`${count} mangled requests: no 500, no connection left open, and the others are served`, async (t) => {
  t.comment(`CONVOY_SEED=${fuzzSeed}`)
  const served = await ServedWorld.start(t)
  const { world, pluginSocket, controlSocket } = served
  const document = (await served.control('GET', '/v1/openapi.json')).body as unknown as OpenApiPaths
  const mangled = mangledRequests(fc.oneof(describedRequests(document), pluginRequests))
  const slow = await Promise.all(Array.from({ length: 50 }, () => RawClient.open(pluginSocket)))
  for (const client of slow) client.write('POST /VolumeDriver.Capabilities HTTP/1.1\r\nHost: ')
  const seen = new Map<number, number>()
  for (const requests of inBatches(fc.sample(mangled, { numRuns: count, seed: fuzzSeed }))) {
    const sockets = requests.map((_, index) => (index % 2 === 0 ? pluginSocket : controlSocket))
    const answers = await Promise.all(requests.map((request, index) => deliver(sockets[index]!, request)))
    for (const [index, answer] of answers.entries()) {
      for (const status of statusesIn(answer)) {
        seen.set(status, (seen.get(status) ?? 0) + 1)
        assert.ok(status < 500 || status === 503, `${explain(requests[index]!)}: ${answer}`)
      }
    }
  }
  for (const client of slow) client.write('\r\nContent-Length: 2\r\n\r\n{}')
  for (const client of slow) t.match(await client.next(), { status: 200 }, 'half a request is waited for')
  for (const client of slow) client.close()
  await world.settle()
  t.same(await served.control('GET', '/healthz'), { status: 200, body: { status: 'ok' } })
  t.same(wrongAtRest(world, []), [], 'what was done is whole')
  t.comment(
    `answers: ${[...seen]
      .sort()
      .map((one) => one.join(' × '))
      .join(', ')}`,
  )
})
