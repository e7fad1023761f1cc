import t, { type Test } from 'tap'
import { FakeControlServer } from '../fakes/control-server.js'
import { type Outcome, runInProcess } from '../fakes/command-line.js'

interface Bench {
  readonly server: FakeControlServer
  readonly convoy: (...argv: readonly string[]) => Promise<Outcome>
}

async function bench(t: Test, ...states: readonly string[]): Promise<Bench> {
  const server = await FakeControlServer.start()
  t.teardown(() => server.close())
  server.jobs.set(
    'j1',
    states.map((state) => ({ id: 'j1', state })),
  )
  return { server, convoy: (...argv) => runInProcess(['-s', server.socketPath, ...argv]) }
}

t.test('jobs shows all jobs, with or without ls', async (t) => {
  const { convoy } = await bench(t, 'running')
  t.same(JSON.parse((await convoy('jobs')).out), [{ id: 'j1', state: 'running' }])
  t.same(JSON.parse((await convoy('jobs', 'ls')).out), [{ id: 'j1', state: 'running' }])
})

t.test('jobs show and cancel print the job', async (t) => {
  const { convoy, server } = await bench(t, 'running')
  t.same(JSON.parse((await convoy('jobs', 'show', 'j1')).out), { id: 'j1', state: 'running' })
  t.same(JSON.parse((await convoy('jobs', 'cancel', 'j1')).out), { id: 'j1', state: 'cancelled' })
  t.same(server.requests[1], { method: 'POST', url: '/v1/jobs/j1/cancel', body: {} })
})

t.test('jobs wait asks until the job is finished', async (t) => {
  const { convoy } = await bench(t, 'queued', 'running', 'running', 'succeeded')
  const { code, out, pausesMs } = await convoy('jobs', 'wait', 'j1')
  t.equal(code, 0)
  t.same(JSON.parse(out), { id: 'j1', state: 'succeeded' })
  t.equal(pausesMs.length, 3)
})

t.test('jobs wait fails with the reason of a job that failed', async (t) => {
  const { convoy, server } = await bench(t)
  server.jobs.set('j1', [{ id: 'j1', state: 'failed', error: 'disk is on fire' }])
  const { code, out } = await convoy('jobs', 'wait', 'j1')
  t.equal(code, 1)
  t.match(JSON.parse(out), { Error: 'job j1 failed: disk is on fire' })
})

t.test('jobs wait fails when the job was cancelled', async (t) => {
  const { convoy } = await bench(t, 'running', 'cancelled')
  t.match(JSON.parse((await convoy('jobs', 'wait', 'j1')).out), { Error: 'job j1 was cancelled' })
})

t.test('jobs wait outlives a restart of the daemon', async (t) => {
  const { server } = await bench(t, 'running', 'running', 'succeeded')
  let pauses = 0
  const sleep = async () => {
    if (++pauses === 1) await server.stop()
    if (pauses === 4) await server.listen()
  }
  t.match(await runInProcess(['-s', server.socketPath, 'jobs', 'wait', 'j1'], { sleep }), { code: 0 })
})

t.test('jobs wait fails at once when the job is forgotten meanwhile', async (t) => {
  const { server } = await bench(t, 'running')
  let pauses = 0
  const sleep = async () => {
    pauses++
    server.jobs.clear()
  }
  const { code, out } = await runInProcess(['-s', server.socketPath, 'jobs', 'wait', 'j1'], { sleep })
  t.equal(code, 1)
  t.match(JSON.parse(out), { Code: 'not-found' })
  t.equal(pauses, 1)
})

t.test('jobs wait gives up on a daemon that does not come back', async (t) => {
  const { server } = await bench(t, 'running')
  let pauses = 0
  const sleep = async () => {
    if (++pauses === 1) await server.stop()
  }
  const { code, out } = await runInProcess(['-s', server.socketPath, 'jobs', 'wait', 'j1'], { sleep })
  t.equal(code, 1)
  t.match(JSON.parse(out), { Code: 'unavailable' })
})

t.test('jobs wait does not wait for a daemon that was not there, nor for an unknown job', async (t) => {
  const { server, convoy } = await bench(t)
  t.match(JSON.parse((await convoy('jobs', 'wait', 'other')).out), { Code: 'not-found' })
  await server.stop()
  const { code, pausesMs } = await convoy('jobs', 'wait', 'j1')
  t.equal(code, 1)
  t.same(pausesMs, [])
})

const removal = (more: object) => ({
  ...{ id: 'j1', state: 'running', createdAt: '2026-11-20T11:00:00Z' },
  ...{ request: { kind: 'remove', driver: 'vfs', volume: { name: 'db' } } },
  ...more,
})
const terminal = { columns: () => 80 }

t.test('jobs is a table on a terminal, and JSON for a script or when asked for', async (t) => {
  const { server, convoy } = await bench(t)
  const job = removal({ progress: { done: 1, total: 4, unit: 'entries' } })
  server.jobs.set('j1', [job])
  const onTerminal = (...argv: readonly string[]) => runInProcess(['-s', server.socketPath, ...argv], {}, terminal)
  const table =
    'ID  KIND    VOLUME  STATE    PROGRESS  CREATED\nj1  remove  db      running  25%       60 minutes ago\n'
  for (const argv of [['jobs'], ['jobs', 'ls'], ['jobs', '--format', 'table']]) {
    t.match(await onTerminal(...argv), { code: 0, out: table }, argv.join(' '))
  }
  t.equal((await convoy('jobs', 'ls', '--format', 'table')).out, table)
  t.same(JSON.parse((await onTerminal('jobs', '--format', 'json')).out), [job])
  t.same(JSON.parse((await convoy('jobs')).out), [job])
  t.equal((await convoy('jobs', 'ls', '-q')).out, 'j1\n')
  t.equal((await convoy('jobs', 'ls', '--format', '{{.ID}} {{.Volume}}')).out, 'j1 db\n')
})

