import t from 'tap'
import type { Driver } from '../../src/drivers/driver.js'
import { ConvoyError, type ErrorCode } from '../../src/errors.js'
import { httpOverSocket } from '../engine/plugin-client.js'
import { ServedWorld } from './served-world.js'

const refused = { status: 400, body: { error: { code: 'invalid-argument' } } }

t.test('fields that a request does not have are refused by name', async (t) => {
  const served = await ServedWorld.start(t)
  await served.world.create('db')
  const requests = [
    ['POST', '/v1/volumes', { name: 'x', sizes: '1g' }],
    ['POST', '/v1/volumes/db/mount', { path: '/mnt' }],
    ['POST', '/v1/volumes/db/undelete', { to: 'x' }],
    ['GET', '/v1/volumes?drivers=vfs', undefined],
    ['DELETE', '/v1/volumes/db?ref=true', undefined],
  ] as const
  for (const [method, path, body] of requests) {
    const answer = await served.control(method, path, body)
    t.match(answer, refused, path)
    t.match(JSON.stringify(answer.body), /additional properties/, path)
  }
  t.strictSame(Object.keys((await served.control('GET', '/v1/volumes')).body), ['db'], 'nothing was done')
})

t.test('fields of a wrong type are refused and not converted', async (t) => {
  const served = await ServedWorld.start(t)
  await served.world.create('db')
  const wrong = [7, true, null, [], {}]
  for (const value of wrong) {
    t.match(await served.control('POST', '/v1/volumes', { name: value }), refused, JSON.stringify(value))
    t.match(await served.control('POST', '/v1/volumes', { driver: value }), refused)
    t.match(await served.control('POST', '/v1/volumes', { options: { size: value } }), refused)
    t.match(await served.control('POST', '/v1/volumes/db/undelete', { as: value }), refused)
  }
  for (const value of [7, true, null, 'text', []]) {
    t.match(await served.control('POST', '/v1/volumes', { options: value }), refused, JSON.stringify(value))
    t.match(await served.control('POST', '/v1/volumes', value), refused)
  }
  t.strictSame(Object.keys((await served.control('GET', '/v1/volumes')).body), ['db'])
})

t.test('22: bad names are refused in a path and in a body', async (t) => {
  const served = await ServedWorld.start(t)
  for (const name of ['..', '../../evil', '/abs', 'a/b', '-x', 'a\n', 'a\0', 'ünï', 'x'.repeat(129), ' ', '.convoy']) {
    const encoded = encodeURIComponent(name)
    t.match(await served.control('POST', '/v1/volumes', { name }), refused, JSON.stringify(name))
    for (const [method, path] of [
      ['GET', encoded],
      ['DELETE', encoded],
      ['POST', `${encoded}/mount`],
      ['POST', `${encoded}/unmount`],
    ] as const) {
      const body = path.endsWith('/mount') ? {} : undefined
      const { status } = await served.control(method, `/v1/volumes/${path}`, body)
      t.ok(status === 400 || status === 404, `${method} ${path}`)
    }
  }
  t.equal(served.world.ledger.volumes.size, 0)
})

t.test('what is no JSON, too large or unknown is refused, and the server goes on', async (t) => {
  const served = await ServedWorld.start(t)
  const send = (body: string, type = 'application/json') =>
    httpOverSocket(served.controlSocket, { path: '/v1/volumes', body, headers: { 'content-type': type } })
  for (const body of ['', '{', 'x', '{"__proto__":{"name":"x"}}', '{"constructor":{"prototype":{}}}']) {
    const answer = await send(body)
    t.match({ ...answer, body: JSON.parse(answer.text) as object }, refused, body)
  }
  t.match(await send('{}', 'text/plain'), { status: 400 })
  t.match(await send(JSON.stringify({ name: 'x'.repeat(900_000) })), { status: 400 })
  t.match(await served.control('GET', '/v2/volumes'), { status: 404, body: { error: { code: 'not-found' } } })
  t.match(await served.control('GET', '/v1/info'), { status: 200 })
})

t.test('a path that there is, asked with another method, is answered with the methods that it has', async (t) => {
  const served = await ServedWorld.start(t)
  const ask = (method: string, path: string) => httpOverSocket(served.controlSocket, { method, path })
  for (const [method, path, allow] of [
    ['PUT', '/v1/volumes', 'GET, HEAD, OPTIONS, POST'],
    ['PATCH', '/v1/volumes/db?x=1', 'DELETE, GET, HEAD, OPTIONS'],
    ['GET', '/v1/volumes/db/mount', 'OPTIONS, POST'],
    ['DELETE', '/v1/info', 'GET, HEAD, OPTIONS'],
    ['PUT', '/v1/openapi.json', 'GET, HEAD, OPTIONS'],
  ] as const) {
    const { status, headers, text } = await ask(method, path)
    t.match({ status, headers }, { status: 405, headers: { allow } }, `${method} ${path}`)
    t.match(JSON.parse(text), { error: { code: 'invalid-argument', message: method, hint: allow } })
  }
  t.match(await ask('HEAD', '/v1/events'), { status: 405, headers: { allow: 'GET, OPTIONS' }, text: '' })
  t.match(await ask('HEAD', '/v1/info'), { status: 200, text: '' })
  t.match(await ask('OPTIONS', '/v1/trash'), { status: 204, headers: { allow: 'DELETE, GET, HEAD, OPTIONS' } })
  for (const path of ['/v1/volumes/', '/v1', '/v1/volumes/db/mount/x', '/VolumeDriver.Get'])
    for (const method of ['PUT', 'OPTIONS']) t.equal((await ask(method, path)).status, 404, `${method} ${path}`)
})

const statuses: Readonly<Record<ErrorCode, number>> = {
  'invalid-argument': 400,
  'not-found': 404,
  'already-exists': 409,
  'in-use': 409,
  unsupported: 422,
  unavailable: 503,
  'deadline-exceeded': 504,
  damaged: 500,
  internal: 500,
}

/** A driver whose create fails like that. */
const failing = (thrown: Error) => (driver: Driver) =>
  new Proxy(driver, {
    get: (target, property) => {
      const value: unknown = Reflect.get(target, property, target)
      if (property === 'create') return () => Promise.reject(thrown)
      return typeof value === 'function' ? (value.bind(target) as unknown) : value
    },
  })

for (const code of Object.keys(statuses) as ErrorCode[]) {
  t.test(`${code} is answered with status ${statuses[code]}, and to Docker with 200 and Err`, async (t) => {
    const error = new ConvoyError(code, 'what failed', { hint: 'what to do', cause: new Error('for the log only') })
    const served = await ServedWorld.start(t, { decorate: failing(error) })
    t.strictSame(await served.control('POST', '/v1/volumes', { name: 'db' }), {
      status: statuses[code],
      body: { error: { code, message: 'what failed', hint: 'what to do' } },
    })
    t.strictSame(await served.plugin.create('db'), { Err: 'what failed (what to do)' })
  })
}

t.test('a defect of a driver is an internal error and does not end the daemon', async (t) => {
  const served = await ServedWorld.start(t, { decorate: failing(new TypeError('x is undefined')) })
  t.match(await served.control('POST', '/v1/volumes', { name: 'db' }), {
    status: 500,
    body: { error: { code: 'internal', message: 'unexpected failure: x is undefined' } },
  })
  t.match(await served.plugin.create('db'), { Err: 'unexpected failure: x is undefined' })
  t.match(await served.plugin.list(), [])
})
