import t from 'tap'
import { InitSystem } from '../../src/host/init-system.js'

function managed(environment: Readonly<Record<string, string>>) {
  const told: string[] = []
  const init = new InitSystem(environment, (args, done) => {
    told.push(args.join(' '))
    done(null)
  })
  return { told, init }
}

t.test('without an init system nobody is told anything', async (t) => {
  const { told, init } = managed({})
  t.notOk(init.isThere)
  init.ready('serving')
  init.stopping()
  t.strictSame(told, [])
})

t.test('the init system hears that we are ready, and that we stop', async (t) => {
  const { told, init } = managed({ NOTIFY_SOCKET: '/run/systemd/notify' })
  t.ok(init.isThere)
  init.ready('serving volumes')
  init.stopping()
  t.strictSame(told, ['--ready --status=serving volumes', 'STOPPING=1'])
})

t.test('a watchdog hears twice in its time that we live, until we stop', async (t) => {
  const { told, init } = managed({
    NOTIFY_SOCKET: '/n',
    WATCHDOG_USEC: '20000',
    WATCHDOG_PID: String(process.pid),
  })
  t.teardown(() => init.stopping())
  t.notOk(told.includes('WATCHDOG=1'))
  init.ready('serving')
  while (told.filter((words) => words === 'WATCHDOG=1').length < 3) await new Promise((done) => setTimeout(done, 5))
  init.stopping()
  const count = told.length
  await new Promise((done) => setTimeout(done, 60))
  t.equal(told.length, count)
})

t.test('the watchdog of another process is none of ours', async (t) => {
  const { told, init } = managed({ NOTIFY_SOCKET: '/n', WATCHDOG_USEC: '2000', WATCHDOG_PID: '1' })
  init.ready('serving')
  await new Promise((done) => setTimeout(done, 30))
  t.strictSame(told, ['--ready --status=serving'])
})
