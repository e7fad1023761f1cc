import { stat, writeFile } from 'node:fs/promises'
import { engineSuite } from './harness.js'
import { onConvoy } from './mount-arguments.js'

engineSuite('docker volume', (t, { engine, convoy }) => {
  const names = async (): Promise<string[]> => (await convoy.plugin.list()).map(({ Name }) => Name)

  t.test('create with options: inspect shows driver, scope, options, labels, time and status', async (t) => {
    await engine.docker('volume', 'create', '-d', 'convoy', '-o', 'size=1g', '--label', 'team=x', 'made')
    const volume = await engine.inspectVolume('made')
    t.match(volume, { Name: 'made', Driver: 'convoy', Scope: 'local', Options: { size: '1g' }, Labels: { team: 'x' } })
    t.ok(Date.parse(volume.CreatedAt) > Date.parse('2020-01-01'), volume.CreatedAt)
    t.equal(typeof volume.Status, 'object')
  })

  t.test('create twice is no error and makes one volume', async (t) => {
    for (let round = 0; round < 2; round++) await engine.docker('volume', 'create', '-d', 'convoy', 'twice')
    t.equal((await names()).filter((name) => name === 'twice').length, 1)
  })

  t.test('create with an unknown option or a bad value says so and leaves nothing', async (t) => {
    for (const option of ['nosuchoption=1', 'size=enormous', 'mode=rwx']) {
      const refused = await engine.tryDocker('volume', 'create', '-d', 'convoy', '-o', option, 'refused')
      t.equal(refused.exitCode, 1)
      t.match(refused.stderr, option.split('=')[0], 'the option is named')
      t.notOk((await names()).includes('refused'))
      t.notOk(convoy.holdsData('refused'))
      t.match((await convoy.plugin.get('refused')).Err, /no such volume/i)
    }
  })

  t.test('a name that another driver has is refused, both ways', async (t) => {
    await engine.docker('volume', 'create', '-d', 'convoy', 'ours')
    const local = await engine.tryDocker('volume', 'create', '-d', 'local', 'ours')
    t.equal(local.exitCode, 1)
    t.match(local.stderr, /must be unique|conflict|exists/i)
    await engine.docker('volume', 'create', '-d', 'local', 'theirs')
    t.equal((await engine.tryDocker('volume', 'create', '-d', 'convoy', 'theirs')).exitCode, 1)
    t.ok((await names()).includes('ours'))
    t.notOk((await names()).includes('theirs'))
  })

  t.test('create without a name makes a volume of 64 hex digits', async (t) => {
    const name = await engine.docker('volume', 'create', '-d', 'convoy')
    t.match(name, /^[0-9a-f]{64}$/)
    t.ok((await names()).includes(name))
  })

  t.test('ls shows volumes in use and not in use', async (t) => {
    await engine.docker('volume', 'create', '-d', 'convoy', 'idle')
    await engine.runInBackground('user', ...onConvoy('used'))
    const listed = await engine.docker('volume', 'ls', '--filter', 'driver=convoy', '--format', '{{.Name}}')
    for (const name of ['idle', 'used']) t.ok(listed.split('\n').includes(name), name)
  })

  t.test('inspect and rm of an unknown volume say that there is none', async (t) => {
    for (const command of ['inspect', 'rm']) {
      const outcome = await engine.tryDocker('volume', command, 'nobody')
      t.equal(outcome.exitCode, 1)
      t.match(outcome.stderr, /no such volume/i)
    }
  })

  t.test('rm keeps the data and a create of the name takes it back', async (t) => {
    await engine.run('--rm', ...onConvoy('precious'), 'busybox', 'sh', '-c', 'echo kept > /data/f')
    await engine.docker('volume', 'rm', 'precious')
    t.notOk((await names()).includes('precious'))
    t.match((await engine.tryDocker('volume', 'inspect', 'precious')).stderr, /no such volume/i)
    t.equal(await engine.run('--rm', ...onConvoy('precious'), 'busybox', 'cat', '/data/f'), 'kept')
  })

  t.test('rm of a volume made with onRemove=delete deletes its data', async (t) => {
    await engine.docker('volume', 'create', '-d', 'convoy', '-o', 'onRemove=delete', 'scrap')
    await writeFile(convoy.volumePath('scrap', 'f'), 'x')
    await engine.docker('volume', 'rm', 'scrap')
    t.notOk((await names()).includes('scrap'))
    t.notOk(convoy.holdsData('scrap'))
    t.equal(await engine.run('--rm', ...onConvoy('scrap'), 'busybox', 'ls', '-A', '/data'), '')
  })

  t.test('rm of a volume in use is refused', async (t) => {
    await engine.runInBackground('holder', ...onConvoy('held'))
    for (const flags of [[], ['--force']]) {
      const refused = await engine.tryDocker('volume', 'rm', ...flags, 'held')
      t.equal(refused.exitCode, 1)
      t.match(refused.stderr, /volume is in use/)
    }
    await engine.shell('holder', 'touch /data/f')
  })

  t.test('DK25 rm of a volume that is held behind the engine is refused with the reason, and it stays', async (t) => {
    await engine.docker('volume', 'create', '-d', 'convoy', 'behind')
    await convoy.plugin.mount('behind', 'a'.repeat(64))
    for (const flags of [[], ['--force']]) {
      const refused = await engine.tryDocker('volume', 'rm', ...flags, 'behind')
      t.equal(refused.exitCode, 1)
      t.match(refused.stderr, /in use|mounted|held/)
      t.ok((await names()).includes('behind'))
    }
    await convoy.plugin.unmount('behind', 'a'.repeat(64))
    await engine.docker('volume', 'rm', 'behind')
    t.notOk((await names()).includes('behind'))
  })

  t.test('an anonymous volume goes with its container, into the trash', async (t) => {
    await engine.run('-d', '--name', 'anon', '-v', '/data', '--volume-driver', 'convoy', 'busybox', 'touch', '/data/f')
    const [mount] = (await engine.inspectContainer('anon')).Mounts
    t.match(mount, { Driver: 'convoy', Name: /^[0-9a-f]{64}$/ })
    const name = mount?.Name ?? ''
    t.ok((await names()).includes(name))
    await engine.docker('rm', '-f', '-v', 'anon')
    t.notOk((await names()).includes(name))
    t.notOk(convoy.holdsData(name))
    await convoy.cli('undelete', name)
    t.ok((await stat(convoy.volumePath(name, 'f'))).isFile(), 'undelete brings it back')
  })

  t.test('--rm removes an anonymous volume', async (t) => {
    const before = await names()
    await engine.run('--rm', '-v', '/data', '--volume-driver', 'convoy', 'busybox', 'touch', '/data/f')
    t.same(await names(), before)
  })

  t.test('volume prune, system prune and system df leave the volumes alone', async (t) => {
    await engine.run('--rm', ...onConvoy('unused'), 'busybox', 'touch', '/data/f')
    const before = await names()
    await engine.docker('volume', 'prune', '--force')
    await engine.docker('system', 'prune', '--volumes', '--force')
    await engine.docker('system', 'df', '-v')
    t.same(await names(), before)
    t.ok((await stat(convoy.volumePath('unused', 'f'))).isFile())
    // system prune may have taken the image, which no container uses.
    await engine.importImage()
  })

  t.test('a volume deleted out of band can be made again, by us and by another driver', async (t) => {
    for (const driver of ['convoy', 'local']) {
      await engine.docker('volume', 'create', '-d', 'convoy', `gone-${driver}`)
      await convoy.cli('delete', `gone-${driver}`)
      await engine.docker('volume', 'create', '-d', driver, `gone-${driver}`)
      t.equal((await engine.inspectVolume(`gone-${driver}`)).Driver, driver)
    }
  })

  t.test('labels, options and data survive a restart of the engine', async (t) => {
    await engine.docker('volume', 'create', '-d', 'convoy', '-o', 'size=1g', '--label', 'keep=me', 'lasting')
    await engine.run('--rm', ...onConvoy('lasting'), 'busybox', 'sh', '-c', 'echo kept > /data/f')
    await engine.stop()
    await engine.start()
    t.match(await engine.inspectVolume('lasting'), {
      Driver: 'convoy',
      Labels: { keep: 'me' },
      Options: { size: '1g' },
    })
    t.equal(await engine.run('--rm', '-v', 'lasting:/data', 'busybox', 'cat', '/data/f'), 'kept')
  })
})
