import t, { type Test } from 'tap'
import { runInProcess } from '../fakes/command-line.js'
import { FakeControlServer } from '../fakes/control-server.js'

async function start(t: Test) {
  const server = await FakeControlServer.start()
  t.teardown(() => server.close())
  return { server, convoy: (...argv: readonly string[]) => runInProcess(['-s', server.socketPath, 'notify', ...argv]) }
}

const pager = { name: 'pager', kind: 'webhook', destination: 'https://x/…', types: [], severity: 'warning' }
const audit = {
  name: 'audit',
  kind: 'command',
  destination: '/bin/audit -q',
  types: ['volume', 'job'],
  severity: 'info',
}

t.test('notify shows the targets, what they want, and how far they are', async (t) => {
  const { server, convoy } = await start(t)
  const failure = {
    failingSince: '2026-11-20T11:00:00Z',
    lastErrorAt: '2026-11-20T11:59:00Z',
    lastError: 'answered\u001b 500',
  }
  server.answers.set('GET /v1/notify', [
    { ...pager, state: 'failing', lastId: 7, pending: 200, hasMorePending: true, ...failure },
    { ...audit, state: 'idle', lastId: 900, pending: 0, hasMorePending: false },
  ])
  const { code, out } = await convoy()
  t.equal(code, 0)
  const lines = out.trimEnd().split('\n')
  t.match(lines[0], /^NAME +DESTINATION +EVENTS +STATE +LAST +PENDING +LAST ERROR$/)
  t.match(lines[1], /^pager +https:\/\/x\/… +all \(warning\) +failing +7 +200\+ +.* ago: answered\? 500$/)
  t.match(lines[2], /^audit +\/bin\/audit -q +volume job +idle +900 +0$/)
  t.equal((await convoy('ls', '-q')).out, 'pager\naudit\n')
  t.match(JSON.parse((await convoy('ls', '--format', 'json')).out.split('\n')[1] ?? ''), {
    Name: 'audit',
    Types: ['volume', 'job'],
    LastID: 900,
  })
})

t.test('notify test names the targets that it was given, and fails when one of them did', async (t) => {
  const { server, convoy } = await start(t)
  const [good, bad] = [
    { target: 'audit', isDelivered: true },
    { target: 'pager', isDelivered: false, error: 'answered 500' },
  ]
  server.answers.set('POST /v1/notify/test', [good, bad])
  t.match(await convoy('test'), {
    code: 1,
    out: 'TARGET  RESULT     ERROR\naudit   delivered\npager   failed     answered 500\n',
    err: '',
  })
  server.answers.set('POST /v1/notify/test', [good])
  const { code, out } = await convoy('test', 'audit', '--format', 'json')
  t.equal(code, 0)
  t.strictSame(JSON.parse(out), { Target: 'audit', Result: 'delivered', IsDelivered: true, Error: '' })
  t.match(server.requests, [{ body: { targets: [] } }, { method: 'POST', body: { targets: ['audit'] } }])
})

t.test('a failure is said to people only', async (t) => {
  const { server, convoy } = await start(t)
  server.override = (_request, response) => {
    const error = { code: 'not-found', message: 'there is no target "x"', hint: 'did you mean y?' }
    response.writeHead(404, { 'content-type': 'application/json' }).end(JSON.stringify({ error }))
    return true
  }
  t.match(await convoy('test', 'x'), { code: 1, out: '', err: /no target "x" \(did you mean y\?\)/ })
  t.match(await convoy('ls', '--format', 'nonsense'), { code: 1, err: /unknown format/ })
})
