import { engineSuite, eventually } from './harness.js'
import { onConvoy } from './mount-arguments.js'

engineSuite(
  'a full disk below the volumes',
  (t, { engine, convoy, namespace }) => {
    t.test('DB05 the container gets ENOSPC, and the daemon goes on serving', async (t) => {
      await engine.runInBackground('reader', ...onConvoy('reading'))
      const fill = await engine.tryRun(
        '--rm',
        ...onConvoy('filled'),
        'busybox',
        'dd',
        'if=/dev/zero',
        'of=/data/f',
        'bs=64k',
      )
      t.equal(fill.exitCode, 1)
      t.match(fill.stderr, /No space left on device/)
      t.equal(await convoy.mountCount('filled'), 0)
      t.equal((await convoy.plugin.get('filled')).Volume?.Name, 'filled')
      t.equal(
        await engine.run('--rm', ...onConvoy('filled'), 'busybox', 'ls', '/data'),
        'f',
        'known volumes still mount',
      )
      await engine.docker('stop', 'reader')
      t.equal(await convoy.mountCount('reading'), 0, 'Unmount works')
    })

    t.test('a create that does not fit is refused and leaves nothing half', async (t) => {
      let refusal = ''
      for (let index = 0; index < 200 && refusal === ''; index++)
        refusal = (await convoy.plugin.create(`tight${index}`)).Err ?? ''
      t.match(refusal, /no space|full|ENOSPC/i)
      const names = (await convoy.plugin.list()).map(({ Name }) => Name)
      const directories = (await namespace.run('ls', convoy.volumesDirectory)).split('\n')
      for (const name of names) t.ok(directories.includes(name), name)
    })

    t.test('it recovers by itself when there is space again', async (t) => {
      await engine.run('--rm', ...onConvoy('filled'), 'busybox', 'rm', '/data/f')
      await eventually('a create succeeds', async () => ((await convoy.plugin.create('roomy')).Err ?? '') === '')
      await engine.run('--rm', ...onConvoy('roomy'), 'busybox', 'sh', '-c', 'echo x > /data/f')
      t.equal(await namespace.run('cat', convoy.volumePath('roomy', 'f')), 'x')
    })
  },
  {
    before: async (namespace) => {
      await namespace.run('mkdir', '-p', namespace.path('volumes'))
      await namespace.run('mount', '-t', 'tmpfs', '-o', 'size=4m,nr_inodes=256', 'tmpfs', namespace.path('volumes'))
    },
  },
)
