import t, { type Test } from 'tap'
import type { Terminal } from '../../src/cli/terminal.js'
import { runInProcess } from '../fakes/command-line.js'
import { FakeControlServer } from '../fakes/control-server.js'

// The fake clock stands at 12:00 on that day.
const volumes = [
  {
    ...{ name: 'db', id: 'id-1', driver: 'vfs', state: 'attached', origin: 'created', mounts: 2 },
    ...{ createdAt: '2026-11-20T09:00:00Z', sizeBytes: 10 * 1024 ** 3, mountpoint: '/v/db', options: { size: '10G' } },
  },
  {
    ...{ name: 'cache', id: 'id-2', driver: 'ebs', state: 'ready', origin: 'adopted', mounts: 0 },
    ...{ createdAt: '2026-11-01T12:00:00Z', options: {} },
  },
]

async function bench(t: Test, answer: unknown = volumes) {
  const server = await FakeControlServer.start()
  t.teardown(() => server.close())
  server.answers.set('GET /v1/summaries', answer)
  server.answers.set('GET /v1/forgotten', [{ ...volumes[0], name: 'gone', state: 'forgotten', mounts: 0 }])
  const on = (screen: Omit<Terminal, 'out' | 'err'>, ...argv: readonly string[]) =>
    runInProcess(['-s', server.socketPath, ...argv], {}, screen)
  return { server, on, convoy: (...argv: readonly string[]) => on({}, ...argv) }
}

const table = `NAME   DRIVER  STATE     MOUNTS  SIZE    CREATED
cache  ebs     ready     0               2 weeks ago
db     vfs     attached  2       10 GiB  3 hours ago
`

t.test('ls shows a table, by name', async (t) => {
  const { convoy, server } = await bench(t)
  t.match(await convoy('ls'), { code: 0, out: table, err: '' })
  t.match(await convoy('ls', '--format', 'table'), { out: table })
  t.same(server.requests[0], { method: 'GET', url: '/v1/summaries', body: undefined })
})

t.test('ls without any volume shows the headings, and nothing to scripts', async (t) => {
  const { convoy } = await bench(t, [])
  t.match(await convoy('ls'), { code: 0, out: 'NAME  DRIVER  STATE  MOUNTS  SIZE  CREATED\n' })
  t.match(await convoy('ls', '-q'), { code: 0, out: '' })
  t.match(await convoy('ls', '--format', 'json'), { code: 0, out: '' })
})

t.test('ls --format json prints an object a line', async (t) => {
  const { convoy } = await bench(t)
  const { out } = await convoy('ls', '--format', 'json')
  const lines = out.trimEnd().split('\n')
  t.equal(lines.length, 2)
  t.same(JSON.parse(lines[1]!), {
    ...{ Name: 'db', ID: 'id-1', Driver: 'vfs', State: 'attached', Origin: 'created', Mounts: 2, Size: '10 GiB' },
    ...{ SizeBytes: 10 * 1024 ** 3, Created: '3 hours ago', CreatedAt: '2026-11-20T09:00:00Z', Mountpoint: '/v/db' },
    ...{ Used: '', MeasuredAt: '', Options: { size: '10G' } },
  })
  t.equal((await convoy('ls', '--format', '{{json .}}')).out, out)
})

t.test('ls shows what a volume took when it was measured, and when that was', async (t) => {
  const measured = { name: 'db', driver: 'vfs', usedBytes: 2 ** 30, measuredAt: '2026-11-20T11:57:00Z' }
  const { convoy } = await bench(t, [measured])
  t.match(await convoy('ls', '--format', '{{.Name}} {{.Used}} {{.UsedBytes}}'), {
    out: 'db 1 GiB 3 minutes ago 1073741824\n',
  })
})

const templates: readonly (readonly [format: string, out: string])[] = [
  [String.raw`{{.Name}}\t{{.Driver}}`, 'cache\tebs\ndb\tvfs\n'],
  ['table {{.Name}}', 'NAME\ncache\ndb\n'],
  [
    String.raw`table {{.Name}}\t{{upper .Driver}}\t{{.Options.size}}`,
    'NAME   DRIVER  SIZE\ncache  EBS\ndb     VFS     10G\n',
  ],
  [
    String.raw`table {{.Name}} ({{.Mounts}})\t{{.CreatedAt}}`,
    'NAME (MOUNTS)  CREATEDAT\ncache (0)      2026-11-01T12:00:00Z\ndb (2)         2026-11-20T09:00:00Z\n',
  ],
]
for (const [format, out] of templates)
  t.test(`ls fills in the template ${format}`, async (t) => {
    const { convoy } = await bench(t)
    t.equal((await convoy('ls', '--format', format)).out, out)
  })

