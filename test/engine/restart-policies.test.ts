import { readFile } from 'node:fs/promises'
import { engineSuite, eventually } from './harness.js'
import { onConvoy } from './mount-arguments.js'

engineSuite('restart policies', (t, { engine, convoy }) => {
  t.test('--restart=always starts an ended container on its volume again and again', async (t) => {
    const tick = ['busybox', 'sh', '-c', 'echo tick >> /data/ticks; sleep 0.3']
    await engine.run('-d', '--name', 'ticker', '--restart', 'always', ...onConvoy('ticks'), ...tick)
    await eventually('it ran three times', async () => {
      const ticks = await readFile(convoy.volumePath('ticks', 'ticks'), 'utf8').catch(() => '')
      return ticks.split('\n').length > 3
    })
    await engine.docker('rm', '-f', 'ticker')
    await eventually('nothing is held', async () => (await convoy.mountCount('ticks')) === 0)
    t.pass('it ran three times and left nothing')
  })

  t.test('--restart=on-failure gives up after its retries and holds nothing', async (t) => {
    const fail = ['busybox', 'sh', '-c', 'echo try >> /data/tries; exit 3']
    await engine.run('-d', '--name', 'failing', '--restart', 'on-failure:2', ...onConvoy('tries'), ...fail)
    await eventually('it gave up', async () => {
      const { RestartCount, State } = await engine.inspectContainer('failing')
      return RestartCount === 2 && !State.Running
    })
    t.equal(await readFile(convoy.volumePath('tries', 'tries'), 'utf8'), 'try\ntry\ntry\n')
    await eventually('nothing is held', async () => (await convoy.mountCount('tries')) === 0)
  })

  t.test('--restart=always brings a container back after its process was killed', async (t) => {
    await engine.runInBackground('victim', '--restart', 'always', ...onConvoy('victim'))
    await engine.shell('victim', 'echo kept > /data/f')
    const { Pid } = (await engine.inspectContainer('victim')).State
    process.kill(Pid, 'SIGKILL')
    await eventually('it runs again', async () => {
      const { State } = await engine.inspectContainer('victim')
      return State.Running && !State.Restarting && State.Pid !== Pid
    })
    t.equal(await engine.exec('victim', 'cat', '/data/f'), 'kept')
    t.equal(await convoy.mountCount('victim'), 1)
  })
})
