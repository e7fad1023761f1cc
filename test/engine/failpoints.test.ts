import type { ConvoyProcess } from './convoy-process.js'
import { engineSuite, eventually, within, type Lab, type Test } from './harness.js'
import { onConvoy } from './mount-arguments.js'

const minute = 60_000
/** vfs attaches without an intent of its own; what core and store do around it is listed in src/daemon/failpoints.ts. */
const ofMount = ['driver.attach', 'store.mount'] as const
const ofUnmount = ['store.unmount'] as const
const ofCreate = ['store.create-intent', 'driver.create', 'store.create-done'] as const
const ofRemove = ['store.remove-intent', 'driver.retire', 'store.remove-done'] as const
const moments = ['before', 'after'] as const

engineSuite('kill -9 of the daemon', (t, lab) => {
  const { engine, convoy } = lab

  for (const step of ofMount)
    for (const moment of moments)
      t.test(`DK09 ${moment} ${step} of Mount: the next run works and nothing stays held`, async (t) => {
        const volume = `${moment}-${step}`
        await engine.run('--rm', ...onConvoy(volume), 'busybox', 'sh', '-c', 'echo kept > /data/f')
        await atFailpoint(t, lab, `${moment}:${step}`, async () => {
          const { exitCode, stdout } = await engine.tryRun('--rm', ...onConvoy(volume), 'busybox', 'cat', '/data/f')
          t.ok((exitCode === 0 && stdout === 'kept') || exitCode === 125, `the run that was hit ended with ${exitCode}`)
        })
        t.equal(await engine.run('--rm', ...onConvoy(volume), 'busybox', 'cat', '/data/f'), 'kept')
        await freed(t, lab, volume)
      })

  for (const step of ofUnmount)
    for (const moment of moments)
      t.test(`DK10 ${moment} ${step} of Unmount: the container stops, and nothing stays held`, async (t) => {
        const volume = `${moment}-${step}`
        await convoy.stop()
        await convoy.start({ CONVOY_FAILPOINT: `${moment}:${step}` })
        await engine.runInBackground('hit', ...onConvoy(volume))
        await engine.shell('hit', 'echo kept > /data/f')
        await survives(t, convoy, async () => {
          await engine.docker('stop', 'hit')
          await engine.docker('rm', 'hit')
        })
        t.equal(await engine.run('--rm', ...onConvoy(volume), 'busybox', 'cat', '/data/f'), 'kept')
        await freed(t, lab, volume)
      })

  for (const step of ofCreate)
    for (const moment of moments)
      t.test(`${moment} ${step} of Create: the volume is absent or whole, and can be made`, async (t) => {
        const volume = `new-${moment}-${step}`
        const create = ['volume', 'create', '-d', 'convoy', '-o', 'size=1g', volume] as const
        await atFailpoint(t, lab, `${moment}:${step}`, async () => engine.tryDocker(...create))
        // Until recovery has come to the volume the connection is closed: that is no "no".
        const found = await eventually('it is known whether the volume exists', async () => convoy.plugin.get(volume))
        if (found.Volume !== undefined) t.ok(convoy.holdsData(volume), 'what is listed is whole')
        await engine.docker(...create)
        await engine.run('--rm', ...onConvoy(volume), 'busybox', 'touch', '/data/f')
        await freed(t, lab, volume)
      })

  for (const step of ofRemove)
    for (const moment of moments)
      t.test(`${moment} ${step} of Remove: the volume is there or gone, and its data is kept`, async (t) => {
        const volume = `old-${moment}-${step}`
        await engine.run('--rm', ...onConvoy(volume), 'busybox', 'sh', '-c', 'echo kept > /data/f')
        await atFailpoint(t, lab, `${moment}:${step}`, async () => engine.tryDocker('volume', 'rm', volume))
        const again = await engine.tryDocker('volume', 'rm', volume)
        t.ok(again.exitCode === 0 || /no such volume/i.test(again.stderr), again.stderr)
        t.notOk((await convoy.plugin.list()).some(({ Name }) => Name === volume))
        t.equal(await engine.run('--rm', ...onConvoy(volume), 'busybox', 'cat', '/data/f'), 'kept')
      })
})

/** Restarts the daemon so that it kills itself at the point, acts, and starts it again as soon as it is dead. */
async function atFailpoint(t: Test, { convoy }: Lab, point: string, act: () => Promise<unknown>): Promise<void> {
  await convoy.stop()
  await convoy.start({ CONVOY_FAILPOINT: point })
  await survives(t, convoy, act)
}

async function survives(t: Test, convoy: ConvoyProcess, act: () => Promise<unknown>): Promise<void> {
  const acting = act()
  const { signal } = await within('reaching the failpoint', convoy.process.ended)
  t.equal(signal, 'SIGKILL')
  await convoy.start()
  await acting
}

/** No mount is counted, at the latest when a daemon looks that was not there while containers were started. */
async function freed(t: Test, { engine, convoy }: Lab, volume: string): Promise<void> {
  if ((await convoy.mountCount(volume)) > 0) {
    await convoy.stop()
    await convoy.startLater(10 * minute)
    await eventually(`${volume} is not held`, async () => (await convoy.mountCount(volume)) === 0)
    await convoy.restart()
  }
  await engine.docker('volume', 'rm', volume)
  t.notOk((await convoy.plugin.list()).some(({ Name }) => Name === volume))
}
