import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { PluginClient } from '../engine/plugin-client.js'
import { bytesUntilClosed, formatRequest } from './raw-client.js'
import { ServedWorld } from './served-world.js'

const contentType = 'application/vnd.docker.plugins.v1.2+json'
const calls: readonly (readonly [path: string, body: string])[] = [
  ['Plugin.Activate', ''],
  ['VolumeDriver.Capabilities', '{}\n'],
  ['VolumeDriver.Create', '{"Name":"db","Opts":null}\n'],
  ['VolumeDriver.Get', '{"Name":"db"}\n'],
  ['VolumeDriver.List', '{}\n'],
  ['VolumeDriver.Mount', '{"Name":"db","ID":"a1"}\n'],
  ['VolumeDriver.Path', '{"Name":"db"}\n'],
  ['VolumeDriver.Unmount', '{"Name":"db","ID":"a1"}\n'],
  ['VolumeDriver.Remove', '{"Name":"db"}\n'],
]

t.test('every call that Docker makes is answered with 200, a JSON object and an open connection', async (t) => {
  const served = await ServedWorld.start(t)
  const connection = await served.connect()
  for (const [path, body] of calls) {
    const answer = await connection.request(path, body)
    if (answer === 'closed') return t.fail(`${path} was not answered`)
    t.equal(answer.status, 200, path)
    t.match(answer.head.toLowerCase(), `content-type: ${contentType}`, path)
    t.notMatch(answer.head, /connection: close/i, path)
    const json: unknown = JSON.parse(answer.body)
    t.ok(typeof json === 'object' && json !== null && !Array.isArray(json), path)
    t.notOk(Object.hasOwn(json as object, 'Err'), `${path}: ${answer.body}`)
  }
  t.ok(connection.isOpen)
})

t.test('DK12: the content type and the Host of a request do not matter', async (t) => {
  const served = await ServedWorld.start(t)
  await served.plugin.create('db')
  const hosts = ['Host: ', 'Host: plugin.moby.localhost', 'Host: 127.0.0.1:8080']
  const types = [contentType, 'application/json', 'text/plain; charset=utf-8', 'application/x-www-form-urlencoded']
  const connection = await served.connect()
  for (const host of hosts) {
    for (const type of [[], ...types.map((one) => [`Content-Type: ${one}`])]) {
      const answer = await connection.request('VolumeDriver.Get', '{"Name":"db"}\n', [host, ...type])
      t.match(answer, { status: 200, body: /"Name":"db"/ }, `${host} ${type.join('')}`)
    }
  }
})

t.test(
  'DK13: a Get that cannot be read for any reason is not answered, because an error makes Docker forget',
  async (t) => {
    const served = await ServedWorld.start(t)
    await served.plugin.create('db')
    const body = '{"Name":"db"}\n'
    for (const bytes of [
      formatRequest('VolumeDriver.Get', body).replace('Host: ', 'Host: \r\nContent-Type: x'),
      formatRequest('VolumeDriver.Get', `{"Name":"db","more":"${'x'.repeat(2 * 1024 * 1024)}"}`),
    ]) {
      t.equal(await bytesUntilClosed(served.pluginSocket, bytes), '')
    }
    t.match(await served.plugin.get('db'), { Volume: { Name: 'db' } })
  },
)

t.test('500 calls one after the other keep one connection open', async (t) => {
  const served = await ServedWorld.start(t)
  const connection = await served.connect()
  for (let count = 0; count < 500; count++) {
    const [path, body] = calls[count % calls.length] ?? ['', '']
    const answer = await connection.request(path, body)
    if (answer === 'closed' || /connection: close/i.test(answer.head)) return t.fail(`closed after ${count} calls`)
  }
  t.ok(connection.isOpen)
})

t.test('no timer closes a connection that Docker keeps: the server has none', async (t) => {
  const served = await ServedWorld.start(t)
  for (const { server } of Object.values(served.servers)) {
    t.match(server, { keepAliveTimeout: 0, requestTimeout: 0, headersTimeout: 0, timeout: 0, maxRequestsPerSocket: 0 })
  }
  const connection = await served.connect()
  await connection.request('VolumeDriver.List', '{}\n')
  await sleep(2500)
  t.ok(connection.isOpen)
  t.match(await connection.request('VolumeDriver.List', '{}\n'), { status: 200 })
})

t.test('Docker may connect once for each of its volumes when it starts: 512 at once are answered', async (t) => {
  const served = await ServedWorld.start(t)
  await served.plugin.create('db')
  const clients = await Promise.all(Array.from({ length: 512 }, () => served.connect()))
  const answers = clients.map((client) => client.request('VolumeDriver.Get', '{"Name":"db"}\n'))
  for (const answer of await Promise.all(answers)) {
    if (answer === 'closed' || !answer.body.includes('"Name":"db"')) t.fail('one of them was not answered')
  }
  for (const client of clients) client.close()
})

