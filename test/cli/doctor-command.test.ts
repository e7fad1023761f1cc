import t from 'tap'
import { FakeSite, stopped } from '../doctor/fake-site.js'
import { runInProcess } from '../fakes/command-line.js'

const run = (site: FakeSite, argv: readonly string[] = [], screen = {}) =>
  runInProcess(['doctor', ...argv], { openDoctor: async () => site.doctor }, screen)

t.test('on a host where all is well that is all that is said', async (t) => {
  const { code, out, err } = await run(new FakeSite())
  t.equal(code, 0)
  t.equal(out, 'nothing is wrong; 17 of 17 checks found nothing\n')
  t.equal(err, '')
})

t.test('--verbose tells of each check', async (t) => {
  const { out } = await run(new FakeSite(), ['--verbose'])
  t.match(out, /^ok {7}daemon: the daemon answers\n/)
  t.equal(out.trimEnd().split('\n').length, 18)
})

t.test('the exit code is 0 with notices, 1 with warnings, 2 with errors', async (t) => {
  const site = new FakeSite()
  site.isSynchronised = false
  t.match(await run(site), { code: 0, out: /1 notice; 16 of 17/ })
  site.answers['/v1/config'].warnings.push('odd')
  t.match(await run(site), { code: 1, out: /1 warning, 1 notice; 15 of 17/ })
  site.isDockerRunning = false
  t.match(await run(site), { code: 2, out: /1 error, 1 warning, 1 notice; 10 of 17/ })
})

t.test('lines fit the screen, and a command stays in one piece', async (t) => {
  const site = new FakeSite()
  site.isDaemonRunning = false
  site.propagation = 'hidden'
  site.containers.push(stopped('shop'))
  for (const columns of [40, 80]) {
    const { out } = await run(site, [], { columns: () => columns, hasColour: () => false })
    const lines = out.split('\n').filter((line) => !line.includes('$ '))
    t.same(
      lines.filter((line) => line.length > columns),
      [],
      `${columns} columns`,
    )
    t.match(out, /^ {9}\$ sudo docker start shop$/m)
  }
})

t.test('severities are coloured on a terminal only', async (t) => {
  const site = new FakeSite()
  site.isDockerRunning = false
  t.match(
    (await run(site, [], { columns: () => 80, hasColour: () => true })).out,
    '\u001b[31merror\u001b[39m    docker',
  )
  t.notMatch((await run(site)).out, '\u001b')
})

t.test('what comes from elsewhere does not command the terminal', async (t) => {
  const site = new FakeSite()
  site.containers.push(stopped('shop', { error: "error while mounting volume '': \u001b[2J\nx" }))
  t.notMatch((await run(site)).out, '\u001b')
})

t.test('--json is one document', async (t) => {
  const site = new FakeSite()
  site.plugins = ['local']
  const { code, out } = await run(site, ['--json'])
  t.equal(code, 0)
  const { checks, findings } = JSON.parse(out) as { checks: unknown[]; findings: unknown[] }
  t.equal(checks.length, 17)
  t.match(findings, [
    { check: 'activation', severity: 'notice', mend: { command: 'sudo docker volume ls', isSafe: true } },
  ])
})

t.test('--fix says what it did and looks again', async (t) => {
  const site = new FakeSite()
  site.files = []
  t.match(await run(site, ['--fix']), { code: 0, out: /^done: echo unix:.*\nnothing is wrong/ })
  site.files = []
  const json = JSON.parse((await run(site, ['--fix', '--json'])).out) as Record<string, unknown>
  t.match(json, { deeds: [{ command: /tee/ }], findings: [] })
})

t.test('--revive-containers tells of each container, and of those that do not start', async (t) => {
  const site = new FakeSite()
  site.containers = [stopped('shop'), stopped('broken')]
  t.match(
    (await run(site, ['--revive-containers', '--dry-run'])).out,
    /^would run: sudo docker start broken\nwould run: sudo docker start shop\n/,
    'the oldest first: Docker lists them the other way round',
  )
  t.same(site.started, [])
  const { code, out } = await run(site, ['--revive-containers'])
  t.equal(code, 2)
  t.match(out, /^failed: sudo docker start broken: .*still no disk\ndone: sudo docker start shop\n/)
  t.same(site.started, ['shop'])
  site.isDockerRunning = false
  t.match((await run(site, ['--revive-containers'])).out, /^failed: sudo docker start: there is no socket of Docker\n/)
})
