import t from 'tap'
import { type DaemonArguments, daemonOptions, parseDaemonConfig } from '../../src/daemon/config.js'

const parse = (args: Partial<DaemonArguments> = {}) =>
  parseDaemonConfig({ options: {}, drivers: [], driverOptions: [], ...args })

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
    debug: false,
    createOnDockerMount: false,
  })
  t.equal(config.logFile, undefined)
  t.strictSame([...config.drivers], [['vfs', {}]])
})

t.test('both sockets follow the name unless they are given', async (t) => {
  t.match(parse({ options: { name: 'nfs' } }), {
    controlSocket: '/var/run/convoy/nfs.sock',
    pluginSocket: '/run/docker/plugins/nfs.sock',
  })
  t.match(parse({ options: { name: 'nfs', socket: '/a', 'plugin-socket': '/b/' } }), {
    controlSocket: '/a',
    pluginSocket: '/b',
  })
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

t.test('every option has a help, and what is said of defaults is true', async (t) => {
  for (const [name, option] of Object.entries(daemonOptions)) {
    t.ok(option.help.length > 5, name)
    const said = /\(default: ([^)]*)\)$/.exec(option.help)?.[1]
    const isWord = said !== undefined && !said.includes('NAME') && 'default' in option
    if (isWord) t.strictSame(option.parse(said), option.default, `${name}: ${said}`)
  }
})

t.test('compat: options of old scripts are accepted', async (t) => {
  const options = { 'cmd-timeout': '1m', 'mnt-ns': '/proc/1/ns/mnt', 'ignore-config-file': 'true' }
  t.equal(parse({ options }).name, 'convoy')
  t.equal(parse({ options: { 'ignore-docker-delete': 'true' } }).onDockerRemove, 'ignore')
  t.equal(parse({ options: { 'create-on-docker-mount': '' } }).createOnDockerMount, true)
})

t.test('drivers are taken in their order, each with its own options', async (t) => {
  const config = parse({ drivers: ['vfs'], driverOptions: ['vfs.path=/srv/a=b', 'vfs.defaultvolumesize=1g'] })
  t.strictSame([...config.drivers], [['vfs', { path: '/srv/a=b', defaultvolumesize: '1g' }]])
})

t.test('a driver that there is not is refused with those that there are', async (t) => {
  for (const name of ['zfs', '', 'constructor', '__proto__']) {
    t.throws(() => parse({ drivers: [name] }), { code: 'invalid-argument', hint: /vfs/ }, name)
  }
})

t.test('a driver’s option that is malformed or unknown is refused by name', async (t) => {
  for (const text of ['path=/srv', 'vfs.path', 'vfs', '', '=', 'ebs.size=1', '.path=/x', 'vfs.=/x']) {
    t.throws(() => parse({ driverOptions: [text] }), { code: 'invalid-argument', hint: /DRIVER\.OPTION=VALUE/ }, text)
  }
  t.throws(() => parse({ driverOptions: ['vfs.pth=/srv'] }), {
    message: 'unknown option of driver vfs "pth"',
    hint: /defaultvolumesize, path/,
  })
  t.throws(() => parse({ driverOptions: ['vfs.path=srv'] }), {
    message: /option of driver vfs path: "srv" is not an abs/,
  })
  t.throws(() => parse({ driverOptions: ['vfs.path='] }), { code: 'invalid-argument' })
})
