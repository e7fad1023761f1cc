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
  t.match(await convoy('jobs', 'show'), { code: 1, err: /missing required argument 'id'.*convoy jobs show --help/ })
  t.equal(server.requests.length, 0)
})
