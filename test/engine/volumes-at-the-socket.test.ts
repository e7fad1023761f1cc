import { readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { daemonSuite, eventually } from './harness.js'

const badNames = [
  ...['../../evil', '/abs/path', 'a/b', '..', '.', '', '-x', '.hidden', '_x', 'a b', 'a\nb', 'a\0b', 'x'.repeat(129)],
  ...['x'.repeat(300), '%2e%2e', 'ünï', 'lost+found', 'a\\b', 'a:b', 'name\u202e', '.convoy', 'a\tb', ' a', 'a '],
]

daemonSuite('volumes at the socket', (t, { convoy, namespace }) => {
  const { plugin } = convoy
  const names = async (): Promise<string[]> => (await plugin.list()).map(({ Name }) => Name)

  t.test('List of no volumes is an empty list', async (t) => {
    t.same(await plugin.call('VolumeDriver.List', {}), { Volumes: [] })
  })

  t.test('the first request to a daemon on a fresh root is served, however early it comes', async (t) => {
    await convoy.stop()
    await rm(namespace.path('convoy'), { recursive: true })
    await convoy.launch()
    const first = await eventually('it answers', async () => plugin.create('early'))
    t.equal(first.Err ?? '', '')
    const known = await eventually('Get answers', async () => plugin.get('early'))
    t.equal(known.Volume?.Name, 'early')
  })

  t.test('Create of the same name and options again changes nothing, with other options it is refused', async (t) => {
    t.equal((await plugin.create('same', { size: '1g' })).Err ?? '', '')
    await writeFile(convoy.volumePath('same', 'f'), 'kept')
    t.equal((await plugin.create('same', { size: '1g' })).Err ?? '', '')
    t.not((await plugin.create('same', { size: '2g' })).Err ?? '', '')
    t.equal(await readFile(convoy.volumePath('same', 'f'), 'utf8'), 'kept')
  })

  t.test('bad names are refused by every call and touch nothing outside', async (t) => {
    const before = [await readdir(namespace.directory), await readdir(convoy.volumesDirectory)]
    for (const name of badNames) {
      t.not((await plugin.create(name)).Err ?? '', '', JSON.stringify(name))
      t.not((await plugin.mount(name, 'b'.repeat(64))).Err ?? '', '')
      t.match((await plugin.get(name)).Err, /no such volume/i)
      await plugin.unmount(name, 'b'.repeat(64))
      await plugin.remove(name)
    }
    t.same([await readdir(namespace.directory), await readdir(convoy.volumesDirectory)], before)
  })

  t.test('names that differ in case are two volumes', async (t) => {
    for (const name of ['Vol', 'vol']) await plugin.create(name)
    await writeFile(convoy.volumePath('Vol', 'f'), 'x')
    t.same(await readdir(convoy.volumePath('vol')), [])
    for (const name of ['Vol', 'vol']) t.equal((await plugin.get(name)).Volume?.Name, name)
  })

  t.test('Get of an unknown volume says that there is none', async (t) => {
    t.match((await plugin.get('nobody')).Err, /no such volume/i)
  })

  t.test('DK13 while the storage is away Get and List answer, and a Mount waits until it is back', async (t) => {
    await plugin.create('away')
    const listed = await names()
    await rename(convoy.volumesDirectory, `${convoy.volumesDirectory}-away`)
    const mounting = plugin.mount('away', 'c'.repeat(64))
    t.equal((await plugin.get('away')).Volume?.Name, 'away')
    t.same(await names(), listed)
    await sleep(1000)
    await rename(`${convoy.volumesDirectory}-away`, convoy.volumesDirectory)
    t.equal((await mounting).Mountpoint, convoy.volumePath('away'))
    await plugin.unmount('away', 'c'.repeat(64))
  })

  t.test('a volume whose directory is gone is still listed, and Mount never answers an empty path', async (t) => {
    await plugin.create('broken')
    await rm(convoy.volumePath('broken'), { recursive: true })
    t.equal((await plugin.get('broken')).Volume?.Name, 'broken')
    t.ok((await names()).includes('broken'))
    const answer = await plugin.mount('broken', 'd'.repeat(64))
    t.not(answer.Err ?? '', '')
    t.notOk(answer.Mountpoint)
    await plugin.remove('broken')
  })

  t.test('Remove of a volume that is gone is no crash', async (t) => {
    await plugin.create('once')
    t.equal((await plugin.remove('once')).Err ?? '', '')
    const again = (await plugin.remove('once')).Err ?? ''
    t.ok(again === '' || /no such volume/i.test(again), again)
    t.match((await plugin.get('once')).Err, /no such volume/i)
  })

  t.test('DK26 parallel creates of one name make one volume, of many names make many', async (t) => {
    const same = await Promise.all(Array.from({ length: 100 }, async () => plugin.create('one')))
    t.equal(same.filter(({ Err }) => (Err ?? '') === '').length, 100)
    await Promise.all(Array.from({ length: 50 }, async (_, index) => plugin.create(`many${index}`)))
    const listed = await names()
    t.equal(listed.filter((name) => name === 'one').length, 1)
    t.equal(listed.filter((name) => name.startsWith('many')).length, 50)
  })

  t.test('creating and removing 500 times leaks no file descriptor, mount or directory', async (t) => {
    const { pid } = convoy.process
    const round = async (): Promise<void> => {
      await plugin.create('churn')
      await plugin.mount('churn', 'e'.repeat(64))
      await plugin.unmount('churn', 'e'.repeat(64))
      await plugin.remove('churn')
    }
    await round()
    const seen = async (): Promise<number[]> => [
      (await readdir(convoy.volumesDirectory)).length,
      (await readFile(`/proc/${pid}/mountinfo`, 'utf8')).split('\n').length,
    ]
    const before = await seen()
    const descriptors = (await readdir(`/proc/${pid}/fd`)).length
    for (let count = 0; count < 500; count++) await round()
    t.same(await seen(), before)
    await eventually(
      'file descriptors are as before',
      async () => (await readdir(`/proc/${pid}/fd`)).length <= descriptors + 5,
    )
  })

  t.test('a SIGKILL of the daemon loses no volume that was answered', async (t) => {
    const created = Array.from({ length: 200 }, (_, index) => `durable${index}`)
    const answers = await Promise.all(
      created.map(async (name) => plugin.create(name).then(({ Err }) => ({ name, kept: (Err ?? '') === '' }))),
    )
    await convoy.kill()
    await convoy.start()
    const kept = answers.filter((answer) => answer.kept).map(({ name }) => name)
    // A volume that recovery has not come to yet may be missing from List, but Get never says that there is none.
    for (const name of kept) t.notOk((await plugin.get(name).catch(() => undefined))?.Err, name)
    await eventually('all are listed', async () => {
      const listed = new Set(await names())
      return kept.every((name) => listed.has(name))
    })
  })

  t.test('DK16 List of 10,000 volumes has them all', async (t) => {
    const before = (await names()).length
    const rest = Array.from({ length: 10_000 }, (_, index) => `big${index}`)
    const worker = async (): Promise<void> => {
      for (let name = rest.pop(); name !== undefined; name = rest.pop()) await plugin.create(name)
    }
    await Promise.all(Array.from({ length: 64 }, worker))
    t.equal((await names()).length, before + 10_000)
  })
})
