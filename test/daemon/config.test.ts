import { join, relative } from 'node:path'
import t from 'tap'
import { loadDaemonConfig, parseDaemonConfig } from '../../src/daemon/config.js'
import type { ConfigFile } from '../../src/daemon/config-file.js'
import type { DaemonArguments } from '../../src/daemon/given-settings.js'

const parse = (args: Partial<DaemonArguments> = {}) =>
  parseDaemonConfig({
    args: { options: {}, drivers: [], driverOptions: [], ...args },
    environment: {},
    file: undefined,
  })

t.test('without options the daemon serves vfs on the usual paths and loses nothing', async (t) => {
  const config = parse()
  t.match(config, {
    name: 'convoy',
    root: '/var/lib/convoy',
    controlSocket: '/var/run/convoy/convoy.sock',
    pluginSocket: '/run/docker/plugins/convoy.sock',
    onDockerRemove: 'retain',
    trashRetentionMs: 24 * 3_600_000,
    mostRunningJobs: 2,
    logLevel: 'info',
    logFormat: 'json',
    createOnDockerMount: false,
    mountDeadlineMs: 100_000,
  })
  t.equal(config.logFile, undefined)
  t.strictSame([...config.drivers], [['vfs', {}]])
})

t.test('sockets and root follow the name unless they are given', async (t) => {
  t.match(parse({ options: { name: 'nfs' } }), {
    root: '/var/lib/convoy-nfs',
    controlSocket: '/var/run/convoy/nfs.sock',
    pluginSocket: '/run/docker/plugins/nfs.sock',
  })
  t.match(parse({ options: { name: 'nfs', socket: '/a', 'plugin-socket': '/b/', root: '/c' } }), {
    root: '/c',
    controlSocket: '/a',
    pluginSocket: '/b',
  })
})

t.test('a socket whose path the kernel has no room for is refused, also one that follows from the name', async (t) => {
  const fits = `/${'s'.repeat(106)}`
  t.match(parse({ options: { socket: fits, 'plugin-socket': fits } }), { controlSocket: fits, pluginSocket: fits })
  for (const option of ['socket', 'plugin-socket']) {
    t.throws(() => parse({ options: { [option]: `${fits}s` } }), {
      code: 'invalid-argument',
      message: /at most 107 bytes.* has 108/,
      hint: new RegExp(`--${option}`),
    })
  }
  t.throws(() => parse({ options: { name: 'n'.repeat(100) } }), { code: 'invalid-argument', hint: /--name/ })
  t.throws(() => parse({ options: { socket: `/${'ü'.repeat(54)}` } }), { message: /has 109/ })
})

t.test('an unknown option is refused by name, with the known ones', async (t) => {
  t.throws(() => parse({ options: { rot: '/x' } }), {
    code: 'invalid-argument',
    message: 'unknown option "rot"',
    hint: /root.*trash-retention/,
  })
  t.throws(() => parse({ options: JSON.parse('{"__proto__":"x"}') as Record<string, string> }), {
    code: 'invalid-argument',
  })
})

t.test('a value that is none is refused by the option’s name', async (t) => {
  const wrong = {
    name: '../x',
    root: 'var/lib',
    socket: 'convoy.sock',
    'plugin-socket': '/run/../x',
    'on-docker-remove': 'keep',
    'trash-retention': '1 day',
    jobs: '0',
    log: 'log',
    debug: 'maybe',
  }
  for (const [name, text] of Object.entries(wrong)) {
    t.throws(
      () => parse({ options: { [name]: text } }),
      { code: 'invalid-argument', message: `option ${name}: ` },
      name,
    )
  }
})

t.test('compat: options of old scripts are accepted', async (t) => {
  const options = { 'cmd-timeout': '1m', 'mnt-ns': '/proc/1/ns/mnt' }
  t.equal(parse({ options }).name, 'convoy')
  t.equal(parse({ options: { 'ignore-docker-delete': 'true' } }).onDockerRemove, 'ignore')
  t.equal(parse({ options: { 'create-on-docker-mount': '' } }).createOnDockerMount, true)
})

t.test('a mount waits for less than Docker does, and for long enough to mount anything', async (t) => {
  const deadline = (text: string) => parse({ options: { 'mount-deadline': text } }).mountDeadlineMs
  t.same(['5s', '25s', '110s'].map(deadline), [5000, 25_000, 110_000])
  for (const text of ['4s', '2m', '0', 'long']) t.throws(() => deadline(text), { code: 'invalid-argument' }, text)
})

