import { stat, writeFile } from 'node:fs/promises'
import { isAbsolute } from 'node:path'
import { daemonSuite, eventually } from './harness.js'

const [first, second] = ['1'.repeat(64), '2'.repeat(64)] as const

daemonSuite('mounts at the socket', (t, { convoy }) => {
  const { plugin } = convoy
  const made = async (name: string): Promise<string> => {
    await plugin.create(name)
    return name
  }
  const refusesRemoval = async (name: string): Promise<boolean> =>
    /in use|mounted|held/.test((await plugin.remove(name)).Err ?? '')

  t.test('Mount answers an absolute path of an existing directory', async (t) => {
    const { Mountpoint = '' } = await plugin.mount(await made('path'), first)
    t.ok(isAbsolute(Mountpoint))
    t.ok((await stat(Mountpoint)).isDirectory())
    t.equal((await plugin.call('VolumeDriver.Path', { Name: 'path' })).Mountpoint, Mountpoint)
    await plugin.unmount('path', first)
  })

  t.test('Mount of an unknown volume is refused', async (t) => {
    t.match((await plugin.mount('nobody', first)).Err, /no such volume|not found/i)
  })

  t.test('DK03 Unmount with no Mount succeeds and affects no other mount', async (t) => {
    await plugin.mount(await made('strangers'), first)
    t.equal((await plugin.unmount('strangers', second)).Err ?? '', '')
    t.equal((await plugin.unmount('nobody', first)).Err ?? '', '')
    t.equal(await convoy.mountCount('strangers'), 1)
    t.ok(await refusesRemoval('strangers'))
    await plugin.unmount('strangers', first)
  })

  t.test('DK04 a duplicate Mount of one ID answers the same path and needs two Unmounts', async (t) => {
    const one = await plugin.mount(await made('doubled'), first)
    const two = await plugin.mount('doubled', first)
    t.equal(two.Mountpoint, one.Mountpoint)
    await plugin.unmount('doubled', first)
    t.ok(await refusesRemoval('doubled'), 'one of two Unmounts leaves it mounted')
    await plugin.unmount('doubled', first)
    t.equal((await plugin.remove('doubled')).Err ?? '', '')
  })

  t.test('DK25 Remove of a mounted volume is refused and the data is intact', async (t) => {
    await plugin.mount(await made('guarded'), first)
    await writeFile(convoy.volumePath('guarded', 'f'), 'x')
    t.ok(await refusesRemoval('guarded'))
    t.ok((await stat(convoy.volumePath('guarded', 'f'))).isFile())
    t.equal((await plugin.get('guarded')).Volume?.Name, 'guarded')
    await plugin.unmount('guarded', first)
    t.equal((await plugin.remove('guarded')).Err ?? '', '')
  })

  t.test('20 concurrent Mounts of one volume get the same answer', async (t) => {
    await made('crowded')
    const ids = Array.from({ length: 20 }, (_, index) => String(index).padStart(64, '0'))
    const answers = await Promise.all(ids.map(async (id) => plugin.mount('crowded', id)))
    t.same(new Set(answers.map(({ Mountpoint }) => Mountpoint)), new Set([convoy.volumePath('crowded')]))
    t.equal(await convoy.mountCount('crowded'), 20)
    await Promise.all(ids.map(async (id) => plugin.unmount('crowded', id)))
    t.equal(await convoy.mountCount('crowded'), 0)
  })

  t.test('mounts survive a SIGTERM and a SIGKILL of the daemon', async (t) => {
    await plugin.mount(await made('lasting'), first)
    for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
      await convoy.process.end(signal)
      await convoy.start()
      t.equal(await convoy.mountCount('lasting'), 1, signal)
      t.ok(await refusesRemoval('lasting'), signal)
    }
    await plugin.unmount('lasting', first)
    t.equal(await convoy.mountCount('lasting'), 0)
  })

  t.test('DK07 after Activate a Mount of a stale ID replaces it: one Unmount frees the volume', async (t) => {
    await made('stale')
    for (let count = 0; count < 3; count++) await plugin.mount('stale', first)
    await plugin.call('Plugin.Activate')
    await plugin.mount('stale', first)
    await plugin.unmount('stale', first)
    t.equal((await plugin.remove('stale')).Err ?? '', '')
  })

  t.test('DK07 stale IDs that nobody holds are dropped after Activate', async (t) => {
    await plugin.mount(await made('dropped'), first)
    await plugin.call('Plugin.Activate')
    await eventually('the volume can be removed', async () => ((await plugin.remove('dropped')).Err ?? '') === '')
    t.pass('it was removed')
  })

  t.test('convoy mount and umount hold a volume like a container does', async (t) => {
    await made('by-hand')
    await convoy.cli('mount', 'by-hand')
    t.ok(await refusesRemoval('by-hand'))
    await convoy.cli('umount', 'by-hand')
    t.equal((await plugin.remove('by-hand')).Err ?? '', '')
  })
})
