import t from 'tap'
import { checks } from '../../src/doctor/checks.js'
import type { DeadMount } from '../../src/host/dead-mounts.js'
import type { Severity } from '../../src/doctor/finding.js'
import { disk, FakeSite, pluginPath, socketFile, specFile, stopped } from './fake-site.js'

interface Case {
  readonly check: string
  readonly severity: Severity
  readonly what: RegExp
  /** `--fix` does it. */
  readonly isSafe?: true
  readonly cause: (site: FakeSite) => void
}

const GiB = 1024 ** 3
const spec = '/etc/docker/plugins/convoy.spec'

const cases: Readonly<Record<string, Case>> = {
  'a daemon that does not run': {
    ...{ check: 'daemon', severity: 'error', what: /no daemon at/ },
    cause: (site) => (site.isDaemonRunning = false),
  },
  'a daemon that does not run, on a host with its unit': {
    ...{ check: 'daemon', severity: 'error', what: /no daemon at/ },
    cause: (site) => {
      site.isDaemonRunning = false
      site.sockets.set('/var/run/convoy/convoy.sock', 'missing')
      site.units = ['convoy.service']
    },
  },
  'a configuration with a word that is spelt wrong': {
    ...{ check: 'configuration', severity: 'warning', what: /CONVOY_JOBBS/ },
    cause: (site) => site.answers['/v1/config'].warnings.push('CONVOY_JOBBS is no option'),
  },
  'a configuration that waits for a restart': {
    ...{ check: 'configuration', severity: 'warning', what: /started again: root/ },
    cause: (site) => site.answers['/v1/config'].needsRestart.push('root'),
  },
  'a daemon that is degraded': {
    ...{ check: 'database', severity: 'error', what: /damaged/ },
    cause: (site) => (site.answers['/v1/diagnosis']['degraded'] = 'convoy.db is damaged'),
  },
  'a database thread that has ended': {
    ...{ check: 'database', severity: 'error', what: /thread has ended/ },
    cause: (site) => (site.answers['/v1/diagnosis']['databaseError'] = 'the database thread has ended'),
  },
  'a storage that was not read': {
    ...{ check: 'storage', severity: 'warning', what: /not answered yet/ },
    cause: (site) => (site.answers['/v1/diagnosis']['isComplete'] = false),
  },
  'a storage that is not there': {
    ...{ check: 'storage', severity: 'error', what: /driver vfs is not there: the directory/ },
    cause: (site) => (site.answers['/v1/diagnosis']['unavailable'] = { vfs: 'the directory /srv/volumes is missing' }),
  },
  'a socket that was removed under the daemon': {
    ...{ check: 'socket', severity: 'error', what: /nobody answers at/ },
    cause: (site) => {
      site.sockets.set(pluginPath, 'missing')
      site.files = []
    },
  },
  'a socket where Docker does not look': {
    ...{ check: 'socket', severity: 'error', what: /does not look for the driver "convoy"/, isSafe: true },
    cause: (site) => (site.files = []),
  },
  'a spec file that leads elsewhere': {
    ...{ check: 'socket', severity: 'error', what: /does not look for the driver "convoy"/ },
    cause: (site) => (site.files = [specFile('/usr/lib/docker/plugins/convoy.spec', 'tcp://other:1')]),
  },
  'mounts that do not reach Docker': {
    ...{ check: 'propagation', severity: 'error', what: /does not reach Docker/ },
    cause: (site) => (site.propagation = 'hidden'),
  },
  'mounts that reach new containers only': {
    ...{ check: 'propagation', severity: 'notice', what: /is private/ },
    cause: (site) => (site.propagation = 'seen'),
  },
  'Docker that does not run': {
    ...{ check: 'docker', severity: 'error', what: /no socket of Docker/ },
    cause: (site) => (site.isDockerRunning = false),
  },
  'a plugin that Docker has not activated': {
    ...{ check: 'activation', severity: 'notice', what: /not used the driver "convoy"/, isSafe: true },
    cause: (site) => (site.plugins = ['local']),
  },
  'a plugin that Docker has not activated, in a swarm': {
    ...{ check: 'activation', severity: 'warning', what: /not used the driver "convoy"/, isSafe: true },
    cause: (site) => {
      site.plugins = ['local']
      site.isInSwarm = true
    },
  },
  'the dead socket of another plugin': {
    ...{ check: 'plugins', severity: 'warning', what: /nobody listens on .*rexray.sock/ },
    cause: (site) => {
      site.sockets.set('/run/docker/plugins/rexray.sock', 'dead')
      site.files.push(socketFile('/run/docker/plugins/rexray.sock'))
    },
  },
  'a spec file of Convoy that leads to nobody': {
    ...{ check: 'plugins', severity: 'warning', what: /leads to .*where nobody listens/, isSafe: true },
    cause: (site) => {
      site.sockets.set('/run/old.sock', 'dead')
      site.isDaemonRunning = false
      site.files = [specFile(spec, 'unix:///run/old.sock')]
    },
  },
  'a spec file that names a socket that is not there': {
    ...{ check: 'plugins', severity: 'warning', what: /which does not exist/ },
    cause: (site) => site.files.push(specFile('/etc/docker/plugins/old.spec', 'unix:///run/old.sock')),
  },
  'a spec file that says nothing': {
    ...{ check: 'plugins', severity: 'warning', what: /no address that Docker understands/ },
    cause: (site) => site.files.push(specFile('/etc/docker/plugins/old.spec', '/run/old.sock')),
  },
  'a local volume that hides ours': {
    ...{ check: 'shadows', severity: 'error', what: /"db" of the driver local/ },
    cause: (site) => (site.volumes = [{ name: 'db', driver: 'local' }]),
  },
  'a container that a failed mount left behind': {
    ...{ check: 'containers', severity: 'error', what: /shop does not run: error while mounting/ },
    cause: (site) => site.containers.push(stopped('shop')),
  },
  'a container without a restart policy': {
    ...{ check: 'containers', severity: 'notice', what: /once does not run/ },
    cause: (site) => site.containers.push(stopped('once', { restartPolicy: 'no' })),
  },
  'a disk that is nearly full': {
    ...{ check: 'space', severity: 'warning', what: /has 10 GiB of 1000 GiB left/ },
    cause: (site) => (site.freeBytes = 10 * GiB),
  },
  'a disk that is full': {
    ...{ check: 'space', severity: 'error', what: /has 0 B of 1000 GiB left/ },
    cause: (site) => (site.freeBytes = 0),
  },
  'a disk that is out of inodes': {
    ...{ check: 'space', severity: 'error', what: /5 of 10000 inodes left/ },
    cause: (site) => (site.freeInodes = 5),
  },
  'a share that is nearly full, by what the daemon says': {
    ...{ check: 'space', severity: 'warning', what: /nas:\/exports has 5 GiB of 100 GiB left/ },
    cause: (site) => {
      const full = { sizeBytes: 100 * GiB, freeBytes: 5 * GiB, inodes: 0, freeInodes: 0 }
      site.answers['/v1/diagnosis']['spaces'] = [
        { driver: 'vfs', storage: 'nas:/exports', ...full },
        { driver: 'vfs', storage: '/srv/volumes', ...full, freeBytes: 0 },
      ]
    },
  },
  'a share that hangs': {
    ...{ check: 'space', severity: 'warning', what: /srv\/volumes has cannot be found out: stat did not end/ },
    cause: (site) => (site.isHanging = true),
  },
  'deleted volumes in the trash': {
    ...{ check: 'trash', severity: 'notice', what: /1 deleted volume in the trash: old/ },
    cause: (site) => site.answers['/v1/trash'].push({ name: 'old', expiresAt: '2026-11-21T00:00:00Z' }),
  },
  'deleted volumes that do not go': {
    ...{ check: 'trash', severity: 'warning', what: /should have gone by now: old/ },
    cause: (site) => site.answers['/v1/trash'].push({ name: 'old', expiresAt: '2026-11-20T10:00:00Z' }),
  },
  'a container that holds a mount that leads nowhere': {
    ...{
      check: 'dead mounts',
      severity: 'error',
      what: /container shop has a mount of nas:\/a that leads nowhere, at \/data/,
    },
    cause: (site) => {
      site.running.push({ id: 'c1', name: 'shop' }, { id: 'c2', name: 'other' })
      site.deadMounts.push(dead('/data', 'c1'))
    },
  },
  'forgotten volumes': {
    ...{ check: 'forgotten', severity: 'notice', what: /2 volumes that Docker removed kept the data: a, b/ },
    cause: (site) => site.answers['/v1/forgotten'].push({ name: 'a', driver: 'vfs' }, { name: 'b', driver: 'vfs' }),
  },
  'EB08 a disk that the database does not know': {
    ...{
      check: 'disks',
      severity: 'warning',
      what: /1 disk of this host is not in its database: vol-0123456789abcdef0 \("pg", 20 GiB, live\)/,
    },
    cause: (site) => site.answers['/v1/inventory'].disks.push(disk({ isKnown: false }), disk()),
  },
  'EB08 a disk that nobody knows, with the name of a volume': {
    ...{ check: 'disks', severity: 'warning', what: /known to nobody, under the name of another volume: vol-/ },
    cause: (site) => site.answers['/v1/inventory'].disks.push(disk({ isKnown: false, isNameTaken: true })),
  },
  'EB07 a disk in the state error': {
    ...{ check: 'disks', severity: 'warning', what: /1 disk cannot be used: .*, in the state error/ },
    cause: (site) =>
      site.answers['/v1/inventory'].disks.push(disk({ defect: 'in the state error', isKnown: false, isIdle: true })),
  },
  'EB27 a disk that is attached for nobody': {
    ...{ check: 'disks', severity: 'notice', what: /1 disk is attached to this host, and nobody uses it: vol-/ },
    cause: (site) => site.answers['/v1/inventory'].disks.push(disk({ isIdle: true }), disk()),
  },
  'S44 a driver that may not ask': {
    ...{ check: 'disks', severity: 'warning', what: /driver ebs cannot say .*allow ec2:DescribeVolumes/ },
    cause: (site) =>
      site.answers['/v1/inventory'].failures.push({ driver: 'ebs', error: 'refused (allow ec2:DescribeVolumes)' }),
  },
  'a clock that was put back': {
    ...{ check: 'clock', severity: 'warning', what: /something happened at 2026-11-20T12:02/ },
    cause: (site) => (site.answers['/v1/diagnosis']['newestRecordAt'] = '2026-11-20T12:02:00.000Z'),
  },
  'a clock that follows nobody': {
    ...{ check: 'clock', severity: 'notice', what: /follows no time server/ },
    cause: (site) => (site.isSynchronised = false),
  },
}

