import t from 'tap'
import { runInProcess } from '../fakes/command-line.js'
import { FakeControlServer } from '../fakes/control-server.js'

t.test('version shows that of the command and of the daemon', async (t) => {
  const server = await FakeControlServer.start()
  t.teardown(() => server.close())
  const convoy = (...argv: readonly string[]) => runInProcess(['-s', server.socketPath, 'version', ...argv])
  t.match(await convoy(), { code: 0, out: 'Client: 1.2.3\nDaemon: unknown\n' })
  server.answers.set('GET /v1/info', { General: { Version: '1.3.0' } })
  t.match(await convoy(), { code: 0, out: 'Client: 1.2.3\nDaemon: 1.3.0\n' })
  t.same(JSON.parse((await convoy('--format', 'json')).out), {
    Client: { Version: '1.2.3' },
    Daemon: { Version: '1.3.0' },
  })
  t.match(await convoy('--format', 'yaml'), { code: 1, out: '', err: /table, json/ })
})

t.test('version without a daemon is no failure', async (t) => {
  const { code, out, err } = await runInProcess(['-s', '/nowhere/x.sock', 'version'])
  t.equal(code, 0)
  t.match(out, /^Client: 1\.2\.3\nDaemon: no daemon at \/nowhere\/x\.sock .*sudo convoy daemon/)
  t.equal(err, '')
  const json = await runInProcess(['-s', '/nowhere/x.sock', 'version', '--format', 'json'])
  t.match(JSON.parse(json.out), { Client: { Version: '1.2.3' }, Daemon: { Error: /no daemon/ } })
})