t.test('3,000 calls at once are answered', async (t) => {
  const served = await ServedWorld.start(t)
  await served.plugin.create('db')
  const answers = Array.from({ length: 3000 }, () => new PluginClient(served.pluginSocket).get('db'))
  const volumes = await Promise.all(answers)
  t.ok(volumes.every(({ Volume }) => Volume?.Name === 'db'))
})

t.test('DK12: a Get that arrives without its body ends the connection without a byte', async (t) => {
  const served = await ServedWorld.start(t)
  await served.plugin.create('db')
  for (const bytes of [
    formatRequest('VolumeDriver.Get', ''),
    formatRequest('VolumeDriver.Get', '\n'),
    'POST /VolumeDriver.Get HTTP/1.1\r\nHost: \r\n\r\n',
  ]) {
    t.equal(await bytesUntilClosed(served.pluginSocket, bytes), '')
  }
  t.match(await served.plugin.get('db'), { Volume: { Name: 'db' } })
})

t.test('DK12: any other call that arrives without its body is refused and changes nothing', async (t) => {
  const served = await ServedWorld.start(t)
  await served.plugin.create('db')
  await served.plugin.mount('db', 'a1')
  const before = await served.plugin.list()
  for (const path of ['Create', 'Mount', 'Unmount', 'Remove', 'Path']) {
    for (const body of ['', ' \n']) {
      const { status, text } = await served.plugin.send(`VolumeDriver.${path}`, body)
      t.equal(status, 200)
      t.match(JSON.parse(text), { Err: path === 'Path' ? String : /without its body: repeat it/ }, path)
    }
  }
  t.strictSame(await served.plugin.list(), before)
  t.equal(served.world.count('db', 'a1'), 1)
})

t.test('calls that need no argument are answered without one', async (t) => {
  const served = await ServedWorld.start(t)
  for (const path of ['Plugin.Activate', 'VolumeDriver.List', 'VolumeDriver.Capabilities']) {
    for (const body of ['', '{}\n', 'null', 'x']) t.equal((await served.plugin.send(path, body)).status, 200, path)
  }
})

t.test('a request that arrives byte by byte, or two at once, are answered in order', async (t) => {
  const served = await ServedWorld.start(t)
  await served.plugin.create('db')
  const client = await served.connect()
  for (const byte of formatRequest('VolumeDriver.Get', '{"Name":"db"}\n')) {
    client.write(byte)
    await new Promise(setImmediate)
  }
  t.match(await client.next(), { body: /"Name":"db"/ })
  client.write(
    formatRequest('VolumeDriver.Get', '{"Name":"db"}\n') + formatRequest('VolumeDriver.Get', '{"Name":"x"}\n'),
  )
  t.match(await client.next(), { body: /"Name":"db"/ })
  t.match(await client.next(), { body: /no such volume/ })
})

t.test('S36: what is no request of Docker’s is refused, and the server goes on', async (t) => {
  const served = await ServedWorld.start(t)
  await served.plugin.create('db')
  const { plugin } = served
  for (const path of [
    'VolumeDriver.Foo',
    'VolumeDriver.get',
    'volumedriver.Get',
    'VolumeDriver.Get/',
    '',
    '../etc/passwd',
  ]) {
    t.equal((await plugin.send(path, '{"Name":"db"}\n')).status, 404, path)
  }
  const get = 'GET /VolumeDriver.Get HTTP/1.1\r\nHost: \r\nConnection: close\r\n\r\n'
  t.match(await bytesUntilClosed(served.pluginSocket, get), /^HTTP\/1\.1 404/)
  for (const bytes of [
    'not http at all\r\n\r\n',
    'POST /VolumeDriver.Get HTTP/1.1\r\nHost: \r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    'POST /VolumeDriver.Get HTTP/1.1\r\nHost: \r\nContent-Length: -1\r\n\r\n',
    `POST /VolumeDriver.Get HTTP/1.1\r\nHost: \r\nX: ${'x'.repeat(100_000)}\r\n\r\n`,
  ]) {
    t.match(await bytesUntilClosed(served.pluginSocket, bytes), /^HTTP\/1\.1 4\d\d|^$/)
  }
  t.match(await plugin.get('db'), { Volume: { Name: 'db' } })
})

t.test('the same calls are answered on the control socket, where old hosts’ .spec files point', async (t) => {
  const served = await ServedWorld.start(t)
  const client = new PluginClient(served.controlSocket)
  t.strictSame(await client.call('Plugin.Activate'), { Implements: ['VolumeDriver'] })
  for (const [path, body] of calls.slice(1)) {
    const { status, text, headers } = await client.send(path, body)
    t.match(
      { status, text, type: headers['content-type'] },
      { status: 200, text: /^\{(?!.*"Err")/, type: contentType },
      path,
    )
  }
  t.equal(await bytesUntilClosed(served.controlSocket, formatRequest('VolumeDriver.Get', '')), '')
})

t.test('Docker’s socket answers nothing of the control API', async (t) => {
  const served = await ServedWorld.start(t)
  const get = 'GET /v1/volumes HTTP/1.1\r\nHost: \r\nConnection: close\r\n\r\n'
  t.match(await bytesUntilClosed(served.pluginSocket, get), /^HTTP\/1\.1 404/)
})
