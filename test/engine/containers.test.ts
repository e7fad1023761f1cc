import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { engineSuite, eventually } from './harness.js'
import { onConvoy } from './mount-arguments.js'

engineSuite('containers', (t, { engine, convoy, namespace }) => {
  t.test('what one container writes, the next one reads', async (t) => {
    await engine.run('--rm', ...onConvoy('db'), 'busybox', 'sh', '-c', 'echo hello > /data/f')
    t.equal(await engine.run('--rm', ...onConvoy('db'), 'busybox', 'cat', '/data/f'), 'hello')
    t.equal(await readFile(convoy.volumePath('db', 'f'), 'utf8'), 'hello\n')
    t.equal(await convoy.mountCount('db'), 0)
  })

  t.test('--mount with volume-driver and volume-opt makes the volume with its options', async (t) => {
    const mount = 'type=volume,source=owned,target=/data,volume-driver=convoy,volume-opt=uid=1000,volume-opt=gid=1000'
    await engine.run('--rm', '--user', '1000:1000', '--mount', mount, 'busybox', 'touch', '/data/mine')
    t.match((await engine.inspectVolume('owned')).Options, { uid: '1000', gid: '1000' })
  })

  t.test('a new volume is empty, and a non-root container may read it', async (t) => {
    t.equal(await engine.run('--rm', '--user', '1000', ...onConvoy('fresh'), 'busybox', 'ls', '-A', '/data'), '')
  })

  t.test('an empty volume takes the content of the image, unless nocopy forbids it', async (t) => {
    const list = ['busybox', 'ls', '/image-content'] as const
    t.equal(await engine.run('--rm', ...onConvoy('copied', '/image-content'), ...list), 'file')
    t.equal(await engine.run('--rm', ...onConvoy('bare', '/image-content:nocopy'), ...list), '')
    t.equal(await readFile(convoy.volumePath('copied', 'file'), 'utf8'), 'from the image\n')
    t.equal(await convoy.mountCount('copied'), 0, 'the mount for copying was undone')
  })

  t.test('a volume with data keeps it instead of the content of the image', async (t) => {
    await engine.run('--rm', ...onConvoy('kept'), 'busybox', 'touch', '/data/own')
    t.equal(await engine.run('--rm', ...onConvoy('kept', '/image-content'), 'busybox', 'ls', '/image-content'), 'own')
  })

  t.test('DK02 two containers on one volume: one stops, the other still reads and writes', async (t) => {
    await engine.runInBackground('first', ...onConvoy('both'))
    await engine.runInBackground('second', ...onConvoy('both'))
    t.equal(await convoy.mountCount('both'), 2)
    await engine.shell('first', 'echo from first > /data/f')
    await engine.docker('stop', 'first')
    t.equal(await convoy.mountCount('both'), 1)
    t.equal(await engine.shell('second', 'cat /data/f && echo more >> /data/f && wc -l < /data/f'), 'from first\n2')
    await engine.docker('stop', 'second')
    t.equal(await convoy.mountCount('both'), 0)
  })

  t.test('one container mounts a volume twice, once read-only', async (t) => {
    const twice = [...onConvoy('twice', '/rw'), '-v', 'twice:/ro:ro']
    const script = 'echo x > /rw/f && cat /ro/f && ! touch /ro/g 2>/dev/null'
    t.equal(await engine.run('--rm', ...twice, 'busybox', 'sh', '-c', script), 'x')
    t.equal(await convoy.mountCount('twice'), 0)
  })

  t.test(':ro refuses writes in the container and leaves the volume writable for others', async (t) => {
    await engine.runInBackground('writer', ...onConvoy('mixed'))
    const refused = await engine.tryRun('--rm', ...onConvoy('mixed', '/data:ro'), 'busybox', 'touch', '/data/f')
    t.equal(refused.exitCode, 1)
    t.match(refused.stderr, 'Read-only file system')
    await engine.shell('writer', 'touch /data/f')
  })

  t.test('restart, kill and start keep the data and count one mount', async (t) => {
    await engine.runInBackground('again', ...onConvoy('again'))
    await engine.shell('again', 'echo kept > /data/f')
    await engine.docker('restart', 'again')
    t.equal(await convoy.mountCount('again'), 1)
    await engine.docker('kill', 'again')
    await eventually('the killed container holds nothing', async () => (await convoy.mountCount('again')) === 0)
    await engine.docker('start', 'again')
    t.equal(await engine.exec('again', 'cat', '/data/f'), 'kept')
    await engine.docker('stop', 'again')
    t.equal(await convoy.mountCount('again'), 0)
  })

  t.test('DK01 docker cp on a running container leaves the volume mounted', async (t) => {
    await engine.runInBackground('busy', ...onConvoy('copies'))
    const file = namespace.path('to-copy')
    await writeFile(file, 'copied in\n')
    await engine.docker('cp', file, 'busy:/data/in')
    await engine.shell('busy', 'echo written after > /data/out')
    await engine.docker('cp', 'busy:/data/out', namespace.path('copied-out'))
    t.equal(await readFile(namespace.path('copied-out'), 'utf8'), 'written after\n')
    t.equal(await convoy.mountCount('copies'), 1)
    t.match((await convoy.plugin.remove('copies')).Err, /in use|mounted|held/, 'a removal is still refused')
    t.equal(await engine.run('--rm', ...onConvoy('copies'), 'busybox', 'cat', '/data/in'), 'copied in')
    t.equal(await convoy.mountCount('copies'), 1)
    await engine.shell('busy', 'echo still writable > /data/out')
    await engine.docker('stop', 'busy')
    t.equal(await convoy.mountCount('copies'), 0)
    t.equal(await readFile(convoy.volumePath('copies', 'out'), 'utf8'), 'still writable\n')
  })

  t.test('docker cp on a stopped container mounts the volume only meanwhile', async (t) => {
    await engine.run('--name', 'done', ...onConvoy('stopped'), 'busybox', 'sh', '-c', 'echo x > /data/f')
    await mkdir(namespace.path('from-stopped'))
    await engine.docker('cp', 'done:/data/f', namespace.path('from-stopped', 'f'))
    t.equal(await readFile(namespace.path('from-stopped', 'f'), 'utf8'), 'x\n')
    t.equal(await convoy.mountCount('stopped'), 0)
  })

  t.test('a container that fails to start after Mount holds nothing', async (t) => {
    t.equal((await engine.tryRun('--rm', ...onConvoy('failing'), 'busybox', '/no/such/command')).exitCode, 127)
    await eventually('nothing is held', async () => (await convoy.mountCount('failing')) === 0)
  })

  t.test('--volumes-from mounts once more, and the volume is held until both are gone', async (t) => {
    await engine.runInBackground('owner', ...onConvoy('lent'))
    await engine.runInBackground('borrower', '--volumes-from', 'owner')
    await engine.shell('borrower', 'echo shared > /data/f')
    t.equal(await engine.exec('owner', 'cat', '/data/f'), 'shared')
    t.equal(await convoy.mountCount('lent'), 2)
    await engine.docker('rm', '-f', 'owner')
    t.equal(await convoy.mountCount('lent'), 1)
    await engine.docker('rm', '-f', 'borrower')
    t.equal(await convoy.mountCount('lent'), 0)
  })
})
