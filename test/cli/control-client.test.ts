import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import type { ServerResponse } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { ControlClient } from '../../src/cli/control-client.js'
import { mostAnswerBytes } from '../../src/cli/socket-request.js'
import type { ConvoyError, ErrorCode } from '../../src/errors.js'
import { FakeControlServer } from '../fakes/control-server.js'

/** A client of a server that answers every request with `answer`. */
async function clientOf(
  t: Test,
  answer: (response: ServerResponse) => void,
  timeoutMs?: number,
): Promise<ControlClient> {
  const server = await FakeControlServer.start()
  t.teardown(() => server.close())
  server.override = (_, response) => {
    answer(response)
    return true
  }
  return new ControlClient({ socketPath: server.socketPath, ...(timeoutMs === undefined ? {} : { timeoutMs }) })
}

const say = (status: number, text: string) => (response: ServerResponse) => void response.writeHead(status).end(text)

async function failure(t: Test, client: ControlClient, path = '/v1/info'): Promise<ConvoyError> {
  return client.get(path).then(
    (json) => t.fail(`answered ${JSON.stringify(json)}`) as never,
    (thrown: unknown) => thrown as ConvoyError,
  )
}

async function folder(t: Test): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'convoy-cli-'))
  t.teardown(() => rm(path, { recursive: true, force: true }))
  return path
}

t.test('a missing socket says how to start the daemon', async (t) => {
  const error = await failure(t, new ControlClient({ socketPath: `${await folder(t)}/convoy.sock` }))
  t.equal(error.code, 'unavailable')
  t.match(error.message, /^no daemon at .*convoy\.sock$/)
  t.match(error.hint, /sudo convoy daemon.*--socket/)
})

t.test('a socket that nobody listens on says that the daemon is not running', async (t) => {
  const path = join(await folder(t), 'convoy.sock')
  await writeFile(path, '')
  t.match(await failure(t, new ControlClient({ socketPath: path })), {
    code: 'unavailable',
    message: /nothing answers/,
    hint: /sudo convoy daemon/,
  })
})

t.test('who may not use the socket is told to use sudo', async (t) => {
  const path = await folder(t)
  const isRoot = process.geteuid?.() === 0
  // The folder is for its owner only: root has to be somebody else for a moment, others have to lock themselves out.
  if (isRoot) process.seteuid?.(65534)
  else await chmod(path, 0)
  const error = await failure(t, new ControlClient({ socketPath: `${path}/convoy.sock` }))
  if (isRoot) process.seteuid?.(0)
  else await chmod(path, 0o700)
  t.match(error, { code: 'unavailable', message: /permission denied/, hint: /sudo/ })
})

t.test('a path below a file and a path that is too long are explained', async (t) => {
  const path = join(await folder(t), 'file')
  await writeFile(path, '')
  t.match(await failure(t, new ControlClient({ socketPath: `${path}/convoy.sock` })), { message: /no daemon at/ })
  t.match(await failure(t, new ControlClient({ socketPath: `/${'x'.repeat(200)}` })), { code: 'unavailable' })
})

t.test('the error of the daemon arrives as it was thrown', async (t) => {
  const error = { code: 'in-use', message: 'volume "db" is in use', hint: 'stop the container' }
  const client = await clientOf(t, say(409, JSON.stringify({ error })))
  t.match(await failure(t, client), error)
})

for (const [code, seen] of [
  ['in-use', 'in-use'],
  ['damaged', 'damaged'],
  ['tea-pot', 'internal'],
  ['__proto__', 'internal'],
  ['constructor', 'internal'],
  [7, 'internal'],
  [undefined, 'internal'],
] as const satisfies readonly (readonly [unknown, ErrorCode])[])
  t.test(`an error with the code ${String(code)} counts as ${seen}`, async (t) => {
    const client = await clientOf(t, say(500, JSON.stringify({ error: { code, message: 'no', hint: 7 } })))
    t.match(await failure(t, client), { code: seen, message: 'no', hint: undefined })
  })

for (const [status, text] of [
  [500, 'Internal Server Error'],
  [500, ''],
  [500, '{"error":"text"}'],
  [500, '{"error":{"message":7}}'],
  [404, '{"message":"page not found"}'],
  [200, ''],
  [200, '<html>\u001b[31m\n</html>'],
  [200, '{"a":'],
  [302, '{}'],
  [304, ''],
  [500, 'null'],
] as const)
  t.test(`an answer that no daemon gives is shown as it is: ${status} ${JSON.stringify(text)}`, async (t) => {
    const error = await failure(t, await clientOf(t, say(status, text)))
    t.equal(error.code, 'internal')
    t.match(error.message, `makes no sense: ${status} `)
    t.notMatch(error.message, /\p{Cc}/u, 'nothing that a terminal obeys')
    t.match(error.hint, /is a convoy daemon/)
  })

t.test('a long answer that makes no sense is shown only in part', async (t) => {
  const error = await failure(t, await clientOf(t, say(200, 'x'.repeat(100_000))))
  t.ok(error.message.length < 500)
})

t.test('an answer without end is not read to its end', async (t) => {
  let sent = 0
  const flood = (response: ServerResponse) => {
    const chunk = Buffer.alloc(1024 * 1024, ' ')
    const more = () => {
      while (!response.destroyed && response.write(chunk)) sent += chunk.length
      sent += chunk.length
    }
    response.on('drain', more)
    more()
  }
  const error = await failure(t, await clientOf(t, flood))
  t.match(error.message, 'without end')
  t.ok(sent < 2 * mostAnswerBytes, `${sent} bytes were sent`)
})

t.test('a daemon that hangs up before or during its answer may be starting', async (t) => {
  const before = await clientOf(t, (response) => void response.destroy())
  const during = await clientOf(t, (response) => {
    response.writeHead(200, { 'content-length': 100 }).write('{"a"', () => response.destroy())
  })
  for (const client of [before, during])
    t.match(await failure(t, client), { code: 'unavailable', message: /closed the connection/, hint: /starting/ })
})

t.test('a daemon that never answers is given up', async (t) => {
  const client = await clientOf(t, () => undefined, 50)
  t.match(await failure(t, client), { code: 'deadline-exceeded', message: /silent/, hint: /may still finish/ })
})

t.test('something that does not speak HTTP is named so', async (t) => {
  const client = await clientOf(t, (response) => void response.socket?.end('220 mail.example.org ESMTP\r\n'))
  t.match(await failure(t, client), { code: 'unavailable', hint: /is a convoy daemon behind this socket/ })
})

t.test('every exchange is told to whoever debugs', async (t) => {
  const server = await FakeControlServer.start()
  t.teardown(() => server.close())
  const told: string[] = []
  await new ControlClient({ socketPath: server.socketPath, onExchange: (text) => told.push(text) }).get('/v1/info')
  t.match(told, [/^GET \/v1\/info at .*: 200/])
})
