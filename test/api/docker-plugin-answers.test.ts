import fc from 'fast-check'
import t from 'tap'
import { ConvoyError } from '../../src/errors.js'
import type { Volume } from '../../src/model/volume.js'
import { named } from '../fakes/world.js'
import { ServedWorld } from './served-world.js'

t.test('DK01: Activate answers what we implement, and begins a new engine life each time', async (t) => {
  const { plugin, world } = await ServedWorld.start(t)
  const before = world.ledger.epoch
  t.strictSame(await plugin.call('Plugin.Activate'), { Implements: ['VolumeDriver'] })
  t.strictSame(await plugin.call('Plugin.Activate'), { Implements: ['VolumeDriver'] })
  t.equal(world.ledger.epoch, before + 2)
})

t.test('the capabilities never change', async (t) => {
  const { plugin } = await ServedWorld.start(t)
  const capabilities = { Capabilities: { Scope: 'local' } }
  t.strictSame(await plugin.call('VolumeDriver.Capabilities', {}), capabilities)
  await plugin.create('db')
  t.strictSame(await plugin.call('VolumeDriver.Capabilities', {}), capabilities)
})

t.test('Get shows a volume in the case and the formats that Docker reads', async (t) => {
  const { plugin } = await ServedWorld.start(t)
  t.strictSame(await plugin.create('Db-1_x.y', { size: '1g' }), {})
  const answer = await plugin.get('Db-1_x.y')
  t.strictSame(answer, {
    Volume: {
      Name: 'Db-1_x.y',
      Mountpoint: '',
      CreatedAt: '2026-01-01T00:00:00.000Z',
      Status: { driver: 'directory', state: 'ready', mounts: 0, sizeBytes: 2 ** 30 },
    },
  })
  await plugin.mount('Db-1_x.y', 'a1')
  await plugin.mount('Db-1_x.y', 'a1')
  await plugin.mount('Db-1_x.y', 'b2')
  const { Volume } = await plugin.get('Db-1_x.y')
  t.match(Volume, { Mountpoint: '/directories/Db-1_x.y', Status: { state: 'attached', mounts: 3 } })
  t.match(Volume?.CreatedAt, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z$/)
})

t.test('DK14: Get of a volume that is not there says so in Docker’s words', async (t) => {
  const { plugin } = await ServedWorld.start(t)
  t.strictSame(await plugin.get('db'), { Err: 'no such volume: db' })
  for (const body of [
    '{"Name":""}',
    '{}',
    '{"Name":7}',
    '{"Name":null}',
    '{"Name":["db"]}',
    '[]',
    '7',
    '"db"',
    'x',
    '{"Name"',
  ]) {
    const { status, text } = await plugin.send('VolumeDriver.Get', body)
    t.equal(status, 200)
    t.match(JSON.parse(text), { Err: /no such volume/ }, body)
  }
})

t.test('Path answers what is known and errs for what is not', async (t) => {
  const { plugin } = await ServedWorld.start(t)
  await plugin.create('db')
  t.strictSame(await plugin.call('VolumeDriver.Path', { Name: 'db' }), { Mountpoint: '' })
  await plugin.mount('db', 'a1')
  t.strictSame(await plugin.call('VolumeDriver.Path', { Name: 'db' }), { Mountpoint: '/directories/db' })
  t.match(await plugin.call('VolumeDriver.Path', { Name: 'other' }), { Err: /no such volume/ })
})

t.test('List of no volumes is an empty list', async (t) => {
  const { plugin } = await ServedWorld.start(t)
  t.strictSame(await plugin.call('VolumeDriver.List', {}), { Volumes: [] })
})

