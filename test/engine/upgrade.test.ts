import { setTimeout as sleep } from 'node:timers/promises'
import { ConvoyProcess } from './convoy-process.js'
import { engineSuite, eventually } from './harness.js'
import { onConvoy } from './mount-arguments.js'
import { buildPreviousCommit } from './previous-build.js'

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