t.test('drivers are taken in their order, each with its own options', async (t) => {
  const config = parse({ drivers: ['vfs'], driverOptions: ['vfs.path=/srv/a=b', 'vfs.defaultvolumesize=1g'] })
  t.strictSame([...config.drivers], [['vfs', { path: '/srv/a=b', defaultvolumesize: '1g' }]])
  const names = parse({ drivers: ['vfs', 'vfs'] }).settings.map(({ name }) => name)
  t.equal(new Set(names).size, names.length, 'one that is named twice is one')
})

t.test('a driver that there is not is refused with those that there are', async (t) => {
  for (const name of ['zfs', '', 'constructor', '__proto__']) {
    t.throws(() => parse({ drivers: [name] }), { code: 'invalid-argument', hint: /vfs/ }, name)
  }
})

t.test('a driver’s option that is malformed or unknown is refused by name', async (t) => {
  for (const text of ['path=/srv', 'vfs.path', 'vfs', '', '=', 'zfs.size=1', '.path=/x', 'vfs.=/x']) {
    t.throws(() => parse({ driverOptions: [text] }), { code: 'invalid-argument', hint: /DRIVER\.OPTION=VALUE/ }, text)
  }
  t.throws(() => parse({ driverOptions: ['vfs.pth=/srv'] }), {
    message: 'unknown option of driver vfs "pth"',
    hint: /did you mean path\?/,
  })
  t.throws(() => parse({ driverOptions: ['vfs.path=srv'] }), {
    message: /option of driver vfs path: "srv" is not an abs/,
  })
  t.throws(() => parse({ driverOptions: ['vfs.path='] }), { code: 'invalid-argument' })
})

const settings = (config: ReturnType<typeof parseDaemonConfig>) =>
  Object.fromEntries(config.settings.map(({ name, ...rest }) => [name, rest]))

const fileOf = (options: Readonly<Record<string, string>>, more: Partial<ConfigFile> = {}): ConfigFile => ({
  path: '/c.yaml',
  options: entries(options),
  driversSource: undefined,
  drivers: new Map(),
  profiles: new Map(),
  notify: new Map(),
  ...more,
})

const entries = (options: Readonly<Record<string, string>>) =>
  Object.entries(options).map(([name, text], index) => ({ name, text, source: `/c.yaml:${index + 1}` }))

const noArguments: DaemonArguments = { options: {}, drivers: [], driverOptions: [] }

t.test(
  'flags count more than the environment, which counts more than the file, which counts more than defaults',
  async (t) => {
    const options = { jobs: '1', 'trash-retention': '1h', 'on-docker-remove': 'trash', name: 'file' }
    const config = parseDaemonConfig({
      args: { ...noArguments, options: { jobs: '3' } },
      environment: { CONVOY_JOBS: '2', CONVOY_TRASH_RETENTION: '2h', CONVOY_ON_DOCKER_REMOVE: '', JOBS: '9' },
      file: fileOf(options),
    })
    t.match(config, { mostRunningJobs: 3, trashRetentionMs: 2 * 3_600_000, onDockerRemove: 'trash', name: 'file' })
    t.equal(config.root, '/var/lib/convoy-file')
    t.match(settings(config), {
      jobs: {
        value: '3',
        source: '--jobs',
        overrides: [
          { value: '2', source: 'CONVOY_JOBS' },
          { value: '1', source: '/c.yaml:1' },
        ],
      },
      'trash-retention': { value: '2h', source: 'CONVOY_TRASH_RETENTION', overrides: [{ value: '1h' }] },
      'on-docker-remove': { value: 'trash', source: '/c.yaml:3', overrides: [] },
      root: { value: '/var/lib/convoy-file', source: 'default', overrides: [] },
      'vfs.path': { value: '/var/lib/convoy-file/volumes', source: 'default' },
      socket: { value: '/var/run/convoy/file.sock', source: 'default' },
    })
    t.equal(settings(config)['log']?.value, undefined)
    t.notOk('cmd-timeout' in settings(config), 'what has no effect is not shown')
  },
)