t.test('List and Get show the same after any changes', async (t) => {
  const served = await ServedWorld.start(t, { policy: { onDockerRemove: 'trash' } })
  const { plugin, world } = served
  const names = fc.constantFrom('a', 'b', 'c', 'vol1', 'vol10')
  const acts = fc.constantFrom('create', 'mount', 'unmount', 'remove', 'undelete', 'forget')
  const property = fc.asyncProperty(fc.array(fc.tuple(acts, names), { maxLength: 12 }), async (sequence) => {
    for (const [act, name] of sequence) {
      if (act === 'create') await plugin.create(name)
      if (act === 'mount') await plugin.mount(name, 'a1')
      if (act === 'unmount') await plugin.unmount(name, 'a1')
      if (act === 'remove') await plugin.remove(name)
      if (act === 'undelete') await served.control('POST', `/v1/volumes/${name}/undelete`, {})
      if (act === 'forget') await served.control('DELETE', `/v1/volumes/${name}?reference=true`)
      const listed = await plugin.list()
      const shown = world.core.volumes.list()
      if (listed.length !== shown.length) throw new Error(`List is stale after ${act} ${name}`)
      for (const volume of listed) {
        const { Status: _, ...rest } = (await plugin.get(volume.Name)).Volume ?? { Name: '' }
        if (JSON.stringify(rest) !== JSON.stringify(volume))
          throw new Error(`${volume.Name} differs after ${act} ${name}`)
      }
    }
  })
  await fc.assert(property, { numRuns: 60 })
})

t.test('DK16: List of 2,000 volumes shows all of them', async (t) => {
  const { plugin, world } = await ServedWorld.start(t)
  await Promise.all(Array.from({ length: 2000 }, (_, index) => world.create(`v${index}`)))
  const listed = await plugin.list()
  t.equal(listed.length, 2000)
  t.equal(new Set(listed.map(({ Name }) => Name)).size, 2000)
})

t.test(
  'DK13: while the ledger is rebuilt a known volume is answered, and an unknown one once it is known',
  async (t) => {
    const { world, plugin } = await ServedWorld.start(t, { isUnstarted: true })
    await world.ledger.commit('discover', { put: 'volume', row: row('db') })
    t.match(await plugin.get('db'), { Volume: { Name: 'db' } })
    t.equal((await plugin.list()).length, 1)
    let answered = 0
    const asking = [plugin.get('other'), plugin.mount('other', 'a1'), plugin.create('new')]
    for (const one of asking) void one.then(() => answered++)
    await plugin.get('db')
    t.equal(answered, 0)
    await world.recover()
    t.match(await Promise.all(asking), [{ Err: 'no such volume: other' }, { Err: 'no such volume: other' }, {}])
  },
)

t.test('DB16: as long as a storage does not answer at start, Get denies no volume', async (t) => {
  const served = await ServedWorld.start(t, { isUnstarted: true })
  const { world, plugin } = served
  world.storages.directory.outage = new ConvoyError('unavailable', 'the storage does not answer')
  await world.recover()
  const connection = await served.connect()
  t.equal(await connection.request('VolumeDriver.Get', '{"Name":"db"}\n'), 'closed', 'after some seconds')
  t.match(await plugin.create('db'), { Err: /does not know yet/ })
  world.storages.directory.outage = undefined
  await world.reconcile()
  t.match(await plugin.get('db'), { Err: 'no such volume: db' })
})

t.test('Status says what a driver wants people to know of a volume', async (t) => {
  const remarks = () => ({ CopyUp: 'mount it with nocopy' })
  const { plugin } = await ServedWorld.start(t, { decorate: (driver) => Object.assign(driver, { remarks }) })
  await plugin.create('db')
  t.match((await plugin.get('db')).Volume?.Status, { state: 'ready', CopyUp: 'mount it with nocopy' })
})

t.test('Status says why nothing can be changed', async (t) => {
  const { world, plugin } = await ServedWorld.start(t)
  await plugin.create('db')
  Object.defineProperty(world.core.volumes, 'degraded', {
    value: new ConvoyError('unavailable', 'the database is damaged', { hint: 'run: mv' }),
  })
  t.match((await plugin.get('db')).Volume?.Status, { degraded: 'the database is damaged (run: mv)' })
})

t.test('compat: one odd volume does not empty the list', async (t) => {
  const { plugin, world } = await ServedWorld.start(t)
  await plugin.create('good')
  await world.ledger.commit('discover', { put: 'volume', row: row('odd', { driver: 'gone', attributes: {} }) })
  t.strictSame(
    (await plugin.list()).map(({ Name }) => Name),
    ['good', 'odd'],
  )
  t.match(await plugin.get('odd'), { Volume: { Name: 'odd' } })
})

function row(name: string, more: Partial<Volume> = {}): Volume {
  return {
    name: named(name),
    id: `id-of-${name}`,
    attributes: { place: name },
    driver: 'directory',
    state: 'ready',
    createdAt: '2026-01-01T00:00:00.000Z',
    options: {},
    origin: 'created',
    ...more,
  }
}
