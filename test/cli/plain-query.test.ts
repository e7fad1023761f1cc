import { createServer } from 'node:http'
import { defaultPlaces } from '../../src/model/default-places.js'
import t, { type Test } from 'tap'
import plain from '../../src/cli/plain-query.cjs'
import { FakeControlServer } from '../fakes/control-server.js'

const { answerPlainly, defaultSocketPath: usual, readPlainQuery } = plain

t.test('plain words are a query, with the socket before them or none', async (t) => {
  t.same(readPlainQuery(['list']), { socketPath: usual, path: '/v1/volumes' })
  t.same(readPlainQuery(['info']), { socketPath: usual, path: '/v1/info' })
  t.same(readPlainQuery(['list'], 'mine.sock'), { socketPath: 'mine.sock', path: '/v1/volumes' })
  t.same(readPlainQuery(['list'], ''), { socketPath: usual, path: '/v1/volumes' })
  t.same(readPlainQuery(['-s', 'x.sock', 'list'], 'mine.sock'), { socketPath: 'x.sock', path: '/v1/volumes' })
  t.same(readPlainQuery(['--socket', '-s', 'inspect', 'a.b_c-1']), { socketPath: '-s', path: '/v1/volumes/a.b_c-1' })
})

t.test('whatever else is typed is left to the command line', async (t) => {
  const others = [
    [],
    ['--version'],
    ['daemon'],
    ['-s'],
    ['-s', 'x.sock'],
    ['--socket', '', 'list'],
    ['-s', 'x.sock', '--', 'list'],
    ['list', '--driver', 'vfs'],
    ['list', '-h'],
    ['--debug', 'list'],
    ['list', '-s', 'x.sock'],
    ['info', '--config'],
    ['inspect'],
    ['inspect', ''],
    ['inspect', '--help'],
    ['inspect', '-r'],
    ['inspect', '../info'],
    ['inspect', 'a/holders'],
    ['inspect', 'x'.repeat(129)],
    ['inspect', 'a', 'b'],
    ['delete', 'a'],
    ['constructor'],
  ]
  for (const argv of others) t.equal(readPlainQuery(argv), undefined, argv.join(' '))
})

async function start(t: Test): Promise<FakeControlServer> {
  const server = await FakeControlServer.start()
  t.teardown(() => server.close())
  return server
}

t.test('the JSON of a good answer is the answer', async (t) => {
  const server = await start(t)
  server.volumes.set('db', { Name: 'db', Umlaut: 'äöü'.repeat(50_000) })
  const { socketPath } = server
  t.same(await answerPlainly({ socketPath, path: '/v1/volumes' }), Object.fromEntries(server.volumes))
})

t.test('every other answer, and none, is no plain answer', async (t) => {
  const server = await start(t)
  const { socketPath } = server
  await t.rejects(answerPlainly({ socketPath, path: '/v1/volumes/nope' }), 'an error of the daemon')
  await t.rejects(answerPlainly({ socketPath: '/nowhere/convoy.sock', path: '/v1/info' }), 'no daemon')
  for (const [what, body] of Object.entries({ 'no JSON': 'hello', 'an empty body': '' })) {
    server.override = (_request, response) => response.end(body) instanceof Object
    await t.rejects(answerPlainly({ socketPath, path: '/v1/info' }), what)
  }
  server.override = (_request, response) => {
    return response.writeHead(200, { 'content-length': 100 }).write('{}', () => response.destroy())
  }
  await t.rejects(answerPlainly({ socketPath, path: '/v1/info' }), 'half an answer')
})

t.test('a daemon that is silent is not waited for', async (t) => {
  const server = await start(t)
  server.override = () => true
  await t.rejects(answerPlainly({ socketPath: server.socketPath, path: '/v1/info' }, 50))
})

t.test('an answer without end is given up', async (t) => {
  const server = createServer((_request, response) => {
    const piece = Buffer.alloc(1024 * 1024, ' ')
    const send = () => void response.write(piece, (error) => error ?? send())
    send()
  })
  const { socketPath } = await start(t)
  const path = `${socketPath}.endless`
  await new Promise<void>((resolve) => server.listen(path, resolve))
  t.teardown(() => server.close())
  await t.rejects(answerPlainly({ socketPath: path, path: '/v1/info' }))
})

t.test('the usual socket is that of a daemon without a name of its own', async (t) => {
  t.equal(plain.usualSocketPath(), defaultPlaces('convoy').socket)
})
