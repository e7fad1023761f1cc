import { setTimeout as sleep } from 'node:timers/promises'
import { execa } from 'execa'
import { ConvoyProcess } from './convoy-process.js'
import { daemonSuite, engineSuite, eventually } from './harness.js'
import { onConvoy } from './mount-arguments.js'
import { buildNextRelease } from './next-release.js'
import { buildPreviousCommit } from './previous-build.js'

interface ShownJob {
  readonly state: string
  readonly attempts: number
  readonly process?: { readonly pid: number }
}

// The shape of `convoy jobs` has tests of its own.
const jobsOf = async (convoy: ConvoyProcess) => (await convoy.cli('jobs')) as readonly ShownJob[]

engineSuite('an upgrade from the build of the commit before', (t, { engine, convoy, namespace }) => {
  t.test('DK11 the newer one takes over in the middle of writing, and no container notices', async (t) => {
    const program = await buildPreviousCommit(namespace.path('previous'))
    await convoy.stop()
    const previous = new ConvoyProcess(namespace, { program })
    await previous.start()
    await engine.docker('volume', 'create', '-d', 'convoy', '-o', 'size=1G', '--label', 'keep=me', 'labelled')
    await engine.docker('volume', 'create', '-d', 'convoy', 'forgotten')
    await engine.docker('volume', 'rm', 'forgotten')
    await engine.runInBackground('tenant', ...onConvoy('db'))
    const write = 'i=0; while :; do i=$((i+1)); echo $i >> /data/log; sync; done'
    await engine.docker('exec', '-d', 'tenant', 'sh', '-c', write)
    await eventually('it writes', async () => Number(await engine.shell('tenant', 'wc -l < /data/log')) > 10)
    t.equal(await previous.mountCount('db'), 1)

    const before = await engine.inspectContainer('tenant')
    await previous.kill()
    await convoy.start()
    const count = Number(await engine.shell('tenant', 'wc -l < /data/log'))
    await eventually('it goes on writing', async () => {
      await sleep(100)
      return Number(await engine.shell('tenant', 'wc -l < /data/log')) > count
    })
    const after = await engine.inspectContainer('tenant')
    t.equal(after.State.StartedAt, before.State.StartedAt)
    t.equal(after.RestartCount, 0)
    const lines = (await engine.shell('tenant', 'head -n 1000 /data/log')).split('\n').slice(0, 10)
    t.strictSame(lines, ['1', '2', '3', '4', '5', '6', '7', '8', '9', '10'], 'nothing is lost')
    t.equal(await convoy.mountCount('db'), 1, 'references are kept')
    t.match((await engine.tryDocker('volume', 'rm', 'db')).stderr, /in use/)
    t.match((await engine.inspectVolume('labelled')).Labels, { keep: 'me' })
    t.equal(await convoy.cli('ls', '--forgotten', '-q'), 'forgotten')
    await engine.docker('rm', '-f', 'tenant')
    t.equal(await convoy.mountCount('db'), 0)
  })
})

engineSuite('an upgrade whose database is newer, and the way back', (t, { engine, convoy, namespace }) => {
  t.test('DB11 DB12 containers run through both, and the command that is named restores the copy', async (t) => {
    const newer = new ConvoyProcess(namespace, { program: await buildNextRelease(namespace.path('next')) })
    await engine.runInBackground('before', ...onConvoy('db'))
    await convoy.kill()
    await newer.start()
    await engine.runInBackground('since', ...onConvoy('later'))
    await newer.kill()
    const started = async () =>
      Promise.all(['before', 'since'].map(async (name) => (await engine.inspectContainer(name)).State.StartedAt))
    const startedBefore = await started()

    await convoy.launch()
    await eventually('what the copy holds is served', async () => (await convoy.plugin.get('db')).Volume)
    t.match(await engine.tryDocker('volume', 'create', '-d', 'convoy', 'new'), {
      exitCode: 1,
      stderr: /has schema \d+, this program knows \d+.*: convoy rebuild;/,
    })
    t.match(await engine.tryDocker('volume', 'inspect', 'db'), { exitCode: 0 })
    await convoy.cli('rebuild')

    t.equal(await convoy.mountCount('db'), 1, 'references are kept')
    await t.rejects(
      convoy.cli('delete', 'later'),
      /still mounted by process/,
      'what the copy does not know, the kernel does',
    )
    t.strictSame(await started(), startedBefore)
    await engine.docker('rm', '-f', 'before', 'since')
    for (const volume of ['db', 'later']) await engine.docker('volume', 'rm', volume)
    await engine.run('--rm', ...onConvoy('new'), 'busybox', 'touch', '/data/f')
  })
})

daemonSuite('an upgrade while data is removed', (t, { convoy, namespace }) => {
  t.test('the removal goes on in its process, and the newer daemon follows it to its end', async (t) => {
    await convoy.stop()
    const previous = new ConvoyProcess(namespace, { program: await buildPreviousCommit(namespace.path('previous')) })
    await previous.start()
    await previous.plugin.create('large', { onRemove: 'delete' })
    await execa('sh', ['-c', 'cd "$0" && seq 50000 | xargs touch', previous.volumePath('large')])
    await previous.plugin.remove('large')
    const pid = await eventually('its process runs', async () => (await jobsOf(previous))[0]?.process?.pid)
    process.kill(pid, 'SIGSTOP')
    await previous.kill()
    await convoy.start()
    const underWay = await eventually('the newer one answers', async () => jobsOf(convoy))
    process.kill(pid, 'SIGCONT')
    t.match(underWay, [{ state: 'running', attempts: 1, process: { pid } }])
    await eventually('it has ended', async () => (await jobsOf(convoy))[0]?.state !== 'running')
    t.match(await jobsOf(convoy), [{ state: 'succeeded', attempts: 1 }], 'it was not begun anew')
    t.strictSame(await convoy.cli('trash', 'ls', '-q'), '')
  })
})