function dead(mountpoint: string, container?: string): DeadMount {
  return { source: 'nas:/a', mountpoint, pid: 7, command: 'sh', container }
}

async function findings(site: FakeSite, check: string) {
  const found = await site.doctor.describe()
  return found.findings.filter((finding) => finding.check === check)
}

t.test('on a host where all is well nothing is found, and everything is looked at', async (t) => {
  const { checks: outcomes, findings } = await new FakeSite().doctor.describe()
  t.strictSame(findings, [])
  t.strictSame(
    outcomes.map(({ state }) => state),
    outcomes.map(() => 'ok'),
  )
})

for (const [name, { check, severity, what, isSafe = false, cause }] of Object.entries(cases))
  t.test(`${name}: it is found, and its command mends it`, async (t) => {
    const site = new FakeSite()
    cause(site)
    const [finding, ...others] = await findings(site, check)
    t.match(finding, { severity, what, mend: { isSafe } })
    t.not(finding?.why, '')
    t.strictSame(others, [])
    site.type(finding?.mend?.command ?? '')
    t.strictSame(await findings(site, check), [])
  })

for (const [name, { check, isSafe, cause }] of Object.entries(cases))
  t.test(`${name}: --fix ${isSafe === true ? 'mends it' : 'leaves it alone'}`, async (t) => {
    const broken = () => {
      const site = new FakeSite()
      cause(site)
      return site
    }
    const [finding] = await findings(broken(), check)
    const deeds = isSafe === true ? [{ command: finding?.mend?.command }] : []
    const told: unknown[] = []
    await broken().doctor.mend('plan', (deed) => told.push(deed))
    t.strictSame(told, deeds)
    told.length = 0
    const site = broken()
    await site.doctor.mend('run', (deed) => told.push(deed))
    t.strictSame(told, deeds)
    t.equal((await findings(site, check)).length, isSafe === true ? 0 : 1)
  })

