import { spawnSync } from 'node:child_process'
import { createHmac } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { WebhookProcess } from '../../src/host/webhook-process.js'
import type { Notice, Webhook } from '../../src/model/notify-target.js'
import { eventually } from '../engine/polling.js'
import { WebhookServer } from './webhook-server.js'

const notice: Notice = {
  id: 'host-7',
  content: {
    id: 7,
    time: '2026-01-01T00:00:00.000Z',
    type: 'volume.create',
    volume: 'db',
    severity: 'info',
    host: 'h',
    daemon: 'd',
  },
}

const patience = 60_000

async function start(t: Test) {
  const server = await WebhookServer.start(t)
  const webhooks = new WebhookProcess()
  t.teardown(() => webhooks.close())
  const post = (webhook: Omit<Webhook, 'kind'>, timeoutMs = patience, signal = new AbortController().signal) =>
    webhooks.post({ kind: 'webhook', ...webhook }, notice, { timeoutMs, signal })
  return { server, webhooks, post }
}

/** Our children that post. */
function children(): readonly number[] {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name) && existsSync(`/proc/${name}/stat`))
  const isOurs = (pid: string) => {
    try {
      const [, parent] = /^\d+ \(.*\) \S (\d+)/s.exec(readFileSync(`/proc/${pid}/stat`, 'utf8')) ?? []
      return (
        parent === String(process.pid) && readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('webhook-process-main')
      )
    } catch {
      return false
    }
  }
  return pids.filter(isOurs).map(Number)
}

t.test('an event is posted as JSON, with an id that is the same for each attempt', async (t) => {
  const { server, post } = await start(t)
  await post({ url: server.url('/ok') })
  await post({ url: server.url('/ok') })
  t.strictSame(server.events('/ok'), [notice.content, notice.content])
  t.match(server.posted[1]?.headers, {
    'content-type': 'application/json',
    'webhook-id': 'host-7',
    'user-agent': 'convoy',
  })
  t.notOk('webhook-signature' in (server.posted[0]?.headers ?? {}))
})

t.test('address, headers and key come from files, which are read anew each time', async (t) => {
  const { server, post } = await start(t)
  const directory = t.testdir({
    address: `${server.url('/ok')}\n`,
    headers: '# ours\nAuthorization: Bearer abc\n\nX-Team:  storage \n',
    key: 'hush\n',
  })
  const files = {
    url: { file: join(directory, 'address') },
    headersFile: join(directory, 'headers'),
    secretFile: join(directory, 'key'),
  }
  await post(files)
  writeFileSync(join(directory, 'key'), `whsec_${Buffer.from('hush again').toString('base64')}`)
  await post(files)
  const signatures = server.posted.map(({ headers, body }, index) => {
    const signed = `host-7.${String(headers['webhook-timestamp'])}.${body}`
    const expected = createHmac('sha256', index === 0 ? 'hush' : 'hush again')
      .update(signed)
      .digest('base64')
    return headers['webhook-signature'] === `v1,${expected}`
  })
  t.strictSame(signatures, [true, true])
  t.match(server.posted[0]?.headers, { authorization: 'Bearer abc', 'x-team': 'storage', 'webhook-id': 'host-7' })
})

t.test('what is no answer of success is said as it is, without the path of the address', async (t) => {
  const { server, post } = await start(t)
  const origin = server.url('')
  for (const [path, message, hint] of [
    ['/broken', `${origin}/… answered 500: no way`, undefined],
    ['/unknown', `${origin}/… answered 404`, undefined],
    ['/redirect', `${origin}/… answered 302`, 'redirects are not followed: name the address itself'],
    ['/closed', /cannot be reached: /, undefined],
    ['/huge-error', /answered 503: x{200}$/, undefined],
  ] as const)
    await t.rejects(post({ url: server.url(path) }), { code: 'unavailable', message, hint }, path)
  t.strictSame(server.events('/ok'), [], 'the redirect was not followed')
  await server.close()
  await t.rejects(post({ url: `${origin}/ok` }), { code: 'unavailable', message: /cannot be reached: ECONNREFUSED/ })
})

t.test('a target that never answers is given up when the time is up, and keeps no other waiting', async (t) => {
  const { server, post } = await start(t)
  const hanging = t.rejects(post({ url: server.url('/hang') }, 1500), {
    code: 'deadline-exceeded',
    message: /within 1500 ms/,
  })
  await post({ url: server.url('/ok') })
  await hanging
})

