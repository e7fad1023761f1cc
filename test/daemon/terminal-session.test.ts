import t, { type Test } from 'tap'
import { FakeControlServer } from '../fakes/control-server.js'
import { eventually } from '../engine/polling.js'
import { convoy } from './convoy-command.js'
import { DaemonProcess } from './daemon-process.js'
import { noTerminals, TerminalCommand } from './terminal-command.js'

const options = { skip: noTerminals }
const longName = 'the-data-of-a-project-with-a-rather-long-name'

async function start(t: Test): Promise<DaemonProcess> {
  const daemon = await new DaemonProcess(t).start()
  for (const name of [longName, 'db']) await daemon.control('POST', '/v1/volumes', { name, options: {} })
  await daemon.control('POST', '/v1/volumes/db/mount', {})
  return daemon
}

/** Runs to its end. */
async function show(t: Test, columns: number, argv: readonly string[], env?: Readonly<Record<string, string>>) {
  const command = new TerminalCommand(columns, argv, env)
  t.teardown(() => command.hangUp())
  t.equal(await command.code, 0, command.screen)
  return command
}

const withoutColours = (line: string) => line.replaceAll(/\u001b\[\d+m/g, '')

t.test('the table fits a terminal of 40 columns and one of 120', options, async (t) => {
  const { controlSocket } = await start(t)
  const narrow = (await show(t, 40, ['-s', controlSocket, 'ls'])).lines.map(withoutColours)
  t.equal(narrow.length, 3)
  for (const line of narrow) t.ok(line.length <= 40, line)
  t.match(narrow[1], /^db +attached +1/)
  t.match(narrow[2], /^the-data-of-\S*… +ready +0/)
  const wide = (await show(t, 120, ['-s', controlSocket, 'ls'])).lines.map(withoutColours)
  t.match(wide[2], new RegExp(`^${longName} +vfs +ready +0 +\\S.* ago$`))
  const whole = (await show(t, 40, ['-s', controlSocket, 'ls', '--no-trunc'])).screen
  t.match(whole, longName)
  t.match((await convoy(['-s', controlSocket, 'ls'])).out, longName, 'nothing is cut in a pipe')
})

t.test('there are colours on a terminal, unless NO_COLOR or a dumb one says otherwise', options, async (t) => {
  const { controlSocket } = await start(t)
  const argv = ['-s', controlSocket, 'ls']
  t.match((await show(t, 80, argv)).screen, '\u001b[32mattached\u001b[39m')
  t.match((await show(t, 80, argv, { NO_COLOR: '' })).screen, '\u001b[32m', 'an empty one says nothing')
  t.notMatch((await show(t, 80, argv, { NO_COLOR: '1' })).screen, '\u001b')
  t.notMatch((await show(t, 80, argv, { TERM: 'dumb' })).screen, '\u001b')
  t.notMatch((await convoy(argv)).out, '\u001b', 'nor in a pipe')
})

t.test('jobs is a table on a terminal', options, async (t) => {
  const { controlSocket } = await start(t)
  t.match((await show(t, 80, ['-s', controlSocket, 'jobs'])).lines, [/^ID +KIND +VOLUME +STATE/])
})

t.test('the trash is emptied after a yes, and only then', options, async (t) => {
  const daemon = await start(t)
  const inTrash = async () => (await convoy(['-s', daemon.controlSocket, 'trash', 'ls', '-q'])).out
  await daemon.control('DELETE', `/v1/volumes/${longName}`)
  for (const [keys, code, screen] of [
    ['n\r', 1, /nothing was removed/],
    ['\r', 1, /nothing was removed/],
    ['\u0004', 1, /nothing was removed/],
    ['\u0003', 130, /\[y\/N\]/],
    ['y\r', 0, new RegExp(`\n${longName}\r`)],
  ] as const) {
    t.not(await inTrash(), '')
    const command = new TerminalCommand(80, ['-s', daemon.controlSocket, 'trash', 'empty'])
    await eventually('it asks', () => command.screen.includes('[y/N]'))
    t.match(command.screen, `Remove the data of 1 deleted volume for ever: ${longName}?`)
    command.type(keys)
    t.equal(await command.code, code, JSON.stringify(keys))
    t.match(command.screen, screen)
  }
  await eventually('it is gone', async () => (await inTrash()) === '')
})

/** A daemon with one job, which is as far as `done` says. */
async function startJob(t: Test) {
  const server = await FakeControlServer.start()
  t.teardown(() => server.close())
  const request = { kind: 'remove', driver: 'vfs', volume: { name: 'db' } }
  const set = (state: string, done: number, total?: number) =>
    server.jobs.set('j1', [{ id: 'j1', state, request, progress: { done, total, unit: 'entries' } }])
  return { server, set, argv: ['-s', server.socketPath, 'jobs', 'wait', 'j1'] }
}

t.test('a wait draws a bar that moves, and ends with a line', options, async (t) => {
  const { set, argv } = await startJob(t)
  set('running', 0, 100)
  const command = new TerminalCommand(100, argv)
  await eventually('the bar is drawn', () => /\r\n?remove db \[ +\] +0%/.test(command.screen))
  set('running', 50, 100)
  await eventually('it moves', () => /\rremove db \[=+ +\] +50% {2}50 of 100 entries/.test(command.screen))
  await eventually('it says how fast and how long', () =>
    /50 of 100 entries {2}\d+\/s {2}\S+ seconds? left/.test(command.screen),
  )
  set('running', 60)
  await eventually('without a total something turns', () => /\rremove db [-\\|/] 60 entries/.test(command.screen))
  set('succeeded', 100, 100)
  t.equal(await command.code, 0)
  t.match(command.screen, /\rremove db: succeeded\r\n$/)
  t.notMatch(command.screen.slice(0, -2), '\n', 'all on one line')
})

t.test('Ctrl-C ends the wait and not the job', options, async (t) => {
  const { server, set, argv } = await startJob(t)
  set('running', 0, 100)
  const command = new TerminalCommand(80, argv)
  await eventually('it waits', () => command.screen.includes('0%'))
  command.type('\u0003')
  t.equal(await command.code, 130)
  t.match(command.screen, /the work goes on/)
  t.notOk(server.requests.some(({ method }) => method !== 'GET'))
})

t.test('a terminal that goes away ends the wait', options, async (t) => {
  const { set, server, argv } = await startJob(t)
  set('running', 0, 100)
  const command = new TerminalCommand(80, argv)
  await eventually('it waits', () => command.screen.includes('0%'))
  command.hangUp()
  t.equal(await command.code, 129)
  const asked = server.requests.length
  await new Promise((resolve) => setTimeout(resolve, 1200))
  t.equal(server.requests.length, asked, 'nobody asks any more')
})

t.test('Ctrl-C and a terminal that goes away end whoever watches events', options, async (t) => {
  const { controlSocket } = await start(t)
  const argv = ['-s', controlSocket, 'events', '--since', '1h']
  const interrupted = new TerminalCommand(40, argv)
  await eventually('it watches', () => interrupted.screen.includes('volume.mount db'))
  interrupted.type('\u0003')
  t.equal(await interrupted.code, 130)
  t.notMatch(interrupted.screen, 'convoy:', 'without a word')
  const left = new TerminalCommand(40, argv)
  await eventually('it watches', () => left.screen.includes('volume.mount db'))
  left.hangUp()
  t.equal(await left.code, 129)
})

t.test('every table fits a terminal of 40 columns', options, async (t) => {
  const daemon = await start(t)
  await daemon.control('DELETE', `/v1/volumes/${longName}`)
  for (const words of [
    ['ps', 'db'],
    ['trash'],
    ['jobs'],
    ['drivers'],
    ['profiles'],
    ['info', '--config'],
    ['notify'],
  ]) {
    const { lines } = await show(t, 40, ['-s', daemon.controlSocket, ...words])
    const table = lines.map(withoutColours).filter((line) => !line.startsWith('convoy:'))
    t.ok(table.length > 0, words.join(' '))
    for (const line of table) t.ok(line.length <= 40, line)
  }
})