t.test('every check has a case', async (t) => {
  const covered = new Set(Object.values(cases).map(({ check }) => check))
  t.strictSame(
    checks.map(({ name }) => name).filter((name) => !covered.has(name)),
    [],
  )
})

t.test('the dead socket of Convoy is removed by --fix', async (t) => {
  const site = new FakeSite()
  site.isDaemonRunning = false
  site.sockets.set(pluginPath, 'dead')
  await site.doctor.mend('run', () => undefined)
  t.strictSame(site.files, [])
})

t.test('a socket that may not be looked at, and a plugin on another host, are not said to be dead', async (t) => {
  const site = new FakeSite()
  site.sockets.set('/run/docker/plugins/x.sock', 'forbidden')
  site.files.push(socketFile('/run/docker/plugins/x.sock'), specFile('/etc/docker/plugins/y.spec', 'tcp://y:1'))
  t.strictSame(await findings(site, 'plugins'), [])
})

t.test('a container that failed for another reason, or with volumes of others, is not ours', async (t) => {
  const site = new FakeSite()
  site.containers = [
    stopped('a', { error: 'OCI runtime create failed' }),
    stopped('b', { error: '' }),
    stopped('c', { volumes: [{ name: 'db', driver: 'rexray' }] }),
  ]
  t.strictSame(await findings(site, 'containers'), [])
})

