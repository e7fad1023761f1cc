import { readFile, rename, rmdir, writeFile } from 'node:fs/promises'
import { engineSuite, eventually, type Lab } from './harness.js'
import { onConvoy } from './mount-arguments.js'

/** Docker gives up when a mount has waited for its storage as long as it may: each of these takes 100 s. */
const isSoak = process.env['CONVOY_SOAK'] === '1'

engineSuite(
  'containers that a failed mount left behind',
  (t, lab) => {
    const { engine, convoy } = lab

    t.test('those that stayed down because Docker came up without the plugin run again, with their data', async (t) => {
      const meant = { always: 'always', stopped: 'unless-stopped' }
      for (const [name, policy] of Object.entries(meant))
        await engine.runInBackground(name, '--restart', policy, ...onConvoy('boot'))
      await engine.runInBackground('plain', ...onConvoy('boot'))
      await engine.shell('plain', 'echo kept > /data/f')
      await engine.docker('stop', 'stopped')
      await engine.stop()
      await convoy.stop()
      await engine.start()
      await eventually('Docker has given up', async () => (await errorOf(lab, 'always')) !== '')
      await convoy.start()
      await eventually('it runs again', async () => engine.isRunning('always'))
      t.equal(await engine.exec('always', 'cat', '/data/f'), 'kept')
      t.equal(await convoy.mountCount('boot'), 1)
      await eventually('it is told of', async () => (await told(lab, 'container.revive')).includes('always'))
      for (const name of ['stopped', 'plain']) t.notOk(await engine.isRunning(name), name)
    })

    t.test('a storage that comes while Docker starts is waited for, and nothing fails', async (t) => {
      await engine.runInBackground('patient', '--restart', 'always', ...onConvoy('patient'))
      await engine.shell('patient', 'echo kept > /data/f')
      const come = await restartWithoutStorage(lab)
      const starting = engine.start()
      await eventually('the mount waits', async () =>
        (await readFile(lab.namespace.log('convoy'), 'utf8')).includes(waiting),
      )
      await come()
      await starting
      await eventually('it runs', async () => engine.isRunning('patient'))
      t.equal(await engine.exec('patient', 'cat', '/data/f'), 'kept')
      t.notOk((await told(lab, 'container.revive')).includes('patient'), 'Docker did it')
    })

    t.test('what failed while the plugin was away runs again, but not what somebody stopped', async (t) => {
      for (const name of ['well', 'ended']) await engine.runInBackground(name, '--restart', 'always', ...onConvoy(name))
      await engine.shell('well', 'echo kept > /data/f')
      await engine.docker('stop', 'well', 'ended')
      await convoy.stop()
      t.not((await engine.tryDocker('start', 'well')).exitCode, 0)
      await convoy.start()
      await eventually('the one runs', async () => engine.isRunning('well'))
      t.equal(await engine.exec('well', 'cat', '/data/f'), 'kept')
      t.notOk(await engine.isRunning('ended'))
    })

    if (!isSoak) return

    t.test('what fails again is left as it is', async (t) => {
      await engine.runInBackground('lost', '--restart', 'always', ...onConvoy('lost'))
      await engine.docker('stop', 'lost')
      await convoy.stop()
      t.not((await engine.tryDocker('start', 'lost')).exitCode, 0)
      await lab.namespace.run('rm', '-r', convoy.volumePath('lost'))
      await convoy.start()
      await eventually('it is said', async () => (await told(lab, 'container.revive.fail')).includes('lost'))
      t.match(await errorOf(lab, 'lost'), /error while mounting volume.*is missing/)
    })

    t.test('a storage that comes when Docker has given up brings its containers back', async (t) => {
      await engine.runInBackground('given-up', '--restart', 'always', ...onConvoy('given-up'))
      await engine.shell('given-up', 'echo kept > /data/f')
      const come = await restartWithoutStorage(lab)
      // It answers only when it has tried its containers.
      await engine.start().catch(() => undefined)
      await eventually('Docker has given up', async () => (await errorOf(lab, 'given-up')) !== '')
      await come()
      await eventually('it runs', async () => engine.isRunning('given-up'))
      t.equal(await engine.exec('given-up', 'cat', '/data/f'), 'kept')
      await eventually('it is told of', async () => (await told(lab, 'container.revive')).includes('given-up'))
    })

    t.test(
      'a restart of Docker alone needs no help: Docker starts what failed before, now that the plugin answers',
      async (t) => {
        await engine.runInBackground('again', '--restart', 'unless-stopped', ...onConvoy('again'))
        const directory = convoy.volumePath('again')
        await engine.stop()
        await lab.namespace.run('mv', directory, `${directory}-away`)
        await engine.start()
        await eventually('Docker has given up', async () => (await errorOf(lab, 'again')) !== '')
        await lab.namespace.run('mv', `${directory}-away`, directory)
        await engine.stop()
        await engine.start()
        await eventually('it runs again', async () => engine.isRunning('again'))
        t.notOk((await told(lab, 'container.revive')).includes('again'))
      },
    )
  },
  { convoyFlags: ['--revive-containers'] },
)

function errorOf({ engine }: Lab, container: string): Promise<string> {
  return engine.docker('inspect', '--format', '{{.State.Error}}', container)
}

const waiting = 'the storage is not there yet: waiting for it'

/** Stops both, and starts the daemon where the disk of its volumes is not mounted; resolves to what mounts it. */
async function restartWithoutStorage({ engine, convoy, namespace }: Lab): Promise<() => Promise<void>> {
  const { volumesDirectory } = convoy
  await engine.stop()
  await convoy.stop()
  await rename(volumesDirectory, `${volumesDirectory}-disk`)
  await writeFile(namespace.log('convoy'), '')
  await convoy.start()
  return async () => {
    await rmdir(volumesDirectory)
    await rename(`${volumesDirectory}-disk`, volumesDirectory)
  }
}

/** Of which containers events of this very type tell. */
async function told({ convoy }: Lab, type: string): Promise<readonly string[]> {
  const printed = await convoy.cli('events', '--since', '1h', '--no-follow', '--type', type, '--format', 'json')
  const lines =
    typeof printed === 'string' ? printed.split('\n').filter((line) => line !== '') : [JSON.stringify(printed)]
  const events = lines.map((line) => JSON.parse(line) as { readonly type: string; readonly container: string })
  return events.flatMap((event) => (event.type === type ? event.container : []))
}
