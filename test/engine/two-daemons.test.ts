import { mkdir } from 'node:fs/promises'
import { engineSuite, eventually, type Lab } from './harness.js'
import type { NamespaceProcess } from './namespace-process.js'
import { convoyMain } from './prerequisites.js'

/** Daemons where nobody says where: each of them below its name. */
engineSuite(
  'two daemons of different names on one host',
  (t, lab) => {
    const { engine, namespace } = lab
    const started = new Map<string, NamespaceProcess>()
    const start = async (name: string) => {
      started.set(name, await namespace.start(name, [process.execPath, convoyMain, 'daemon', '--name', name]))
      await eventually(`${name} answers`, async () =>
        convoy(lab, '--name', name, 'ls').then(
          () => true,
          () => false,
        ),
      )
    }
    const both = ['one', 'convoy-nfs'] as const

    t.test('both serve, each from its own places', async (t) => {
      for (const name of both) await start(name)
      const mounts = both.flatMap((name) => [
        '--mount',
        `type=volume,source=${name}-data,target=/${name},volume-driver=${name}`,
      ])
      await engine.run('--rm', ...mounts, 'busybox', 'sh', '-c', 'for d in /one /convoy-nfs; do echo $d > $d/f; done')
      for (const name of both) {
        t.equal(await convoy(lab, '--name', name, 'ls', '-q'), `${name}-data`)
        t.equal(await convoy(lab, '-s', `/var/run/convoy-${name}.sock`, 'ls', '-q'), `${name}-data`, 'by its old path')
        t.equal(await namespace.run('cat', `/var/lib/convoy-${name}/volumes/${name}-data/f`), `/${name}`)
      }
      t.match(
        await engine.docker('volume', 'ls', '--format', '{{.Driver}} {{.Name}}'),
        /convoy-nfs convoy-nfs-data\none one-data/,
      )
    })

    t.test('a third of the same name is refused, and one that ends leaves the other alone', async (t) => {
      const again = await namespace.start('again', [process.execPath, convoyMain, 'daemon', '--name', 'one'])
      t.match(await again.ended, { exitCode: 1 })
      await engine.runInBackground('tenant', '-v', 'kept:/data', '--volume-driver', 'convoy-nfs')
      await started.get('one')?.end('SIGTERM')
      t.equal(await engine.shell('tenant', 'echo on > /data/f && cat /data/f'), 'on')
      t.match(await convoy(lab, '--name', 'convoy-nfs', 'ls', '-q'), 'kept')
      const left = await namespace.run('sh', '-c', 'ls -d /run/docker/plugins/* /run/convoy/* /run/convoy-*')
      t.strictSame(
        left.split('\n').filter((path) => /one/.test(path)),
        [],
      )
      await start('one')
      t.equal(
        await engine.run('--rm', '-v', 'one-data:/data', '--volume-driver', 'one', 'busybox', 'cat', '/data/f'),
        '/one',
      )
    })
  },
  {
    before: async (namespace) => {
      await mkdir(namespace.path('var-lib'))
      await namespace.run('mount', '--bind', namespace.path('var-lib'), '/var/lib')
    },
  },
)

async function convoy({ namespace }: Lab, ...args: string[]): Promise<string> {
  return namespace.run('env', '-i', process.execPath, convoyMain, ...args)
}