t.test(
  'a container is named once for all its dead mounts; a process that is in none has to be ended by hand',
  async (t) => {
    const site = new FakeSite()
    site.running.push({ id: 'c1', name: 'shop' })
    site.deadMounts = [dead('/one', 'c1'), dead('/two', 'c1'), dead('/mnt'), dead('/gone', 'f'.repeat(64))]
    const found = await findings(site, 'dead mounts')
    t.match(found, [
      { what: /shop/ },
      { what: /process 7 \(sh\)/, why: /end that process/ },
      { what: /container ffffffffffff / },
    ])
    t.equal(found[1]?.mend, undefined)
  },
)

t.test('a name that both have is no shadow as long as Docker shows ours', async (t) => {
  const site = new FakeSite()
  site.volumes.push({ name: 'other', driver: 'local' })
  t.strictSame(await findings(site, 'shadows'), [])
})

t.test('EB08 what forgotten and deleted volumes cost is told as long as somebody pays for it', async (t) => {
  const site = new FakeSite()
  site.answers['/v1/trash'].push({ name: 'old', expiresAt: '2026-11-21T00:00:00Z' })
  site.answers['/v1/forgotten'].push({ name: 'a', driver: 'ebs' }, { name: 'b', driver: 'vfs' })
  t.match(await findings(site, 'forgotten'), [{ what: /: a, b$/ }])
  const { disks } = site.answers['/v1/inventory']
  disks.push(disk({ state: 'forgotten' }), disk({ state: 'trashed', sizeBytes: 4 * GiB }), disk())
  t.match(await findings(site, 'forgotten'), [{ what: /: a, b; 20 GiB of disks are billed each month$/ }])
  t.match(await findings(site, 'trash'), [{ what: /: old; 4 GiB of disks are billed each month$/ }])
  t.strictSame(await findings(site, 'disks'), [], 'they are known')
  site.answers['/v1/inventory'] = undefined as never
  t.match(await findings(site, 'forgotten'), [{ what: /: a, b$/ }], 'a daemon of an earlier version does not say')
})

t.test('EB08 sizes are added up, and a long list is cut', async (t) => {
  const site = new FakeSite()
  for (let index = 0; index < 7; index++) site.answers['/v1/inventory'].disks.push(disk({ isKnown: false }))
  t.match(await findings(site, 'disks'), [{ what: /^7 disks of this host are .*, …$/, why: /^140 GiB are billed/ }])
})

t.test('a share that hangs is a finding of its own and hides no other disk', async (t) => {
  const site = new FakeSite()
  site.isHanging = true
  site.freeBytes = 0
  t.match(await findings(site, 'space'), [
    { severity: 'error' },
    { severity: 'warning', what: /srv\/volumes has cannot/ },
  ])
})

t.test('what was deleted is what makes room on a full disk', async (t) => {
  const site = new FakeSite()
  site.freeBytes = 0
  site.answers['/v1/trash'].push({ name: 'old', expiresAt: '2026-11-21T00:00:00Z' })
  t.match(await findings(site, 'space'), [{ mend: { command: 'sudo convoy trash empty', isSafe: false } }])
})

t.test('a name that a shell would take apart is quoted', async (t) => {
  const site = new FakeSite()
  site.containers.push(stopped("a b'c"))
  t.match(await findings(site, 'containers'), [{ mend: { command: String.raw`sudo docker start 'a b'\''c'` } }])
})
