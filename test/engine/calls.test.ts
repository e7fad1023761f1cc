import { engineSuite, eventually } from './harness.js'
import { onConvoy } from './mount-arguments.js'

engineSuite(
  'what the engine calls',
  (t, { engine, convoy, recorder }) => {
    t.beforeEach(() => recorder.forget())

    t.test('it activates the plugin and asks for capabilities once in its life', async (t) => {
      await engine.docker('volume', 'create', '-d', 'convoy', 'early')
      await engine.docker('volume', 'ls')
      t.match(recorder.counts(), { Activate: 1, Capabilities: 1, Create: 1, List: 1 })
      recorder.forget()
      await engine.docker('volume', 'create', '-d', 'convoy', 'later')
      t.match(recorder.counts(), { Activate: undefined, Capabilities: undefined, Create: 1 })
    })

    t.test('run of a named volume is one Create, one Mount with an ID, one Unmount with the same', async (t) => {
      await engine.run('--rm', ...onConvoy('named'), 'busybox', 'true')
      t.match(recorder.counts('named'), { Create: 1, Mount: 1, Unmount: 1, Remove: undefined, Path: undefined })
      const [mount, unmount] = [...recorder.calls('Mount'), ...recorder.calls('Unmount')]
      t.match(mount?.id, /^[0-9a-f]{64}$/)
      t.equal(unmount?.id, mount?.id)
      await engine.docker('volume', 'rm', 'named')
      t.equal(recorder.counts('named')['Remove'], 1)
    })

    t.test('run --rm of an anonymous volume is one of each', async (t) => {
      await engine.run('--rm', '-v', '/data', '--volume-driver', 'convoy', 'busybox', 'true')
      t.match(recorder.counts(), { Create: 1, Mount: 1, Unmount: 1, Remove: 1 })
    })

    t.test('--volumes-from is a Mount and an Unmount of its own', async (t) => {
      await engine.run('--name', 'origin', ...onConvoy('given'), 'busybox', 'true')
      await engine.run('--rm', '--volumes-from', 'origin', 'busybox', 'true')
      t.match(recorder.counts('given'), { Create: 1, Mount: 2, Unmount: 2, Remove: undefined })
    })

    t.test('DK01 docker cp on a running container mounts and unmounts with the ID of that container', async (t) => {
      await engine.runInBackground('copied', ...onConvoy('copied'))
      await engine.docker('cp', 'copied:/data', '-')
      t.match(recorder.counts('copied'), { Mount: 2, Unmount: 1 })
      t.equal(new Set(recorder.calls('Mount').map(({ id }) => id)).size, 1)
      t.equal(await convoy.mountCount('copied'), 1)
      await engine.docker('kill', 'copied')
      await eventually('the kill unmounts', () => recorder.counts('copied')['Unmount'] === 2)
      t.equal(await convoy.mountCount('copied'), 0)
    })

    t.test('create, ls, inspect and ps never ask for a path', async (t) => {
      await engine.docker('volume', 'create', '-d', 'convoy', 'pathless')
      await engine.docker('volume', 'ls')
      await engine.docker('volume', 'inspect', 'pathless')
      await engine.docker('ps', '-a')
      t.match(recorder.counts(), { Path: undefined, Mount: undefined })
    })

    t.test('prune and system df ask nothing', async (t) => {
      await engine.docker('volume', 'prune', '--force')
      await engine.docker('system', 'df', '-v')
      t.match(recorder.counts(), { Remove: undefined, Mount: undefined })
    })

    t.test('DK05 a lost count does not free what a container holds', async (t) => {
      await engine.runInBackground('holder', ...onConvoy('clung'))
      const id = recorder.calls('Mount').at(-1)?.id ?? ''
      await convoy.plugin.unmount('clung', id)
      t.not((await convoy.plugin.remove('clung')).Err ?? '', '', 'the kernel still shows the holder')
      t.ok(convoy.holdsData('clung'))
      await engine.shell('holder', 'touch /data/f')
      await engine.docker('rm', '-f', 'holder')
      await eventually('it can be removed', async () => {
        const { exitCode, stderr } = await engine.tryDocker('volume', 'rm', 'clung')
        return exitCode === 0 || /no such volume/.test(stderr)
      })
    })

    t.test('the engine tells create, mount, unmount and destroy of a volume as events', async (t) => {
      const since = String(Math.floor(Date.now() / 1000) - 1)
      await engine.run('--rm', ...onConvoy('told'), 'busybox', 'true')
      await engine.docker('volume', 'rm', 'told')
      const until = String(Math.floor(Date.now() / 1000) + 1)
      const filter = ['--filter', 'type=volume', '--filter', 'volume=told']
      const format = ['--format', '{{.Action}}']
      const told = await engine.docker('events', '--since', since, '--until', until, ...filter, ...format)
      t.same(told.split('\n'), ['create', 'mount', 'unmount', 'destroy'])
    })

    t.test('20 parallel runs on one volume are 20 IDs, all unmounted', async (t) => {
      const runs = Array.from({ length: 20 }, async () => engine.run('--rm', ...onConvoy('crowd'), 'busybox', 'true'))
      await Promise.all(runs)
      t.match(recorder.counts('crowd'), { Create: 1, Mount: 20, Unmount: 20 })
      t.equal(new Set(recorder.calls('Mount').map(({ id }) => id)).size, 20)
      t.notOk(
        recorder.calls().some(({ call, body }) => body === '' && call !== 'Activate'),
        'nothing was retried',
      )
    })
  },
  { recorded: true },
)
