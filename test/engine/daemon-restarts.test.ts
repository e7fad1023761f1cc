import { setTimeout as sleep } from 'node:timers/promises'
import { engineSuite, eventually, within } from './harness.js'
import { onConvoy } from './mount-arguments.js'

const minute = 60_000

engineSuite('a restarted daemon', (t, { engine, convoy }) => {
  for (const signal of ['SIGTERM', 'SIGKILL'] as const)
    t.test(`DK11 after ${signal} containers run on undisturbed and their mounts still count`, async (t) => {
      const volume = `under-${signal}`
      await engine.runInBackground('tenant', ...onConvoy(volume))
      const before = (await engine.inspectContainer('tenant')).State
      await convoy.process.end(signal)
      await engine.shell('tenant', 'echo written while the daemon was down > /data/f')
      await convoy.start()
      t.same((await engine.inspectContainer('tenant')).State, before)
      t.equal(await convoy.mountCount(volume), 1)
      t.not((await convoy.plugin.remove(volume)).Err ?? '', '')
      t.equal(
        await engine.run('--rm', ...onConvoy(volume), 'busybox', 'cat', '/data/f'),
        'written while the daemon was down',
      )
      await engine.docker('stop', 'tenant')
      t.equal(await convoy.mountCount(volume), 0)
      await engine.docker('rm', 'tenant')
      await engine.docker('volume', 'rm', volume)
    })

  t.test('DK32 a daemon that was killed leaves a socket that the next one takes over', async (t) => {
    await convoy.kill()
    await convoy.start()
    t.equal((await engine.tryDocker('volume', 'ls')).exitCode, 0)
  })

  t.test('DK09 a run that begins while the daemon is down succeeds when it is back', async (t) => {
    await engine.docker('volume', 'create', '-d', 'convoy', 'awaited')
    await convoy.stop()
    const run = engine.tryRun(
      '--rm',
      ...onConvoy('awaited'),
      'busybox',
      'sh',
      '-c',
      'echo ran > /data/f && cat /data/f',
    )
    await sleep(2500)
    await convoy.start()
    const { exitCode, stdout, stderr } = await run
    t.equal(stdout, 'ran', stderr)
    t.equal(exitCode, 0)
    t.equal(await convoy.mountCount('awaited'), 0)
  })

  t.test('DK06 a container that stops while the daemon is down frees its volume all the same', async (t) => {
    await engine.runInBackground('leaver', ...onConvoy('left'))
    await convoy.kill()
    // The engine tries for 15 s and then forgets: the Unmount is lost.
    await engine.docker('stop', 'leaver')
    await engine.docker('rm', 'leaver')
    await convoy.start()
    t.not((await convoy.plugin.remove('left')).Err ?? '', '', 'a young mount may be about to be used')
    await convoy.kill()
    await convoy.startLater(10 * minute)
    await eventually('it is not held', async () => (await convoy.mountCount('left')) === 0)
    await engine.docker('volume', 'rm', 'left')
    t.notOk((await convoy.plugin.list()).some(({ Name }) => Name === 'left'))
  })

  t.test('DB09 a second daemon on the same root and socket gives up and disturbs nothing', async (t) => {
    const first = convoy.process
    const second = await convoy.launchSecond()
    t.not((await within('giving up', second.ended)).exitCode, 0)
    t.ok(first.isRunning)
    t.equal((await convoy.plugin.list()).length > 0, true)
  })
})