t.test('compat: variables of the older agents mean the same, unless one of ours says otherwise', async (t) => {
  const parse = (environment: Readonly<Record<string, string>>) =>
    parseDaemonConfig({ args: noArguments, environment, file: undefined })
  t.match(parse({ STACK_NAME: 'nfs', ON_REMOVE: 'purge' }), { name: 'nfs', onDockerRemove: 'delete' })
  t.match(parse({ ON_REMOVE: 'retain' }), { onDockerRemove: 'retain' })
  const both = parse({ STACK_NAME: 'nfs', CONVOY_NAME: 'ours' })
  t.equal(both.name, 'ours')
  t.strictSame(settings(both)['name']?.overrides, [{ value: 'nfs', source: 'STACK_NAME' }])
  t.throws(() => parse({ ON_REMOVE: 'burn' }), { message: /^ON_REMOVE: option on-docker-remove: "burn"/ })
  t.throws(() => parse({ ON_REMOVE: 'constructor' }), { message: /^ON_REMOVE: .*"constructor"/ })
})

t.test('compat: the share that the older agents took in several variables', async (t) => {
  const parse = (environment: Readonly<Record<string, string>>) =>
    parseDaemonConfig({ args: noArguments, environment, file: undefined }).drivers.get('vfs')
  const catalog = { NFS_SERVER: '10.0.0.5', MOUNT_DIR: '/exports', MOUNT_OPTS: 'proto=tcp,port=2049,nfsvers=4' }
  t.same(parse(catalog), { share: '10.0.0.5:/exports', mountoptions: 'proto=tcp,port=2049,nfsvers=4' })
  t.same(parse({ MNT_HOST: 'nas', MNT_DIR: '/v', MNT_OPTS: 'soft' }), { share: 'nas:/v', mountoptions: 'soft' })
  t.same(parse({ MNT_HOST: 'nas', MNT_DIR: '/v', NFS_VERS: '4.1' }), { share: 'nas:/v', mountoptions: 'nfsvers=4.1' })
  t.same(parse({ MOUNT_DIR: '/v', MOUNT_OPTS: 'soft' }), {}, 'variables of others')
  t.same(parse({ ...catalog, CONVOY_VFS_SHARE: 'other:/v' }), { ...parse(catalog), share: 'other:/v' })
  t.throws(() => parse({ NFS_SERVER: '10.0.0.5', MOUNT_DIR: 'exports' }), {
    message: /^NFS_SERVER: .*not an NFS share/,
  })
})

t.test('compat: the EFS file system that the older agents took', async (t) => {
  const parse = (environment: Readonly<Record<string, string>>) =>
    parseDaemonConfig({ args: noArguments, environment, file: undefined })
  const config = parse({ EFS_ID: 'fs-0123456789abcdef0', AWS_REGION: 'eu-west-1', STACK_NAME: 'convoy-efs' })
  t.same(config.drivers.get('vfs'), { efs: 'fs-0123456789abcdef0' })
  t.equal(config.name, 'convoy-efs')
  t.throws(() => parse({ EFS_ID: 'my-efs' }), { message: /^EFS_ID: .*not an EFS file system/ })
})

t.test('a switch is as strong as its source, and can be turned off again', async (t) => {
  const parse = (options: Readonly<Record<string, string>>, inFile: Readonly<Record<string, string>>) =>
    parseDaemonConfig({ args: { ...noArguments, options }, environment: {}, file: fileOf(inFile) })
  const ignoring = { 'ignore-docker-delete': 'true' }
  t.equal(parse({}, ignoring).onDockerRemove, 'ignore')
  t.equal(parse({ 'on-docker-remove': 'trash' }, ignoring).onDockerRemove, 'trash')
  t.equal(parse(ignoring, { 'on-docker-remove': 'trash' }).onDockerRemove, 'ignore')
  t.equal(parse({ ...ignoring, 'on-docker-remove': 'trash' }, {}).onDockerRemove, 'ignore')
  t.equal(parse({ 'ignore-docker-delete': 'false' }, ignoring).onDockerRemove, 'retain')
  t.equal(parse({ debug: 'true' }, { 'log-level': 'error' }).logLevel, 'debug')
  t.equal(parse({ 'log-level': 'warn' }, { debug: 'true' }).logLevel, 'warn')
})

