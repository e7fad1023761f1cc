import t from 'tap'
import { FakeControlServer } from '../fakes/control-server.js'
import { runInProcess } from '../fakes/command-line.js'

t.test('without --socket the old path is used', async (t) => {
  const { out, err } = await runInProcess(['list', '--debug'])
  t.match(`${out}${err}`, '/var/run/convoy/convoy.sock')
})

t.test('CONVOY_SOCKET says where the daemon is, --socket says it louder, and an empty variable nothing', async (t) => {
  const server = await FakeControlServer.start()
  t.teardown(() => server.close())
  const { socketPath } = server
  t.match(await runInProcess(['list'], { socketPath }), { code: 0, out: '{}\n' })
  t.match(await runInProcess(['list', '-s', '/nowhere/x.sock'], { socketPath }), { code: 1, err: '/nowhere/x.sock' })
  t.match(await runInProcess(['list'], { socketPath: '' }), { err: '/var/run/convoy/convoy.sock' })
})

t.test('--debug tells on stderr what was asked, and leaves stdout to programs', async (t) => {
  const server = await FakeControlServer.start()
  t.teardown(() => server.close())
  const { out, err } = await runInProcess(['list', '-d', '-s', server.socketPath])
  t.equal(out, '{}\n')
  t.match(err, /^convoy: debug: GET \/v1\/volumes at .*: 200/)
})

t.test('--debug tells the cause of a failure', async (t) => {
  const quiet = await runInProcess(['list', '-s', '/nowhere/x.sock'])
  const loud = await runInProcess(['list', '-s', '/nowhere/x.sock', '--debug'])
  t.notMatch(quiet.err, 'ENOENT')
  t.match(loud.err, 'ENOENT')
  t.equal(loud.out, quiet.out)
})

t.test('an answer without the field to print is a failure, not "undefined"', async (t) => {
  const server = await FakeControlServer.start()
  t.teardown(() => server.close())
  for (const answer of [
    '{}',
    '[]',
    'null',
    '"text"',
    '7',
    '{"Name":7,"MountPoint":{}}',
    '{"__proto__":{"Name":"x"}}',
  ]) {
    server.override = (_, response) => {
      response.end(answer)
      return true
    }
    for (const argv of [['create'], ['mount', 'db'], ['undelete', 'db']]) {
      const { code, out } = await runInProcess(['-s', server.socketPath, ...argv])
      t.equal(code, 1, `${argv.join(' ')} answered with ${answer}`)
      t.match(JSON.parse(out), { Error: /without a (?:Name|MountPoint)/ })
    }
  }
})

t.test('--name is the socket of the daemon with that name, and less than --socket', async (t) => {
  t.match(await runInProcess(['--name', 'nfs', 'list']), { code: 1, err: 'no daemon at /var/run/convoy/nfs.sock' })
  t.match(await runInProcess(['list', '-name=nfs', '-s', '/nowhere/x.sock']), {
    code: 1,
    err: 'no daemon at /nowhere/x',
  })
  t.match(await runInProcess(['--name', '../x', 'list']), { code: 1, err: /"..\/x" is not a volume name/ })
})
