import t from 'tap'
import { parseDaemonConfig } from '../../src/daemon/config.js'
import { Configuration } from '../../src/daemon/configuration.js'
import { ConvoyError } from '../../src/errors.js'

type Texts = Readonly<Record<string, string>>

const parse = (options: Texts, environment: Texts = {}) =>
  parseDaemonConfig({ args: { options, drivers: [], driverOptions: [] }, environment, file: undefined })

interface Line {
  readonly level: string
  readonly message: string
  readonly [field: string]: unknown
}

function configuration(first: Texts) {
  const lines: Line[] = []
  const write = (level: string) => (fields: object, message: string) => void lines.push({ ...fields, level, message })
  const log = { debug: write('debug'), info: write('info'), warn: write('warn'), error: write('error') }
  let next = () => Promise.resolve(parse(first))
  const held = new Configuration(parse(first), { log, load: () => next() })
  const reload = async (load: typeof next) => {
    next = load
    await held.reload()
  }
  return { held, lines, reload }
}

t.test('what can change without a restart changes, and whoever needs it is told', async (t) => {
  const { held, lines, reload } = configuration({ jobs: '2' })
  const told: number[] = []
  held.onChange(({ mostRunningJobs }) => told.push(mostRunningJobs))
  const options = {
    jobs: '3',
    'trash-retention': '1h',
    'event-retention': '2h',
    'event-count': '50',
    'revive-containers': 'true',
    'on-docker-remove': 'trash',
    'create-on-docker-mount': 'true',
    'mount-deadline': '25s',
    'log-level': 'warn',
  }
  await reload(async () => ({ ...parse(options), profiles: new Map([['gold', { size: '1G' }]]) }))
  t.match(held.current, {
    mostRunningJobs: 3,
    trashRetentionMs: 3_600_000,
    eventRetention: { longestMs: 7_200_000, most: 50 },
    reviveContainers: true,
    onDockerRemove: 'trash',
    createOnDockerMount: true,
    mountDeadlineMs: 25_000,
    logLevel: 'warn',
  })
  t.strictSame(told, [3])
  t.strictSame(held.report.profiles, { gold: { size: '1G' } })
  t.match(
    held.report.options.find(({ name }) => name === 'jobs'),
    { value: '3', source: '--jobs' },
  )
  t.match(lines, [{ level: 'info', message: 'the configuration was read again', profiles: ['gold'] }])
  t.strictSame(new Set(lines[0]?.['changed'] as string[]), new Set(Object.keys(options)))
})

t.test('what needs a restart stays as it is, and is named', async (t) => {
  const { held, lines, reload } = configuration({ root: '/a', 'log-format': 'json', jobs: '2' })
  const before = held.current
  await reload(async () =>
    parse({ root: '/b', name: 'x', 'log-format': 'pretty', jobs: '5' }, { CONVOY_VFS_PATH: '/v' }),
  )
  t.match(held.current, { root: '/a', name: 'convoy', logFormat: 'json', mostRunningJobs: 5 })
  t.equal(held.current.drivers, before.drivers)
  const waiting = ['name', 'config', 'root', 'socket', 'plugin-socket', 'log-format', 'vfs.path']
  t.strictSame([...held.report.needsRestart].sort(), waiting.sort())
  t.equal(held.report.options.find(({ name }) => name === 'root')?.value, '/a')
  t.equal(lines.filter(({ level }) => level === 'warn').length, 1)
  await reload(async () => parse({ root: '/a', jobs: '5' }))
  t.strictSame(held.report.needsRestart, [], 'it has been changed back')
})

t.test('a configuration that is wrong changes nothing and says why, and the next one is taken', async (t) => {
  const { held, lines, reload } = configuration({ jobs: '2' })
  const before = held.current
  await reload(() => Promise.reject(new ConvoyError('invalid-argument', '/c.yaml:3: unknown key "x"', { hint: 'y?' })))
  t.equal(held.current, before)
  t.match(lines, [{ level: 'error', message: /holds/, reason: '/c.yaml:3: unknown key "x" (y?)' }])
  await reload(() => Promise.reject(new Error('a defect')))
  t.match(lines[1], { level: 'error', reason: /a defect/ })
  await reload(async () => parse({ jobs: '4' }))
  t.equal(held.current.mostRunningJobs, 4)
})

t.test('two reloads at once happen one after the other, and the last one holds', async (t) => {
  const { held, reload } = configuration({})
  let release: () => void = () => undefined
  const slow = new Promise<void>((resolve) => (release = resolve))
  const first = reload(async () => {
    await slow
    return parse({ jobs: '7' })
  })
  const second = reload(async () => parse({ jobs: '8' }))
  release()
  await Promise.all([first, second])
  t.equal(held.current.mostRunningJobs, 8)
})

t.test('warnings are logged again', async (t) => {
  const { held, lines, reload } = configuration({})
  await reload(async () => parse({}, { CONVOY_JOBBS: '3' }))
  t.match(held.report.warnings, [/CONVOY_JOBS/])
  t.match(lines[1], { level: 'warn', warning: /CONVOY_JOBBS/ })
})
