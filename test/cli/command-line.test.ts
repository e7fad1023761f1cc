import t from 'tap'
import { runInProcess } from '../fakes/command-line.js'

for (const argv of [['--version'], ['-v'], ['-version'], ['list', '--version'], ['create', 'db', '-v']])
  t.test(`${argv.join(' ')} prints the version and does nothing else`, async (t) => {
    t.match(await runInProcess(argv), { code: 0, out: 'convoy version 1.2.3\n', err: '' })
  })

for (const argv of [['--help'], ['-h'], ['-help'], ['help'], []])
  t.test(`${argv.join(' ') || 'no argument at all'} prints the commands`, async (t) => {
    const { code, out, err } = await runInProcess(argv)
    t.equal(code, 0)
    t.equal(err, '')
    for (const command of [
      'daemon',
      'info',
      'create',
      'delete',
      'undelete',
      'mount',
      'umount',
      'list',
      'inspect',
      'jobs',
      'ls',
      'ps',
      'trash',
      'drivers',
      'doctor',
      'support',
      'version',
      'completion',
    ])
      t.match(out, new RegExp(`^  ${command} `, 'm'))
    t.match(out, '/var/run/convoy/convoy.sock')
    t.notMatch(out, 'job-process')
  })

for (const argv of [
  ['create', '--help'],
  ['create', '-h'],
  ['create', 'db', '-help'],
  ['help', 'create'],
])
  t.test(`${argv.join(' ')} prints the flags of create and the global ones`, async (t) => {
    const { code, out } = await runInProcess(argv)
    t.equal(code, 0)
    for (const flag of ['--driver', '--size', '--backup', '--s3-endpoint', '--id', '--type', '--iops', '--vm', '--opt'])
      t.match(out, flag)
    t.match(out, '--socket')
  })

const refused: readonly (readonly [argv: readonly string[], message: RegExp])[] = [
  [['nonsense'], /unknown command 'nonsense'.*see "convoy --help"/],
  [['lst'], /unknown command 'lst'.*Did you mean list\?/],
  [['dbs', 'create', 'x'], /unknown command 'dbs'.*see "convoy --help"/],
  [[''], /unknown command ''/],
  [['--nonsense'], /unknown option '--nonsense'/],
  [['create', '--sise', '1'], /unknown option '--sise'.*--size.*see "convoy create --help"/],
  [['create', '--sise', '1'], /Did you mean --size\?/],
  [['create', '--vorbose'], /Did you mean --verbose\?/],
  [['create', '--zzzzzz'], /unknown option '--zzzzzz' \(see/],
  [['dleete', 'db'], /unknown command 'dleete'. Did you mean delete\? \(see "convoy --help"/],
  [['jobs', 'wiat', 'x'], /unknown command 'wiat'. Did you mean wait\? \(see "convoy jobs --help"/],
  [['jobs', 'ls', 'x'], /too many arguments/],
  [['delete', '-verify', 'db'], /unknown option '--verify'/],
  [['create', '--size'], /argument missing/],
  [['create', '--vm=maybe'], /unknown option '--vm=maybe'/],
  [['create', 'a', 'b'], /too many arguments/],
  [['list', 'db'], /too many arguments/],
  [['inspect'], /missing required argument 'vol'/],
  [['--socket', '', 'list'], /--socket needs the path of a socket/],
]
for (const [argv, message] of refused)
  t.test(`a wrong command line says what is wrong with it: ${JSON.stringify(argv)}`, async (t) => {
    const { code, out, err } = await runInProcess(argv)
    t.equal(code, 1)
    t.match(JSON.parse(out), { Code: 'invalid-argument' })
    t.match(err, message)
    t.equal(err.split('\n').length, 2, 'one line')
  })

t.test('what is new and for people says on stderr only what is wrong with it', async (t) => {
  t.match(await runInProcess(['trash', 'emtpy']), {
    code: 1,
    out: '',
    err: /Did you mean empty\?.*convoy trash --help/,
  })
  t.match(await runInProcess(['ls', '--filtre', 'x']), { code: 1, out: '', err: /Did you mean --filter\?/ })
})