t.test('an answer of success is one, also when its body has no end', async (t) => {
  const { server, post } = await start(t)
  await post({ url: server.url('/huge') })
  await post({ url: server.url('/hang-in-body') }, 1000)
  t.equal(server.posted.length, 2)
})

t.test('files that are missing or hold something else are said to, and never shown', async (t) => {
  const { server, post } = await start(t)
  const directory = t.testdir({ address: 'ftp://secret', headers: 'geheim' })
  const missing = join(directory, 'none')
  const url = server.url('/ok')
  for (const [webhook, message] of [
    [{ url: { file: missing } }, `${missing} cannot be read: ENOENT`],
    [{ url, headersFile: missing }, `${missing} cannot be read: ENOENT`],
    [{ url, secretFile: missing }, `${missing} cannot be read: ENOENT`],
    [{ url: { file: join(directory, 'address') } }, /address holds no address of a webhook$/],
    [{ url, headersFile: join(directory, 'headers') }, /^header 1 in .*headers is not of the form "Name: value"$/],
  ] as const)
    await t.rejects(post(webhook), { code: 'unavailable', message }, String(message))
  t.equal(server.posted.length, 0)
})

t.test('whoever gives up is not kept, and the connection ends', async (t) => {
  const { server, post } = await start(t)
  const controller = new AbortController()
  const posting = post({ url: server.url('/hang') }, patience, controller.signal)
  await eventually('it hangs', () => server.posted.length === 1)
  controller.abort()
  await t.rejects(posting, { code: 'deadline-exceeded' })
  await eventually('it hangs up', () => server.hungUp === 1)
  await t.rejects(post({ url: server.url('/ok') }, patience, controller.signal), { code: 'deadline-exceeded' })
  await post({ url: server.url('/ok') })
})

t.test('a child that dies fails what is under way, and the next attempt gets another', async (t) => {
  const { server, post } = await start(t)
  const posting = t.rejects(post({ url: server.url('/hang') }), { code: 'unavailable', message: /has ended/ })
  await eventually('it hangs', () => server.posted.length === 1)
  const [child] = children()
  t.ok(child)
  process.kill(child ?? 0, 'SIGKILL')
  await posting
  await post({ url: server.url('/ok') })
  t.equal(server.events('/ok').length, 1)
})

t.test('a child that hangs is left behind, and the next attempt gets another', async (t) => {
  const { server, post } = await start(t)
  await post({ url: server.url('/ok') })
  const [child] = children()
  process.kill(child ?? 0, 'SIGSTOP')
  await t.rejects(post({ url: server.url('/ok') }, 1000), { code: 'unavailable', message: /has ended/ })
  await post({ url: server.url('/ok') })
  t.equal(server.events('/ok').length, 2)
})

t.test('the child ends with what started it', async (t) => {
  const { server, webhooks, post } = await start(t)
  await post({ url: server.url('/ok') })
  t.equal(children().length, 1)
  webhooks.close()
  await eventually('it has gone', () => children().length === 0)
})

const skip = spawnSync('openssl', ['version']).error === undefined ? false : 'needs openssl'

t.test('whom nobody vouches for is told nothing, unless the administrator does', { skip }, async (t) => {
  const directory = t.testdir()
  const [key, cert] = [join(directory, 'key.pem'), join(directory, 'cert.pem')]
  const subject = ['-subj', '/CN=127.0.0.1', '-addext', 'subjectAltName=IP:127.0.0.1']
  const algorithm = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']
  spawnSync('openssl', ['req', '-x509', ...algorithm, '-keyout', key, '-out', cert, ...subject])
  let requests = 0
  const server = createServer({ key: readFileSync(key), cert: readFileSync(cert) }, (_request, response) => {
    requests++
    response.end()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => server.close())
  const { webhooks, post } = await start(t)
  const { port } = server.address() as AddressInfo
  const url = `https://127.0.0.1:${String(port)}/`
  await t.rejects(post({ url }), { code: 'unavailable', message: /SELF_SIGNED/ })
  t.equal(requests, 0)
  webhooks.close()
  process.env['NODE_EXTRA_CA_CERTS'] = cert
  t.teardown(() => delete process.env['NODE_EXTRA_CA_CERTS'])
  await post({ url })
  t.equal(requests, 1)
  server.closeAllConnections()
})
