import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { eventually } from '../engine/polling.js'
import { convoy } from './convoy-command.js'
import { DaemonProcess, moduleProgram } from './daemon-process.js'

t.test('--check says what is right and what is wrong, with 0 and 1, and touches nothing', async (t) => {
  const directory = t.testdir({
    'right.yaml': 'jobs: 3\nprofiles: { gold: { size: 10G } }\n',
    'wrong.yaml': 'jobs: 3\nprofiles: { gold: { siez: 10G } }\n',
    'malformed.yaml': 'jobs: 3\nname: "x\n',
  })
  const root = join(directory, 'root')
  const check = (...args: string[]) =>
    convoy(['daemon', '--check', '--root', root, '--log', join(directory, 'log'), ...args])
  t.match(await check('--config', join(directory, 'right.yaml')), { code: 0, out: /is right .*right\.yaml/, err: '' })
  const wrong = await check('--config', join(directory, 'wrong.yaml'))
  t.match(wrong, { code: 1, err: /wrong\.yaml:2: unknown volume option "siez" \(did you mean size\?/ })
  t.match(JSON.parse(wrong.out), { Code: 'invalid-argument' })
  t.match(await check('--config', join(directory, 'malformed.yaml')), {
    code: 1,
    err: /malformed\.yaml:\d+:\d+: .*line \d+, column \d+/,
  })
  t.match(await check('--config', join(directory, 'missing.yaml')), { code: 1, err: /there is no configuration file/ })
  t.match(await check('--jobs', '0'), { code: 1, err: /option jobs/ })
  t.match(await check('--ignore-config-file', '--config', join(directory, 'wrong.yaml')), {
    code: 0,
    out: /without a file/,
  })
  t.strictSame(readdirSync(directory).sort(), ['malformed.yaml', 'right.yaml', 'wrong.yaml'])
})

t.test('a warning of --check is no failure', async (t) => {
  const argv = ['daemon', '--check', '--ignore-config-file']
  const { code, err } = await convoy(argv, { CONVOY_JOBBS: '1' })
  t.equal(code, 0)
  t.match(err, /warning: CONVOY_JOBBS .* did you mean CONVOY_JOBS/)
})

t.test('info --config shows for each option which source won, and what it overrides', async (t) => {
  const daemon = new DaemonProcess(t)
  const path = join(daemon.directory, 'c.yaml')
  writeFileSync(path, 'jobs: 1\nlog-level: warn\nname: file\n')
  const environment = { CONVOY_JOBS: '2', STACK_NAME: 'stack', CONVOY_LOG_LEVEL: 'info' }
  await daemon.start({ args: ['--config', path, '--jobs', '3'], env: environment })
  const { code, out, err } = await convoy(['info', '--config', '-s', daemon.controlSocket])
  t.match({ code, err }, { code: 0, err: '' })
  t.match(out, /^OPTION +VALUE +SOURCE +OVERRIDES$/m)
  t.match(out, new RegExp(`^jobs +3 +--jobs +2 \\(CONVOY_JOBS\\), 1 \\(${path}:1\\)$`, 'm'))
  t.match(out, new RegExp(`^name +stack +STACK_NAME +file \\(${path}:3\\)$`, 'm'))
  t.match(out, /^trash-retention +24h +default$/m)
  t.match(out, new RegExp(`^vfs.path +${daemon.volumes} +--driver-opts vfs.path$`, 'm'))
  const json = await convoy(['info', '--config', '--format', 'json', '-s', daemon.controlSocket])
  t.match(JSON.parse(json.out.split('\n')[0] ?? ''), { Name: 'config', Value: path, Source: '--config' })
  t.match(JSON.parse((await convoy(['info', '-s', daemon.controlSocket])).out), { General: { Name: 'stack' } })
})

t.test('the log can be for people, without a line of JSON in it', async (t) => {
  const daemon = new DaemonProcess(t)
  daemon.launch({ args: ['--log-format', 'pretty', '--log-level', 'info'] })
  await eventually('it is ready', () => daemon.output.includes(' INFO  ready  name=convoy volumes=0'))
  await daemon.stop()
  t.match(daemon.output, /^\d{4}-\d\d-\d\d [\d:.]{12} INFO {2}stopping; volumes stay mounted {2}signal=SIGTERM$/m)
  t.notMatch(daemon.output, /[{}\u001b]/)
})

t.test('YAML is not even loaded where there is no file', async (t) => {
  const directory = t.testdir({ 'c.yaml': 'jobs: 3\n' })
  const loaded = async (...args: string[]) => {
    const coverage = t.testdir({ coverage: {}, 'c.yaml': 'jobs: 3\n' })
    const env = { NODE_V8_COVERAGE: join(coverage, 'coverage') }
    const { code } = await convoy(['daemon', '--check', ...args], env, moduleProgram)
    t.equal(code, 0)
    const [report = ''] = readdirSync(join(coverage, 'coverage'))
    return /node_modules\/yaml\//.test(readFileSync(join(coverage, 'coverage', report), 'utf8'))
  }
  t.equal(await loaded('--ignore-config-file'), false)
  t.equal(await loaded('--config', join(directory, 'c.yaml')), true)
})

t.test('info --config and profiles load nothing of the daemon, and no YAML', async (t) => {
  const daemon = await new DaemonProcess(t).start()
  for (const argv of [['info', '--config'], ['profiles']]) {
    const coverage = t.testdir({})
    t.match(await convoy([...argv, '-s', daemon.controlSocket], { NODE_V8_COVERAGE: coverage }, moduleProgram), {
      code: 0,
    })
    const report = readdirSync(coverage).map((name) => readFileSync(join(coverage, name), 'utf8'))
    t.match(report.join(), /build\/src\/cli\/config-commands/)
    t.notMatch(report.join(), /build\/src\/(?:daemon|api|core|drivers|store)\/|node_modules\/(?:yaml|fastify|pino)\//)
  }
})

t.test('profiles: what a volume is made with is settled once, and a repeated create is the same create', async (t) => {
  const daemon = new DaemonProcess(t)
  const path = join(daemon.directory, 'c.yaml')
  writeFileSync(path, 'profiles:\n  gold: { size: 1G, mode: 0750, onRemove: trash }\n  tin: {}\n')
  await daemon.start({ args: ['--config', path] })
  const asked = { profile: 'gold', mode: '0700' }
  t.strictSame((await daemon.plugin.create('db', asked)).Err, undefined)
  const options = async () =>
    (JSON.parse((await daemon.control('GET', '/v1/volumes/db')).text) as { readonly Options: unknown }).Options
  t.strictSame(await options(), { profile: 'gold', size: '1G', mode: '0700' })
  t.match(await daemon.plugin.create('x', { profile: 'silver' }), { Err: /no profile "silver".*gold, tin/ })
  const { out } = await convoy(['profiles', '-s', daemon.controlSocket])
  t.match(out, /^PROFILE +DRIVER +OPTIONS\ngold +\(default\) +size=1G mode=0750 onRemove=trash\ntin +\(default\)\n$/)
  const json = await convoy(['profiles', '--format', 'json', '-s', daemon.controlSocket])
  t.match(JSON.parse(json.out.split('\n')[0] ?? ''), {
    Name: 'gold',
    Options: { size: '1G', mode: '0750', onRemove: 'trash' },
  })
  for (const text of ['profiles: { gold: { size: 9G } }\n', 'profiles: {}\n']) {
    await daemon.stop()
    writeFileSync(path, text)
    await daemon.start({ args: ['--config', path] })
    t.strictSame((await daemon.plugin.create('db', asked)).Err, undefined, `the same create: ${text}`)
    t.strictSame((await daemon.plugin.create('db')).Err, undefined)
    t.match(await daemon.plugin.create('db', { profile: 'tin' }), { Err: /exists with profile=gold/ })
    t.strictSame(await options(), { profile: 'gold', size: '1G', mode: '0700' })
  }
  t.match(await daemon.plugin.create('new', asked), { Err: /no profile "gold".*has none/ })
  t.notOk(existsSync(daemon.volume('new')))
  t.strictSame((await daemon.plugin.remove('db')).Err, undefined)
  t.equal((await daemon.control('POST', '/v1/volumes/db/undelete', {})).status, 200, 'its own onRemove still holds')
})
