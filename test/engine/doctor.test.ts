import { mkdir, writeFile } from 'node:fs/promises'
import { engineSuite, eventually, type Lab } from './harness.js'
import { onConvoy } from './mount-arguments.js'
import { convoyMain } from './prerequisites.js'

const isSoak = process.env['CONVOY_SOAK'] === '1'

interface Finding {
  readonly check: string
  readonly severity: string
  readonly what: string
  readonly mend?: { readonly command: string; readonly isSafe: boolean }
}

engineSuite('convoy doctor', (t, lab) => {
  const { engine, convoy, namespace } = lab
  const found = async (check: string) => (await findings(lab)).filter((finding) => finding.check === check)

  t.test('it finds nothing wrong between Docker and the daemon', async (t) => {
    await engine.runInBackground('tenant', ...onConvoy('tidy'))
    const checks = ['daemon', 'socket', 'propagation', 'docker', 'activation', 'plugins', 'shadows', 'containers']
    t.same(
      (await findings(lab)).filter(({ check }) => checks.includes(check)),
      [],
    )
  })

  t.test('a plugin that Docker has not activated is noticed, and its command activates it', async (t) => {
    // Docker would ask for volumes that it knows when it starts.
    await engine.tryDocker('volume', 'rm', 'tidy')
    await engine.stop()
    await engine.start()
    const [finding] = await found('activation')
    t.match(finding, { severity: 'notice', mend: { command: 'sudo docker volume ls', isSafe: true } })
    await engine.stop()
    await engine.start()
    await type(lab, finding)
    t.same(await found('activation'), [])
  })

  t.test('dead sockets and stale specs of other plugins are found, and their commands mend them', async (t) => {
    await namespace.run('python3', '-c', deadSocket, '/run/docker/plugins/dead.sock')
    await mkdir(namespace.path('etc-docker', 'plugins'), { recursive: true })
    await writeFile(namespace.path('etc-docker', 'plugins', 'stale.spec'), 'unix:///run/gone.sock')
    const plugins = await found('plugins')
    t.match(plugins, [
      { severity: 'warning', what: /nobody listens on .*dead.sock/, mend: { isSafe: false } },
      { severity: 'warning', what: /stale.spec leads|stale.spec names/, mend: { isSafe: false } },
    ])
    for (const finding of plugins) await type(lab, finding)
    t.same(await found('plugins'), [])
  })

  t.test('--fix sets aside a stale spec of Convoy, and the data in the file stays', async (t) => {
    await convoy.stop()
    const spec = namespace.path('etc-docker', 'plugins', 'convoy.spec')
    await writeFile(spec, 'unix:///run/gone.sock')
    t.match(await doctor(lab, '--fix'), /^done: sudo mv \/etc\/docker\/plugins\/convoy.spec /)
    t.equal(await namespace.run('cat', `${spec}.disabled`), 'unix:///run/gone.sock')
    await startDaemon(lab)
    t.same(await found('plugins'), [])
  })

  t.test('a local volume that hides ours is found, and its command brings ours back', async (t) => {
    await convoy.cli('create', 'hidden')
    await convoy.stop()
    await engine.run('--rm', '-v', 'hidden:/data', 'busybox', 'true')
    await startDaemon(lab)
    t.equal((await engine.inspectVolume('hidden')).Driver, 'local')
    const [finding] = await found('shadows')
    t.match(finding, { severity: 'error', what: /"hidden" of the driver local/, mend: { isSafe: false } })
    await type(lab, finding)
    t.same(await found('shadows'), [])
    t.equal((await engine.inspectVolume('hidden')).Driver, 'convoy')
  })

  t.test('containers that a failed mount left behind are found, and those with a policy are revived', async (t) => {
    for (const name of ['policy', 'other']) await engine.runInBackground(name, '--restart', 'always', ...onConvoy(name))
    await engine.runInBackground('plain', ...onConvoy('plain'))
    await engine.runInBackground('ended', '--restart', 'always', ...onConvoy('ended'))
    await engine.docker('stop', 'policy', 'other', 'plain', 'ended')
    await convoy.stop()
    for (const name of ['policy', 'other', 'plain']) t.not((await engine.tryDocker('start', name)).exitCode, 0)
    await startDaemon(lab)
    const containers = await found('containers')
    t.same(containers.map(({ severity, what }) => [severity, what.split(' ')[2]]).sort(), [
      ['error', 'other'],
      ['error', 'policy'],
      ['notice', 'plain'],
    ])
    const done = await doctor(lab, '--revive-containers')
    t.match(done, /^done: sudo docker start policy$/m)
    t.match(done, /^done: sudo docker start other$/m)
    for (const [name, runs] of Object.entries({ policy: true, other: true, plain: false, ended: false }))
      await eventually(`${name} is as it should be`, async () => (await engine.isRunning(name)) === runs)
    t.equal(await convoy.mountCount('policy'), 1)
    const [left, ...others] = await found('containers')
    t.same(others, [])
    await type(lab, left)
    t.ok(await engine.isRunning('plain'))
    t.same(await found('containers'), [])
  })

  // What revives it after a boot is in revival.test.ts; Docker takes two minutes to give up.
  if (isSoak)
    t.test('a container that stayed down because the engine came up first is revived', async (t) => {
      await engine.runInBackground('boot', '--restart', 'unless-stopped', ...onConvoy('boot'))
      await engine.stop()
      await convoy.stop()
      await engine.start()
      await eventually('Docker has given up', async () => {
        return (await engine.docker('inspect', '--format', '{{.State.Error}}', 'boot')) !== ''
      })
      await startDaemon(lab)
      t.match(await found('containers'), [{ severity: 'error', what: /boot does not run/ }])
      t.match(await doctor(lab, '--revive-containers'), /^done: sudo docker start boot$/m)
      t.ok(await engine.isRunning('boot'))
    })

  t.test('without Docker it says so, and looks at the rest', async (t) => {
    await engine.stop()
    const all = await findings(lab)
    t.match(
      all.filter(({ check }) => check === 'docker'),
      [{ severity: 'error' }],
    )
    t.same(
      all.filter(({ check }) => check === 'daemon'),
      [],
    )
    await engine.start()
    t.same(await found('docker'), [])
  })
})

/** Until people are answered, too: Docker is first. */
async function startDaemon({ convoy }: Lab): Promise<void> {
  await convoy.start()
  await eventually('the control socket answers', async () => typeof (await convoy.cli('info')) === 'object')
}

/** A socket whose owner has gone. */
const deadSocket = 'import socket, sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])'

/** Runs `convoy doctor` where the engine and the daemon are; resolves to what it printed, whatever its exit code. */
async function doctor({ namespace, convoy }: Lab, ...flags: string[]): Promise<string> {
  const program = [process.execPath, convoyMain, '--socket', convoy.controlSocket, 'doctor', ...flags]
  const clean = ['env', '-i', `PATH=${process.env['PATH'] ?? ''}`]
  return namespace.run('sh', '-c', '"$@" || true', 'sh', ...clean, ...program)
}

async function findings(lab: Lab): Promise<readonly Finding[]> {
  return (JSON.parse(await doctor(lab, '--json')) as { readonly findings: readonly Finding[] }).findings
}

/** Does what the finding says, as the person who reads it. */
async function type({ engine, namespace }: Lab, finding: Finding | undefined): Promise<void> {
  const [sudo, program = '', ...args] = (finding?.mend?.command ?? '').split(' ')
  if (sudo !== 'sudo') throw new Error('there is no command to type')
  if (program === 'docker') await engine.docker(...args)
  else await namespace.run(program, ...args)
}