t.test('jobs wait waits for all, and one that failed does not stop the wait for the others', async (t) => {
  const { server, convoy } = await bench(t, 'running', 'succeeded')
  server.jobs.set('j2', [
    { id: 'j2', state: 'running' },
    { id: 'j2', state: 'failed', error: 'no' },
  ])
  server.jobs.set('j3', [{ id: 'j3', state: 'succeeded' }])
  const { code, out, err } = await convoy('jobs', 'wait', 'j1', 'j2', 'j3')
  t.equal(code, 1)
  t.match(out, /^{"id":"j1","state":"succeeded"}$/m)
  t.match(out, /^{"id":"j3","state":"succeeded"}$/m)
  t.match(err, /job j2 failed: no/)
  const lines = out.trimEnd().split('\n')
  t.match(
    lines.map((line) => JSON.parse(line) as unknown),
    [{ id: 'j1' }, { Error: 'job j2 failed: no', Code: 'internal' }, { id: 'j3' }],
    'a line for each, also for the one that failed',
  )
})

t.test('jobs wait --format json prints a line for each change', async (t) => {
  const { server } = await bench(t)
  const at = (done: number) => removal({ progress: { done, unit: 'entries' } })
  server.jobs.set('j1', [at(1), at(1), at(2), removal({ state: 'succeeded' })])
  const { code, out } = await runInProcess(['-s', server.socketPath, 'jobs', 'wait', 'j1', '--format', 'json'])
  t.equal(code, 0)
  const lines = out.trimEnd().split('\n')
  t.same(
    lines.map((line) => JSON.parse(line) as unknown),
    [at(1), at(2), removal({ state: 'succeeded' })],
  )
})

t.test('jobs wait draws a bar on a terminal, over itself, and leaves one line', async (t) => {
  const { server } = await bench(t)
  const at = (done: number) => removal({ progress: { done, total: 10, unit: 'entries' } })
  server.jobs.set('j1', [at(0), at(5), removal({ state: 'succeeded' })])
  let seconds = 0
  const now = () => new Date((seconds += 2) * 1000)
  const { code, out } = await runInProcess(['-s', server.socketPath, 'jobs', 'wait', 'j1'], { now }, terminal)
  t.equal(code, 0)
  const drawn = out.split('\r')
  t.match(drawn[1], /^remove db \[ +\] +0% {2}0 of 10 entries/)
  t.match(drawn[2], /^remove db \[=+ +\] +50% {2}5 of 10 entries/)
  for (const line of drawn.slice(1, 3)) t.equal(line.length, 79)
  t.match(drawn[3], /^ {79}$/)
  t.equal(drawn[4], 'remove db: succeeded\n')
})

t.test('a wait that fails on a terminal wipes the bar away, and says so on stderr only', async (t) => {
  const { server } = await bench(t)
  server.jobs.set('j1', [removal({}), removal({ state: 'failed', error: 'no' })])
  const { code, out, err } = await runInProcess(['-s', server.socketPath, 'jobs', 'wait', 'j1'], {}, terminal)
  t.equal(code, 1)
  t.match(out, /^\rremove db \| running +\r +\r$/)
  t.match(err, /^convoy: job j1 failed: no/)
})

t.test('Ctrl-C ends the wait with 130, and not the job', async (t) => {
  const { server } = await bench(t, 'running', 'succeeded')
  let leave: () => number | undefined = () => 0
  let code: number | undefined
  const parts = {
    onInterrupt: (act: () => number | undefined) => {
      leave = act
      return () => undefined
    },
    sleep: async () => void (code = leave()),
  }
  const { err } = await runInProcess(['-s', server.socketPath, 'jobs', 'wait', 'j1'], parts)
  t.equal(code, 130)
  t.match(err, /the work goes on/)
  t.notOk(server.requests.some(({ method }) => method !== 'GET'))
})

t.test('a job in a state of a later version is not waited for', async (t) => {
  const { convoy } = await bench(t, 'pondering')
  t.match(await convoy('jobs', 'wait', 'j1'), { code: 1, err: /unknown state "pondering"/, pausesMs: [] })
})

for (const id of ['', '.', '..', '../volumes', 'a/b', 'j1?x', 'j 1'])
  t.test(`an id that is none never becomes a URL: ${JSON.stringify(id)}`, async (t) => {
    const { convoy, server } = await bench(t, 'running')
    for (const action of ['show', 'cancel', 'wait'])
      t.match(JSON.parse((await convoy('jobs', action, id)).out), { Code: 'invalid-argument' }, action)
    t.equal(server.requests.length, 0)
  })

t.test('jobs with an unknown action or without an id is refused', async (t) => {
  const { convoy, server } = await bench(t, 'running')
  t.match(await convoy('jobs', 'nonsense'), { code: 1 })
  t.match(await convoy('jobs', 'show'), { code: 1, err: /missing required argument 'job'.*convoy jobs show --help/ })
  t.equal(server.requests.length, 0)
})
