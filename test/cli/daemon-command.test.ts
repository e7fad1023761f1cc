import t from 'tap'
import { ConvoyError } from '../../src/errors.js'
import { runInProcess } from '../fakes/command-line.js'

t.test('daemon starts the daemon with what was typed, and ends with its exit code', async (t) => {
  const argv = ['daemon', '--root', '/r', '--trash-retention=7d', '--ignore-docker-delete']
  const { code, out, daemon } = await runInProcess(argv)
  t.equal(code, 7)
  t.equal(out, '')
  t.same(daemon, {
    options: { root: '/r', 'trash-retention': '7d', 'ignore-docker-delete': 'true' },
    drivers: [],
    driverOptions: [],
  })
})

t.test('drivers and their options are repeatable, keep their order and do not split on commas', async (t) => {
  const drivers = ['--drivers', 'vfs', '-drivers=ebs']
  const options = ['--driver-opts', 'vfs.path=/a,b', '-driver-opts', 'ebs.fsfreeze=true']
  const { daemon } = await runInProcess(['daemon', ...drivers, ...options])
  t.same(daemon, {
    options: {},
    drivers: ['vfs', 'ebs'],
    driverOptions: ['vfs.path=/a,b', 'ebs.fsfreeze=true'],
  })
})

t.test('a switch of the daemon may be turned off, because its configuration may have turned it on', async (t) => {
  const typed = async (...argv: readonly string[]) => (await runInProcess(['daemon', ...argv])).daemon?.options
  t.same(await typed('--ignore-docker-delete=false'), { 'ignore-docker-delete': 'false' })
  t.same(await typed('-ignore-docker-delete=true'), { 'ignore-docker-delete': 'true' })
  t.same(await typed('-ignore-docker-delete'), { 'ignore-docker-delete': 'true' })
})

t.test('--debug and --socket are the daemon’s too, wherever they stand', async (t) => {
  const expected = { debug: 'true', socket: '/s' }
  t.same((await runInProcess(['daemon', '--debug', '-s', '/s'])).daemon?.options, expected)
  t.same((await runInProcess(['-d', '-socket=/s', 'daemon'])).daemon?.options, expected)
})

t.test('an option that is not typed is left to its default', async (t) => {
  t.same((await runInProcess(['daemon'])).daemon?.options, {})
})

t.test('daemon refuses unknown flags, missing values and arguments', async (t) => {
  for (const argv of [['--rooot', '/r'], ['--root'], ['/var/lib/convoy'], ['--size', '1']]) {
    const { code, out, daemon } = await runInProcess(['daemon', ...argv])
    t.equal(code, 1)
    t.match(JSON.parse(out), { Code: 'invalid-argument' })
    t.equal(daemon, undefined)
  }
})

t.test('daemon --help explains every option of the table', async (t) => {
  const { code, out, daemon } = await runInProcess(['daemon', '--help'])
  t.equal(code, 0)
  t.match(out, /--root <PATH>\s+where the daemon keeps its state/)
  t.match(out, /--ignore-docker-delete/)
  t.match(out, /--driver-opts <KEY=VALUE>/)
  t.match(out, /--trash-retention <DURATION>\s[^-]*\(default: 24h\)/)
  t.match(out, /CONVOY_TRASH_RETENTION/)
  t.equal(out.split('--socket').length, 2, 'what is global too is explained once')
  t.equal(daemon, undefined)
})

t.test('a daemon that cannot start is a failure like any other', async (t) => {
  const daemon = {
    loadOptions: async () => ({}),
    run: async () => Promise.reject(new ConvoyError('in-use', 'another daemon serves /r', { hint: 'stop it first' })),
  }
  const { code, out, err } = await runInProcess(['daemon'], { daemon })
  t.equal(code, 1)
  t.match(JSON.parse(out), { Error: 'another daemon serves /r', Code: 'in-use' })
  t.equal(err, 'convoy: another daemon serves /r (stop it first)\n')
})

t.test('no other command loads the daemon’s options', async (t) => {
  const fail = async () => Promise.reject(new Error('loaded'))
  const daemon = { loadOptions: fail, run: fail }
  t.match(await runInProcess(['--help'], { daemon }), { code: 0, out: /daemon\s+.*serve volumes/ })
  t.match(await runInProcess(['list', '-s', '/nowhere/x.sock'], { daemon }), { code: 1, err: /no daemon at/ })
})