t.test('drivers and each of their options follow the same order', async (t) => {
  const drivers = new Map([['vfs', entries({ path: '/file', defaultvolumesize: '1g' })]])
  const file = fileOf({}, { drivers, driversSource: '/c.yaml:7' })
  const config = parseDaemonConfig({ args: noArguments, environment: { CONVOY_VFS_PATH: '/environment' }, file })
  t.strictSame([...config.drivers], [['vfs', { path: '/environment', defaultvolumesize: '1g' }]])
  t.match(settings(config), {
    drivers: { value: 'vfs', source: '/c.yaml:7' },
    'vfs.path': { value: '/environment', source: 'CONVOY_VFS_PATH', overrides: [{ source: '/c.yaml:1' }] },
  })
  const typed = { ...noArguments, driverOptions: ['vfs.path=/first', 'vfs.path=/second'] }
  const environment = { CONVOY_DRIVERS: 'vfs, vfs' }
  const flags = parseDaemonConfig({ args: typed, environment, file })
  t.strictSame([...flags.drivers], [['vfs', { path: '/second', defaultvolumesize: '1g' }]])
  t.match(settings(flags)['drivers'], { source: 'CONVOY_DRIVERS', overrides: [{ source: '/c.yaml:7' }] })
  t.equal(settings(flags)['vfs.path']?.overrides.length, 2)
  t.throws(() => parse({ drivers: ['vfs,vfs'] }), { message: /unknown driver "vfs,vfs"/ })
  t.throws(() => parse({ drivers: ['vsf'] }), { code: 'invalid-argument', hint: /^did you mean vfs\?/ })
})

t.test('what is wrong is refused where it stands, also when something stronger is right', async (t) => {
  const args = { ...noArguments, options: { jobs: '3' } }
  const refusals = [
    { environment: { CONVOY_JOBS: '0' }, message: /^CONVOY_JOBS: option jobs: "0" is not/ },
    { environment: { CONVOY_DRIVERS: 'vfs,zfs' }, message: /^CONVOY_DRIVERS: unknown driver "zfs"/ },
    { environment: { CONVOY_VFS_PATH: 'srv' }, message: /^CONVOY_VFS_PATH: option of driver vfs path: "srv"/ },
    { file: fileOf({ jobs: 'many' }), message: /^\/c\.yaml:1: option jobs: "many"/ },
    { file: fileOf({ name: 'a', root: 'b' }), message: /^\/c\.yaml:2: option root: "b"/ },
  ]
  for (const { message, environment = {}, file } of refusals)
    t.throws(() => parseDaemonConfig({ args, environment, file }), { code: 'invalid-argument', message })
})

t.test('a variable that looks like ours and is not is worth a warning, and no refusal', async (t) => {
  const environment = { CONVOY_TRASH_RETENTON: '1h', CONVOY_PORT: 'tcp://1.2.3.4:5', CONVOY_FAILPOINT: 'x', OTHER: '' }
  const { warnings } = parseDaemonConfig({ args: noArguments, environment, file: undefined })
  t.equal(warnings.length, 2)
  t.match(warnings[0], /CONVOY_TRASH_RETENTON .* did you mean CONVOY_TRASH_RETENTION\?/)
  t.match(warnings[1], /CONVOY_PORT/)
})

t.test('the file is the one that is named, or the usual one if there is one', async (t) => {
  const directory = t.testdir({ 'c.yaml': 'jobs: 5\n', 'wrong.yaml': 'jobs: 0\n' })
  const path = join(directory, 'c.yaml')
  const load = (options: Readonly<Record<string, string>>, environment: Readonly<Record<string, string>> = {}) =>
    loadDaemonConfig({ ...noArguments, options }, environment)
  t.match(await load({ config: path }), { mostRunningJobs: 5, file: path })
  t.match(await load({ config: relative(process.cwd(), path) }), { mostRunningJobs: 5, file: path })
  t.match(await load({}, { CONVOY_CONFIG: path }), { mostRunningJobs: 5 })
  const missing = { code: 'invalid-argument', message: `there is no configuration file ${directory}/no.yaml` }
  await t.rejects(load({ config: `${directory}/no.yaml` }), { ...missing, hint: /^--config names it/ })
  await t.rejects(load({}, { CONVOY_CONFIG: `${directory}/no.yaml` }), { ...missing, hint: /^CONVOY_CONFIG/ })
  await t.rejects(load({}, { CONVOY_IGNORE_CONFIG_FILE: 'maybe' }), { message: /^CONVOY_IGNORE_CONFIG_FILE: / })
  await t.rejects(load({ config: `${directory}/wrong.yaml` }), { message: /option jobs/ })
})

t.test('--ignore-config-file reads no file, not even one that is named', async (t) => {
  const path = join(t.testdir({ 'c.yaml': 'jobs: 5\nnonsense\n' }), 'c.yaml')
  const options = { config: path, 'ignore-config-file': 'true' }
  const config = await loadDaemonConfig({ ...noArguments, options }, {})
  t.equal(config.mostRunningJobs, 2)
  t.equal(config.file, undefined)
})
