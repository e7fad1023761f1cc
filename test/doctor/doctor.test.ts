import t from 'tap'
import type { Check } from '../../src/doctor/check.js'
import { examine } from '../../src/doctor/examination.js'
import type { Site } from '../../src/doctor/site.js'
import { ConvoyError } from '../../src/errors.js'
import { FakeSite, pluginPath, specFile, stopped } from './fake-site.js'

t.test('a check that fails itself is a finding, and the others go on', async (t) => {
  const site = new FakeSite()
  site.answers['/v1/trash'] = 'nonsense' as never
  const { findings, checks } = await site.doctor.describe()
  t.match(findings, [{ check: 'trash', severity: 'warning', what: /^could not look whether nothing is in the trash/ }])
  t.equal(checks.filter(({ state }) => state === 'ok').length, checks.length - 1)
})

t.test('a check that never ends is given up', async (t) => {
  const check: Check = { name: 'x', sound: 'it ends', needs: [], look: () => new Promise(() => undefined) }
  // What is asked for nothing needs no site.
  const [outcome] = await examine([check], {} as Site, 20)
  t.match(outcome?.findings, [{ severity: 'warning', what: /no answer within/ }])
})

t.test('without the daemon, what needs it is not looked at, and the rest is', async (t) => {
  const site = new FakeSite()
  site.isDaemonRunning = false
  site.containers.push(stopped('shop'))
  const { findings, checks } = await site.doctor.describe()
  t.match(findings.map(({ check }) => check).sort(), ['containers', 'daemon'])
  t.match(
    checks.find(({ check }) => check === 'shadows'),
    { state: 'skipped', reason: 'the daemon does not answer' },
  )
})

t.test('with a wrong configuration and without the daemon, that is what is said', async (t) => {
  const site = new FakeSite()
  site.isDaemonRunning = false
  site.isConfigRight = false
  const { findings } = await site.doctor.describe()
  t.match(
    findings.find(({ check }) => check === 'configuration'),
    { severity: 'error', what: /unknown option jbos/ },
  )
})

t.test('errors come first, then warnings, then notices', async (t) => {
  const site = new FakeSite()
  site.isSynchronised = false
  site.answers['/v1/config'].warnings.push('x')
  site.isDockerRunning = false
  const { findings } = await site.doctor.describe()
  t.strictSame(
    findings.map(({ severity }) => severity),
    ['error', 'warning', 'notice'],
  )
})

t.test('only containers that a failed mount left behind against their policy are started, one by one', async (t) => {
  const site = new FakeSite()
  site.containers = [
    stopped('shop'),
    stopped('once', { restartPolicy: 'no' }),
    stopped('broken'),
    stopped('other', { error: 'exec format error' }),
    stopped('web', { restartPolicy: 'unless-stopped', error: 'get db: error while checking if volume "db" exists' }),
  ]
  const told: unknown[] = []
  await site.doctor.revive('plan', (deed) => told.push(deed))
  t.same(
    told,
    ['web', 'broken', 'shop'].map((name) => ({ command: `sudo docker start ${name}` })),
  )
  t.same(site.started, [])
  told.length = 0
  await site.doctor.revive('run', (deed) => told.push(deed))
  t.same(site.started, ['web', 'shop'], 'one that fails does not keep the next from being started')
  t.match(told, [{ error: undefined }, { error: /still no disk/ }, { error: undefined }])
})

t.test('containers cannot be revived without Docker', async (t) => {
  const site = new FakeSite()
  site.isDockerRunning = false
  await t.rejects(
    site.doctor.revive('run', () => undefined),
    new ConvoyError('unavailable', 'there is no socket of Docker'),
  )
})

t.test('commands name the daemon that was looked at', async (t) => {
  const site = new FakeSite()
  site.which = { socket: '/tmp/a b.sock' }
  const commands = async () => (await site.doctor.describe()).findings.map(({ mend }) => mend?.command)
  site.answers['/v1/forgotten'].push({ name: 'db', driver: 'vfs' })
  t.same(await commands(), ["sudo convoy --socket '/tmp/a b.sock' delete db"])
  site.which = { name: 'other' }
  site.answers['/v1/forgotten'] = []
  site.propagation = 'hidden'
  t.same(await commands(), ['sudo kill 42 && sudo nsenter --mount=/proc/1/ns/mnt convoy --name other daemon'])
  site.units = ['convoy.service', 'convoy.socket']
  t.same(await commands(), ['sudo systemctl edit --full convoy@other && sudo systemctl restart convoy@other'])
  site.propagation = 'shared'
  site.sockets.set(pluginPath, 'missing')
  site.files = []
  t.same(await commands(), ['sudo systemctl restart convoy@other.socket convoy@other'])
})

t.test('a spec file of an older Convoy, which leads to the control socket, is right', async (t) => {
  const site = new FakeSite()
  site.sockets.set('/run/convoy-convoy.sock', 'listening')
  site.files = [specFile('/etc/docker/plugins/convoy.spec', 'unix:///run/convoy-convoy.sock')]
  t.same((await site.doctor.describe()).findings, [])
})

t.test('a plan changes nothing', async (t) => {
  const site = new FakeSite()
  site.files = []
  await site.doctor.mend('plan', () => undefined)
  t.same(site.files, [])
  await site.doctor.mend('run', () => undefined)
  t.equal(site.files.length, 1)
})
