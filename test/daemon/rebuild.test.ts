import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { eventually } from '../engine/polling.js'
import { DaemonProcess } from './daemon-process.js'

const loseDatabase = (daemon: DaemonProcess) => rmSync(daemon.root, { recursive: true })

t.test('DB16: a database that is lost is made again from what lies beside the volumes', async (t) => {
  const daemon = await new DaemonProcess(t).start()
  for (const name of ['live', 'forgotten', 'trashed']) {
    t.strictSame(await daemon.plugin.create(name, { size: '1g' }), {})
    writeFileSync(daemon.volume(name, 'file'), `data of ${name}`)
  }
  const before = (await daemon.plugin.get('live')).Volume
  await daemon.plugin.remove('forgotten')
  await daemon.control('DELETE', '/v1/volumes/trashed')
  await daemon.stop()
  loseDatabase(daemon)
  await daemon.start()

  t.strictSame((await daemon.plugin.get('live')).Volume, before, 'with its options and its age')
  t.match(await daemon.plugin.get('forgotten'), { Err: /no such volume/ }, 'what was forgotten stays forgotten')
  t.match(await daemon.plugin.get('trashed'), { Err: /no such volume/ })
  t.strictSame(await daemon.plugin.create('live', { size: '1g' }), {}, 'the same create is no conflict')
  t.strictSame(await daemon.plugin.create('forgotten', { size: '1g' }), {})
  t.match(await daemon.control('POST', '/v1/volumes/trashed/undelete', {}), { status: 200 })
  for (const name of ['live', 'forgotten', 'trashed']) {
    t.equal(readFileSync(daemon.volume(name, 'file'), 'utf8'), `data of ${name}`)
    t.match(await daemon.plugin.mount(name, 'a1'), { Mountpoint: daemon.volume(name) })
  }
})

t.test('DB16: a directory without a sidecar, and a sidecar of nonsense, are left alone', async (t) => {
  const daemon = await new DaemonProcess(t).start()
  await daemon.plugin.create('db')
  await daemon.stop()
  loseDatabase(daemon)
  const sidecars = daemon.volume('.convoy', 'volumes')
  for (const text of ['', '{', '[]', '{"version":1}', 'x'.repeat(2_000_000)]) {
    writeFileSync(join(sidecars, `bad${text.length}.json`), text)
  }
  writeFileSync(join(sidecars, 'copy.json'), readFileSync(join(sidecars, 'db.json')))
  await daemon.start()
  t.strictSame(
    (await daemon.plugin.list()).map(({ Name }) => Name),
    ['db'],
    'compat: one bad file does not empty the list',
  )
  t.ok(existsSync(join(sidecars, 'copy.json')))
})

t.test('70: a restart, planned or not, keeps who holds which volume', async (t) => {
  const daemon = await new DaemonProcess(t).start()
  await daemon.plugin.call('Plugin.Activate')
  await daemon.plugin.create('db')
  await daemon.plugin.mount('db', 'a1')
  await daemon.plugin.mount('db', 'a1')
  await daemon.plugin.mount('db', 'b2')
  for (const end of ['kill', 'stop', 'kill'] as const) {
    await daemon[end]()
    await daemon.start()
    t.match(await daemon.status('db'), { state: 'attached', mounts: 3 }, end)
  }
  t.match(await daemon.plugin.remove('db'), { Err: /is mounted/ })
  for (const id of ['a1', 'a1', 'b2']) t.strictSame(await daemon.plugin.unmount('db', id), {})
  t.match(await daemon.status('db'), { state: 'ready', mounts: 0 })
  t.strictSame(await daemon.plugin.remove('db'), {})
})

t.test('compat: kill -9 at any moment of many changes loses no volume that was acknowledged', async (t) => {
  const daemon = await new DaemonProcess(t).start()
  const acknowledged = new Set<string>()
  for (let life = 0; life < 3; life++) {
    const creating = Array.from({ length: 60 }, async (_, index) => {
      const name = `v${life}-${index}`
      const answer = await daemon.plugin.create(name).catch(() => ({ Err: 'killed' }))
      if (answer.Err === undefined) acknowledged.add(name)
    })
    await eventually('some were made', () => acknowledged.size > 20 * life + 10)
    await daemon.kill()
    await Promise.all(creating)
    await daemon.start()
    await eventually('all are there', async () => {
      const listed = new Set((await daemon.plugin.list()).map(({ Name }) => Name))
      return [...acknowledged].every((name) => listed.has(name))
    })
  }
  for (const name of acknowledged) t.ok(existsSync(daemon.volume(name)), name)
})

for (const point of ['before:store.start', 'after:store.start', 'before:store.discover', 'after:store.discover']) {
  t.test(
    `DB16: a daemon that is killed ${point.replace(':', ' ')} while it starts anew finds its volumes with the next`,
    async (t) => {
      const daemon = await new DaemonProcess(t).start()
      await daemon.plugin.create('db')
      await daemon.stop()
      loseDatabase(daemon)
      daemon.launch({ env: { CONVOY_FAILPOINT: point } })
      t.match(await daemon.ended, { signal: 'SIGKILL' })
      await daemon.start()
      t.match(await daemon.plugin.get('db'), { Volume: { Name: 'db' } })
      t.strictSame(await daemon.plugin.create('next'), {})
    },
  )
}
