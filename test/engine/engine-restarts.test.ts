import type { ContainerInspection, DockerEngine } from './docker-engine.js'
import { engineSuite, eventually } from './harness.js'
import { onConvoy } from './mount-arguments.js'

const liveRestore = ['--live-restore']

engineSuite('a restarted engine', (t, { engine, convoy }) => {
  const noneHeld = async (volume: string): Promise<void> => {
    await eventually(`${volume} is not held`, async () => (await convoy.mountCount(volume)) === 0)
  }
  const removable = async (volume: string): Promise<void> => {
    await eventually(
      `${volume} can be removed`,
      async () => (await engine.tryDocker('volume', 'rm', volume)).exitCode === 0,
    )
  }

  for (const end of ['stop', 'kill'] as const) {
    t.test(
      `DK07 --restart=always after ${end}: the container is back with its data, and one mount counts`,
      async (t) => {
        const volume = `always-${end}`
        await engine.runInBackground('always', '--restart', 'always', ...onConvoy(volume))
        await engine.shell('always', 'echo kept > /data/f')
        await engine[end]()
        await engine.start()
        await eventually('it runs', async () => engine.isRunning('always'))
        t.equal(await engine.exec('always', 'cat', '/data/f'), 'kept')
        t.equal(await convoy.mountCount(volume), 1)
        await engine.docker('rm', '-f', 'always')
        await noneHeld(volume)
        await engine.docker('volume', 'rm', volume)
      },
    )

    t.test(
      `DK07 without a restart policy after ${end}: the volume is free, or the container starts on it`,
      async (t) => {
        const volume = `never-${end}`
        await engine.runInBackground('never', ...onConvoy(volume))
        await engine.shell('never', 'echo kept > /data/f')
        await engine[end]()
        await engine.start()
        t.notOk(await engine.isRunning('never'))
        await noneHeld(volume)
        await engine.docker('start', 'never')
        t.equal(await engine.exec('never', 'cat', '/data/f'), 'kept')
        t.equal(await convoy.mountCount(volume), 1)
        await engine.docker('rm', '-f', 'never')
        await removable(volume)
      },
    )
  }

  t.test('a daemon that was restarted while the engine was down serves it', async (t) => {
    await engine.runInBackground('patient', '--restart', 'always', ...onConvoy('patient'))
    await engine.shell('patient', 'echo kept > /data/f')
    await engine.kill()
    await convoy.kill()
    await convoy.start()
    await engine.start()
    await eventually('it runs', async () => engine.isRunning('patient'))
    t.equal(await engine.exec('patient', 'cat', '/data/f'), 'kept')
    await engine.docker('rm', '-f', 'patient')
    await noneHeld('patient')
  })
})

engineSuite(
  'an engine restarted with --live-restore',
  (t, { engine, convoy }) => {
    for (const end of ['stop', 'kill'] as const)
      for (const copies of [false, true]) {
        const how = copies ? 'docker cp and then a stop free it' : 'a stop frees it'
        t.test(`DK06 after ${end} the container runs on undisturbed, and ${how}`, async (t) => {
          const volume = `live-${end}-${copies}`
          await engine.runInBackground('live', '--restart', 'always', ...onConvoy(volume))
          const before = await engine.inspectContainer('live')
          await engine[end]()
          await engine.start(...liveRestore)
          t.ok(await isUndisturbed(engine, 'live', before))
          t.equal(await convoy.mountCount(volume), 1, 'no second mount')
          await engine.shell('live', 'echo x > /data/f')
          if (copies) await engine.docker('cp', 'live:/data/f', '-')
          t.not((await convoy.plugin.remove(volume)).Err ?? '', '', 'the running container holds it')
          await engine.docker('stop', 'live')
          await engine.docker('rm', '-f', 'live')
          await eventually('it is not held', async () => (await convoy.mountCount(volume)) === 0)
          await engine.docker('volume', 'rm', volume)
        })
      }

    t.test('DK06 a container that ends while the engine is down frees its volume', async (t) => {
      await engine.runInBackground('orphan', ...onConvoy('orphaned'))
      const { Pid } = (await engine.inspectContainer('orphan')).State
      await engine.kill()
      process.kill(Pid, 'SIGKILL')
      await engine.start(...liveRestore)
      t.notOk(await engine.isRunning('orphan'))
      await eventually('it is not held', async () => (await convoy.mountCount('orphaned')) === 0)
      await engine.docker('rm', '-f', 'orphan')
      await engine.docker('volume', 'rm', 'orphaned')
    })
  },
  { engineFlags: liveRestore },
)

async function isUndisturbed(engine: DockerEngine, name: string, before: ContainerInspection): Promise<boolean> {
  const after = await engine.inspectContainer(name)
  return after.State.Running && after.State.Pid === before.State.Pid && after.State.StartedAt === before.State.StartedAt
}
