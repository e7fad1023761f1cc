import t from 'tap'
import { Supervisor } from '../../src/host/supervisor.js'

function managed(environment: Readonly<Record<string, string>>) {
  const told: string[] = []
  const supervisor = new Supervisor(environment, (args, done) => {
    told.push(args.join(' '))
    done(null)
  })
  return { told, supervisor }
}

t.test('without a supervisor nobody is told anything', async (t) => {
  const { told, supervisor } = managed({})
  t.notOk(supervisor.isThere)
  supervisor.ready('serving')
  supervisor.stopping()
  t.strictSame(told, [])
})

t.test('the supervisor hears that we are ready, and that we stop', async (t) => {
  const { told, supervisor } = managed({ NOTIFY_SOCKET: '/run/systemd/notify' })
  t.ok(supervisor.isThere)
  supervisor.ready('serving volumes')
  supervisor.stopping()
  t.strictSame(told, ['--ready --status=serving volumes', 'STOPPING=1'])
})

t.test('a watchdog hears twice in its time that we live, until we stop', async (t) => {
  const { told, supervisor } = managed({
    NOTIFY_SOCKET: '/n',
    WATCHDOG_USEC: '20000',
    WATCHDOG_PID: String(process.pid),
  })
  t.teardown(() => supervisor.stopping())
  t.notOk(told.includes('WATCHDOG=1'))
  supervisor.ready('serving')
  while (told.filter((words) => words === 'WATCHDOG=1').length < 3) await new Promise((done) => setTimeout(done, 5))
  supervisor.stopping()
  const count = told.length
  await new Promise((done) => setTimeout(done, 60))
  t.equal(told.length, count)
})

t.test('the watchdog of another process is none of ours', async (t) => {
  const { told, supervisor } = managed({ NOTIFY_SOCKET: '/n', WATCHDOG_USEC: '2000', WATCHDOG_PID: '1' })
  supervisor.ready('serving')
  await new Promise((done) => setTimeout(done, 30))
  t.strictSame(told, ['--ready --status=serving'])
})