for (const [format, sentence] of [
  ['yaml', /unknown format "yaml"/],
  ['', /unknown format/],
  ['table', undefined],
  ['{{.Nme}}', /did you mean \.Name\?/],
] as const)
  t.test(`a format that is none is refused before anything is asked: ${JSON.stringify(format)}`, async (t) => {
    const { convoy, server } = await bench(t)
    const { code, out, err } = await convoy('ls', '--format', format)
    t.equal(code, sentence === undefined ? 0 : 1)
    t.equal(server.requests.length, sentence === undefined ? 1 : 0)
    if (sentence !== undefined) t.match(err, sentence)
    if (sentence !== undefined) t.equal(out, '', 'and stdout stays empty')
  })

t.test('ls -q prints names', async (t) => {
  const { convoy } = await bench(t)
  t.equal((await convoy('ls', '-q')).out, 'cache\ndb\n')
  t.equal((await convoy('ls', '--quiet', '--format', 'table')).out, 'cache\ndb\n')
})

t.test('ls --filter leaves some, and refuses what it does not know', async (t) => {
  const { convoy } = await bench(t)
  t.equal((await convoy('ls', '-q', '--filter', 'mounted=true')).out, 'db\n')
  t.equal((await convoy('ls', '-q', '--filter', 'name=c', '--filter', 'driver=vfs')).out, '')
  t.equal((await convoy('ls', '-q', '--filter=option=size')).out, 'db\n')
  t.match(await convoy('ls', '--filter', 'stat=ready'), { code: 1, out: '', err: /did you mean state\?/ })
})

t.test('ls --forgotten shows what Docker removed', async (t) => {
  const { convoy } = await bench(t)
  t.equal((await convoy('ls', '-q', '--forgotten')).out, 'gone\n')
})

const long = [{ ...volumes[0], name: 'the-volume-of-a-project-with-a-name' }]

t.test('a narrow terminal keeps lines whole, and a pipe keeps names whole', async (t) => {
  const { on } = await bench(t, long)
  const narrow = (await on({ columns: () => 40 }, 'ls')).out.trimEnd().split('\n')
  for (const line of narrow) t.ok(line.length <= 40, line)
  t.match(narrow[1], /^the-volume-\S*… +attached +2 +10 GiB$/)
  t.match((await on({}, 'ls')).out, /the-volume-of-a-project-with-a-name/)
  t.match((await on({ columns: () => 40 }, 'ls', '--no-trunc')).out, /a-name +vfs +attached +2 +10 GiB +3 hours ago/)
  t.match((await on({ columns: () => 120 }, 'ls')).out, /a-name +vfs +attached +2 +10 GiB +3 hours ago/)
})

t.test('states are coloured where the terminal has colours', async (t) => {
  const { on } = await bench(t)
  const { out } = await on({ columns: () => 80, hasColour: () => true }, 'ls')
  t.match(out, '\u001b[32mattached\u001b[39m')
  t.equal(out.match(/\u001b/g)?.length, 2, 'and nothing else')
  t.equal((await on({ columns: () => 80, hasColour: () => false }, 'ls')).out, table)
})

t.test('an answer that is no list is a failure, and one with other fields is not', async (t) => {
  t.match(await (await bench(t, { error: 1 })).convoy('ls'), { code: 1, out: '', err: /no list/ })
  const { convoy } = await bench(t, [{ name: 'db', later: true }, null])
  t.match(await convoy('ls', '-q'), { code: 0, out: '\ndb\n' })
})

t.test('without a daemon nothing is on stdout, where a script would take it for a name', async (t) => {
  t.match(await runInProcess(['-s', '/nowhere/x.sock', 'ls', '-q']), { code: 1, out: '', err: /sudo convoy daemon/ })
  t.match(await runInProcess(['ls', '--nonsense']), { code: 1, out: '', err: /unknown option '--nonsense'/ })
})
