import http from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { daemonSuite, type Test } from './harness.js'
import { httpOverSocket, parseAnswer, PluginClient } from './plugin-client.js'
import { RawConnection, type RawAnswer } from './raw-connection.js'

const mountId = 'a'.repeat(64)
/** Longer than any idle timeout that Node or fastify sets by itself (5 s and 72 s). */
const idleMs = 80_000

/** A call of each endpoint, in an order in which all succeed. */
const calls: readonly (readonly [path: string, argument: object | undefined])[] = [
  ['Plugin.Activate', undefined],
  ['VolumeDriver.Capabilities', {}],
  ['VolumeDriver.Create', { Name: 'wire', Opts: null }],
  ['VolumeDriver.Get', { Name: 'wire' }],
  ['VolumeDriver.List', {}],
  ['VolumeDriver.Path', { Name: 'wire' }],
  ['VolumeDriver.Mount', { Name: 'wire', ID: mountId }],
  ['VolumeDriver.Unmount', { Name: 'wire', ID: mountId }],
  ['VolumeDriver.Remove', { Name: 'wire' }],
]

daemonSuite('the wire', (t, { convoy, namespace }) => {
  const open = async (): Promise<RawConnection> => RawConnection.open(convoy.plugin.socketPath)
  const idle: { connection?: RawConnection; since: number } = { since: 0 }

  t.test('Activate with an empty body, an empty Host and no Content-Type names the interface', async (t) => {
    const connection = await open()
    const answer = answered(t, await connection.request('Plugin.Activate', ''))
    t.equal(answer.status, 200)
    t.ok(parseAnswer(answer.body).Implements?.includes('VolumeDriver'))
    connection.close()
  })

  for (const headers of [
    ['Host: '],
    ['Host: plugin.moby.localhost'],
    ['Host: 127.0.0.1:8080', 'Content-Type: application/json'],
    ['Host: ', 'Content-Type: application/vnd.docker.plugins.v1.2+json'],
    ['Host: ', 'Content-Type: text/plain', 'Accept-Encoding: gzip'],
  ])
    t.test(`every endpoint answers 200 and keeps the connection with ${headers.join(', ')}`, async (t) => {
      const connection = await open()
      for (const [path, argument] of calls) {
        const body = argument === undefined ? '' : `${JSON.stringify(argument)}\n`
        const answer = answered(t, await connection.request(path, body, headers))
        t.equal(answer.status, 200, path)
        t.match(answer.head, /^content-type: *application\/vnd\.docker\.plugins\.v1(\.\d)?\+json/im)
        t.notMatch(answer.head, /^connection: *close/im)
        t.equal(parseAnswer(answer.body).Err ?? '', '', path)
      }
      t.ok(connection.isOpen)
      connection.close()
    })

  t.test('the control socket answers the same calls, for old .spec files', async (t) => {
    const control = new PluginClient(convoy.controlSocket)
    for (const [path, argument] of calls) t.equal((await control.call(path, argument)).Err ?? '', '', path)
  })

  t.test('500 requests one after the other stay on one connection', async (t) => {
    const connection = await open()
    for (let round = 0; round < 500; round++) {
      const answer = await connection.request('VolumeDriver.Get', '{"Name":"nobody"}\n')
      if (answer === 'closed' || answer.status !== 200 || /^connection: *close/im.test(answer.head))
        t.fail(String(round))
    }
    t.ok(connection.isOpen)
    connection.close()
  })

  t.test('512 connections at once are all accepted, and so are 3,000 parallel calls', async (t) => {
    const connections = await Promise.all(Array.from({ length: 512 }, open))
    t.equal(connections.length, 512)
    for (const connection of connections) connection.close()
    await convoy.plugin.create('parallel')
    const agent = new http.Agent({ maxSockets: 3000 })
    const client = new PluginClient(convoy.plugin.socketPath, agent)
    const answers = await Promise.all(Array.from({ length: 3000 }, async () => client.get('parallel')))
    t.equal(answers.filter(({ Volume }) => Volume?.Name === 'parallel').length, 3000)
    agent.destroy()
  })

  t.test('DK12 a retried request has no body: Get closes the connection, the others answer Err', async (t) => {
    await convoy.plugin.create('retried')
    t.equal(await (await open()).request('VolumeDriver.Get', ''), 'closed')
    for (const call of ['Create', 'Mount', 'Unmount', 'Remove', 'Path']) {
      const answer = await convoy.plugin.send(`VolumeDriver.${call}`, '')
      t.equal(answer.status, 200, call)
      t.not(parseAnswer(answer.text).Err ?? '', '', call)
    }
    t.equal((await convoy.plugin.get('retried')).Volume?.Name, 'retried', 'nothing changed')
  })

  t.test('DK14 malformed and foreign bodies are refused and harm nothing', async (t) => {
    const bodies = ['{', '[]', 'null', '"x"', '7', '{"Name":7}', '{"Name":null}', '{"Name":["a"]}', '{"Name":{}}', '{}']
    for (const body of [...bodies, `{"Name":"${'x'.repeat(2_000_000)}"}`, '\u0000', '{"Name":"a\\u0000b"}'])
      for (const call of ['Create', 'Get', 'Mount', 'Unmount', 'Remove', 'Path']) {
        const what = `${call} with ${body.slice(0, 40)}`
        const answer = await convoy.plugin.send(`VolumeDriver.${call}`, body).catch(() => undefined)
        if (answer === undefined) continue
        t.ok(answer.status >= 200 && answer.status < 500, `${what} answered ${answer.status}`)
        if (call !== 'Unmount') t.ok(isRefusal(answer.text), `${what} was refused: ${answer.text.slice(0, 100)}`)
      }
    t.ok(convoy.process.isRunning)
    t.equal((await convoy.plugin.get('retried')).Volume?.Name, 'retried')
  })

  t.test('unknown fields are ignored', async (t) => {
    const answer = await convoy.plugin.call('VolumeDriver.Create', {
      Name: 'extra',
      Opts: {},
      Novelty: [1, { a: null }],
    })
    t.equal(answer.Err ?? '', '')
  })

  t.test('an unknown call and another method are 404 or 405', async (t) => {
    t.equal((await convoy.plugin.send('VolumeDriver.Foo', '{}')).status, 404)
    const get = await httpOverSocket(convoy.plugin.socketPath, { path: '/VolumeDriver.List', method: 'GET' })
    t.ok([404, 405].includes(get.status), String(get.status))
    t.equal((await convoy.plugin.list()).length > 0, true)
  })

  t.test('options null, absent, empty, odd or huge are taken or refused, never half', async (t) => {
    const odd = [null, undefined, {}, { flag: '' }, { ünï: 'ö' }, { size: 'x'.repeat(65_536) }, { '': '' }, { size: 7 }]
    for (const [index, options] of odd.entries()) {
      const name = `odd${index}`
      const answer = await convoy.plugin.call('VolumeDriver.Create', { Name: name, Opts: options })
      const found = (await convoy.plugin.get(name)).Volume?.Name
      t.equal(found, (answer.Err ?? '') === '' ? name : undefined, JSON.stringify({ options }).slice(0, 60))
    }
  })

  t.test('Capabilities are the same before and after a restart', async (t) => {
    const before = await convoy.plugin.call('VolumeDriver.Capabilities', {})
    t.match(before.Capabilities?.Scope, /^(local|global)$/)
    await convoy.restart()
    t.same(await convoy.plugin.call('VolumeDriver.Capabilities', {}), before)
    idle.connection = await open()
    t.equal(answered(t, await idle.connection.request('VolumeDriver.List', '{}\n')).status, 200)
    idle.since = performance.now()
  })

  t.test('Get and List name their fields as Docker reads them', async (t) => {
    await convoy.plugin.create('fields')
    const volume = (await convoy.plugin.get('fields')).Volume
    t.equal(volume?.Name, 'fields')
    t.match(volume?.CreatedAt, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/)
    t.ok(typeof volume?.Status === 'object' && !Array.isArray(volume.Status))
    t.ok((await convoy.plugin.list()).some(({ Name }) => Name === 'fields'))
  })

  t.test('the socket is for root alone', async (t) => {
    t.equal(await namespace.run('stat', '-c', '%a %F', '/run/docker/plugins/convoy.sock'), '600 socket')
  })

  t.test('a connection that was idle for longer than any default timeout still serves', async (t) => {
    await sleep(Math.max(0, idle.since + idleMs - performance.now()))
    const answer = answered(t, await idle.connection!.request('VolumeDriver.Capabilities', '{}\n'))
    t.equal(answer.status, 200)
    idle.connection?.close()
  })
})

function answered(t: Test, answer: RawAnswer | 'closed'): RawAnswer {
  if (answer !== 'closed') return answer
  t.fail('the connection was closed without an answer')
  return { status: 0, head: '', body: '{}' }
}

function isRefusal(text: string): boolean {
  try {
    return (parseAnswer(text).Err ?? '') !== ''
  } catch {
    return text !== ''
  }
}
