import type { ServerResponse } from 'node:http'
import fc from 'fast-check'
import t, { type Test } from 'tap'
import { EventBlocks } from '../../src/cli/event-blocks.js'
import { runInProcess } from '../fakes/command-line.js'
import { FakeControlServer } from '../fakes/control-server.js'

const block = (id: number, more: object = {}) => {
  const event = {
    id,
    time: '2026-11-20T07:00:00.000Z',
    type: 'volume.create',
    volume: `v${id}`,
    driver: 'vfs',
    ...more,
  }
  return `id: ${id}\nevent: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`
}

/** A daemon whose answers to `GET /v1/events` are these texts, one after the other; after the last one it refuses. */
async function serving(t: Pick<Test, 'teardown'>, ...answers: readonly ((response: ServerResponse) => void)[]) {
  const server = await FakeControlServer.start()
  t.teardown(() => server.close())
  const seen: { url: string; lastId: string | undefined }[] = []
  let next = 0
  server.override = ({ url }, response) => {
    if (!url.startsWith('/v1/events')) return false
    seen.push({ url, lastId: response.req.headers['last-event-id'] as string | undefined })
    const answer = answers[next++]
    if (answer === undefined) {
      const error = { code: 'invalid-argument', message: 'no more', hint: 'stop' }
      response.writeHead(400, { 'content-type': 'application/json' }).end(JSON.stringify({ error }))
      return true
    }
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    answer(response)
    return true
  }
  const run = (...args: readonly string[]) => runInProcess(['--socket', server.socketPath, 'events', ...args])
  return { seen, run, server }
}

t.test('events are one line each for people: time, type, volume, details', async (t) => {
  const mount = { type: 'volume.mount', volume: 'db', mountId: 'a'.repeat(64), count: 1 }
  const text = `${block(1, mount)}event: gap\ndata: {"type":"gap","time":"2026","since":"1","oldest":3}\n\nid: 9\n\n`
  const { run } = await serving(t, (response) => response.end(text))
  const { code, out, err } = await run('--no-follow')
  t.equal(code, 0)
  t.equal(err, '')
  t.equal(
    out,
    `2026-11-20T07:00:00.000Z volume.mount db (driver=vfs, mountId=${'a'.repeat(12)}, count=1)\n2026 gap (since=1, oldest=3)\n`,
  )
})

t.test('as JSON each event is the object that the daemon sent, on a line of its own', async (t) => {
  for (const format of ['json', '{{json .}}', '{{ json . }}']) {
    const { run } = await serving(t, (response) => response.end(block(1) + block(2)))
    const { out } = await run('--no-follow', '--format', format)
    t.strictSame(
      out
        .trimEnd()
        .split('\n')
        .map((line) => (JSON.parse(line) as { id: number }).id),
      [1, 2],
    )
  }
})

t.test('what was typed reaches the daemon, and strange values stay one value', async (t) => {
  const { run, seen } = await serving(t, (response) => response.end())
  await run('--no-follow', '--since', '10m', '--type', 'volume.mount', '--type', 'job', '--volume', 'a&b=c d')
  t.match(seen, [{ url: '/v1/events?since=10m&type=volume.mount%2Cjob&volume=a%26b%3Dc+d&follow=false' }])
})

t.test('after a restart of the daemon it resumes where it was, and says so once', async (t) => {
  const { run, seen } = await serving(
    t,
    (response) => response.end(block(1) + block(2)),
    (response) => {
      response.write(`${block(3)}id: 7\n\n`, () => response.destroy())
    },
    (response) => response.end(block(8)),
  )
  const { code, out, err, pausesMs } = await run('--format', 'json')
  t.strictSame(
    out.split('\n').flatMap((line) => /^\{"id":(\d+)/.exec(line)?.[1] ?? []),
    ['1', '2', '3', '8'],
  )
  t.strictSame(
    seen.map(({ lastId }) => lastId),
    [undefined, '2', '7', '8'],
  )
  t.equal(code, 1, 'a refusal ends it')
  t.equal(pausesMs.length, 3)
  t.equal(err.match(/waiting for it/g)?.length, 3)
  t.equal(err.match(/the daemon is back/g)?.length, 2)
  t.match(err, 'no more (stop)')
})

t.test('a daemon that is not there at first is a failure, not something to wait for', async (t) => {
  const { run, server } = await serving(t)
  await server.stop()
  const { code, err, pausesMs } = await run()
  t.equal(code, 1)
  t.match(err, 'start it with')
  t.strictSame(pausesMs, [])
})

t.test('a refusal by the daemon, and a format that is none, are shown with what to do', async (t) => {
  const { run } = await serving(t)
  t.match(await run('--since', 'never'), { code: 1, out: /^$/, err: /no more \(stop\)/ })
  t.match(await run('--format', '{{.Nothing'), { code: 1, err: /is no format of events \(use text, json/ })
})

t.test('an answer without following that breaks off is a failure', async (t) => {
  const { run } = await serving(t, (response) => {
    response.write(block(1), () => response.destroy())
  })
  const { code, out } = await run('--no-follow')
  t.equal(code, 1)
  t.match(out, 'volume.create v1')
})

t.test('text from volumes cannot command a terminal', async (t) => {
  const { run } = await serving(t, (response) => response.end(block(1, { error: 'a\u001b[31m\nb' })))
  const { out } = await run('--no-follow')
  t.notMatch(out, /\u001b/)
  t.equal(out.split('\n').length, 2)
})

t.test('blocks are the same however their text is cut', async (t) => {
  const text = `retry: 1\n\n: heartbeat\nid: 5\n\n${block(6)}id:7\ndata\n\nid: 8`
  const whole = new EventBlocks().take(text)
  t.match(whole, [{}, { id: '5' }, { id: '6', data: /^\{/ }, { id: '7', data: '' }])
  fc.assert(
    fc.property(fc.array(fc.nat(text.length)), (cuts) => {
      const blocks = new EventBlocks()
      const places = [0, ...cuts.sort((a, b) => a - b), text.length]
      const found = places.flatMap((from, index) => blocks.take(text.slice(from, places[index + 1] ?? from)))
      return JSON.stringify(found) === JSON.stringify(whole)
    }),
  )
  t.throws(() => new EventBlocks().take('x'.repeat(2 ** 21)), { code: 'internal' })
})
