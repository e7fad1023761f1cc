import t, { type Test } from 'tap'
import { runInProcess } from '../fakes/command-line.js'
import { FakeControlServer } from '../fakes/control-server.js'

const id = 'c0ffee'.repeat(10) + '1234'
const holders = {
  references: [
    { id, count: 2, mountedAt: '2026-11-20T10:00:00Z', isCurrent: true },
    { id: 'convoy-mount', count: 1, mountedAt: '2026-11-18T10:00:00Z', isCurrent: false },
  ],
  containers: ['web'],
  mounts: [{ pid: 4711, command: 'nginx', mountpoint: '/srv/x', namespace: '4026532000' }],
}

async function bench(t: Test, answer: unknown = holders) {
  const server = await FakeControlServer.start()
  t.teardown(() => server.close())
  server.answers.set('GET /v1/volumes/db/holders', answer)
  return { server, convoy: (...argv: readonly string[]) => runInProcess(['-s', server.socketPath, ...argv]) }
}

t.test('ps shows mount ids, containers and processes', async (t) => {
  const { convoy } = await bench(t)
  t.match(await convoy('ps', 'db'), {
    code: 0,
    err: '',
    out: `KIND       HOLDER        COUNT  SINCE        MOUNTPOINT
mount      c0ffeec0ffee  2      2 hours ago
old mount  convoy-mount  1      2 days ago
container  web
process    4711 nginx                        /srv/x
`,
  })
})

t.test('ps --no-trunc shows whole ids, and json has everything', async (t) => {
  const { convoy } = await bench(t)
  t.match((await convoy('ps', 'db', '--no-trunc')).out, id)
  const rows = (await convoy('ps', 'db', '--format', 'json')).out.trimEnd().split('\n')
  t.same(
    rows.map((row) => (JSON.parse(row) as { Kind: string }).Kind),
    ['mount', 'old mount', 'container', 'process'],
  )
  t.match(JSON.parse(rows[0]!), { ID: id, Count: 2, MountedAt: '2026-11-20T10:00:00Z', IsCurrent: true })
  t.match(JSON.parse(rows[3]!), { PID: 4711, Command: 'nginx', Mountpoint: '/srv/x', Namespace: '4026532000' })
})

t.test('ps -q and templates print what names the holders', async (t) => {
  const { convoy } = await bench(t)
  t.equal((await convoy('ps', 'db', '-q')).out, 'c0ffeec0ffee\nconvoy-mount\nweb\n4711 nginx\n')
  t.equal((await convoy('ps', 'db', '--format', '{{.Kind}}')).out, 'mount\nold mount\ncontainer\nprocess\n')
})

t.test('ps says when Docker cannot be asked, and nothing when nobody holds the volume', async (t) => {
  const { convoy } = await bench(t, { references: [], mounts: [] })
  t.match(await convoy('ps', 'db'), { code: 0, out: /^KIND.*\n$/, err: /Docker does not answer/ })
  const free = await bench(t, { references: [], containers: [], mounts: [] })
  t.match(await free.convoy('ps', 'db'), { code: 0, err: '' })
})

t.test('the name of a process cannot command the terminal', async (t) => {
  const mounts = [{ pid: 1, command: 'x\u001b]0;owned\u0007\n', mountpoint: '/a\nb', namespace: '1' }]
  const { convoy } = await bench(t, { references: [], containers: [], mounts })
  const { out } = await convoy('ps', 'db')
  t.notMatch(out, /\u001b|\u0007/)
  t.equal(out.split('\n').length, 3)
})

t.test('ps of an unknown volume or without one fails', async (t) => {
  const { convoy, server } = await bench(t)
  t.match(await convoy('ps', 'nope'), { code: 1, out: '', err: /nope/ })
  t.match(await convoy('ps'), { code: 1, err: /missing required argument/ })
  const asked = server.requests.length
  t.match(await convoy('ps', '../trash'), { code: 1, out: '' })
  t.equal(server.requests.length, asked, 'what is no name never becomes a URL')
})
