import t, { type Test } from 'tap'
import type { ConfigReport } from '../../src/model/config-report.js'
import { runInProcess } from '../fakes/command-line.js'
import { FakeControlServer } from '../fakes/control-server.js'

const quiet: ConfigReport = { options: [], profiles: {}, warnings: [], needsRestart: [] }

async function serve(t: Test, report: ConfigReport) {
  const server = await FakeControlServer.start()
  t.teardown(() => server.close())
  server.override = ({ url }, response) => {
    if (url !== '/v1/config') return false
    response.end(JSON.stringify(report))
    return true
  }
  return { server, run: (...argv: string[]) => runInProcess([...argv, '-s', server.socketPath]) }
}

const options = [
  {
    name: 'jobs',
    value: '3',
    source: '--jobs',
    overrides: [
      { value: '2', source: 'CONVOY_JOBS' },
      { value: '1', source: '/c.yaml:1' },
    ],
  },
  { name: 'trash-retention', value: '24h', source: 'default', overrides: [] },
  { name: 'log', source: 'default', overrides: [] },
]

t.test('info --config shows value, source and what was overridden, one option a line', async (t) => {
  const { run } = await serve(t, { ...quiet, options })
  const { code, out, err } = await run('info', '--config')
  t.equal(code, 0)
  t.equal(err, '')
  t.strictSame(
    out.split('\n').map((line) => line.split(/ {2,}/)),
    [
      ['OPTION', 'VALUE', 'SOURCE', 'OVERRIDES'],
      ['jobs', '3', '--jobs', '2 (CONVOY_JOBS), 1 (/c.yaml:1)'],
      ['trash-retention', '24h', 'default'],
      ['log', '-', 'default'],
      [''],
    ],
  )
})

t.test('what waits for a restart, and what looks wrong, is said on stderr', async (t) => {
  const { run } = await serve(t, { ...quiet, needsRestart: ['root', 'name'], warnings: ['CONVOY_X is no option'] })
  const { code, err } = await run('info', '--config')
  t.equal(code, 0)
  t.match(err, /needs a restart: root, name\n.*CONVOY_X is no option\n/)
})

t.test('both have the formats of every listing', async (t) => {
  const { run } = await serve(t, { ...quiet, options, profiles: { gold: { driver: 'vfs', size: '1G' }, tin: {} } })
  const lines = async (...argv: readonly string[]) =>
    (await run(...argv)).out
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as unknown)
  t.match(await lines('info', '--config', '--format', 'json'), [
    { Name: 'jobs', Value: '3', Source: '--jobs', Overrides: [{ value: '2', source: 'CONVOY_JOBS' }, {}] },
    { Name: 'trash-retention', Value: '24h' },
    { Name: 'log', Source: 'default' },
  ])
  t.equal((await lines('info', '--format=json')).length, 3, 'a format is one of the configuration')
  t.match(await lines('profiles', '--format', 'json'), [
    { Name: 'gold', Driver: 'vfs', Options: { size: '1G' } },
    { Name: 'tin', Driver: '(default)', Options: {} },
  ])
  t.equal((await run('profiles', '-q')).out, 'gold\ntin\n')
  t.equal(
    (await run('info', '--config', '--format', '{{.Name}}={{.Value}}')).out,
    'jobs=3\ntrash-retention=24h\nlog=-\n',
  )
  for (const argv of [
    ['info', '--config', '--format', 'xml'],
    ['profiles', '--format', 'xml'],
  ])
    t.match(await run(...argv), { code: 1, err: /xml/ })
})

t.test('profiles are a table: name, driver, options', async (t) => {
  const profiles = { gold: { driver: 'ebs', type: 'io2', iops: '3000' }, 'a\u001b[31m': {} }
  const { run } = await serve(t, { ...quiet, profiles })
  t.equal(
    (await run('profiles')).out,
    'PROFILE  DRIVER     OPTIONS\ngold     ebs        type=io2 iops=3000\na?[31m   (default)\n',
  )
})

t.test('info without --config is what old scripts read', async (t) => {
  const { server, run } = await serve(t, quiet)
  await run('info')
  t.strictSame(
    server.requests.map(({ url }) => url),
    ['/v1/info'],
  )
})
