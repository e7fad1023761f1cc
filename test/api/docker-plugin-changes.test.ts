import t from 'tap'
import { eventually } from '../engine/polling.js'
import { named } from '../fakes/world.js'
import type { Driver } from '../../src/drivers/driver.js'
import { Gate, ServedWorld } from './served-world.js'

t.test('Create is idempotent, and refuses other options of the same name', async (t) => {
  const { plugin, world } = await ServedWorld.start(t)
  t.strictSame(await plugin.create('db', { size: '1g' }), {})
  await world.write('db', 'hello')
  t.strictSame(await plugin.create('db', { size: '1g' }), {})
  t.equal(await world.read('db'), 'hello')
  t.match(await plugin.create('db', { size: '2g' }), { Err: /exists with size=1g/ })
  t.strictSame(await plugin.create('Db'), {}, 'another case is another volume')
  t.equal((await plugin.list()).length, 2)
})

t.test('50 creates of one name at once make one volume, of 50 names 50', async (t) => {
  const { plugin, world } = await ServedWorld.start(t)
  const same = await Promise.all(Array.from({ length: 50 }, () => plugin.create('db')))
  const distinct = await Promise.all(Array.from({ length: 50 }, (_, index) => plugin.create(`v${index}`)))
  t.ok([...same, ...distinct].every(({ Err }) => Err === undefined))
  t.equal(world.storages.directory.pieces.size, 51)
})

t.test('a create that is refused leaves nothing, and Get says so', async (t) => {
  const { plugin, world } = await ServedWorld.start(t)
  const wrong = { sizes: '1g', size: '1.5g', onRemove: 'maybe', driver: 'zfs' }
  for (const [option, value] of Object.entries(wrong)) {
    t.match(await plugin.create('db', { [option]: value }), { Err: new RegExp(option === 'driver' ? 'zfs' : option) })
    t.match(await plugin.get('db'), { Err: /no such volume/ })
  }
  t.equal(world.storages.directory.pieces.size, 0)
})

t.test('Remove forgets by default, and a create of the name takes the data back', async (t) => {
  const { plugin, world } = await ServedWorld.start(t)
  await plugin.create('db')
  await world.write('db', 'hello')
  t.strictSame(await plugin.remove('db'), {})
  t.match(await plugin.get('db'), { Err: 'no such volume: db' })
  t.strictSame(await plugin.list(), [])
  t.match(await plugin.remove('db'), { Err: /no such volume/ })
  t.strictSame(await plugin.create('db'), {})
  t.equal(await world.read('db'), 'hello')
})

t.test('compat: a volume in use is not removed, whoever asks', async (t) => {
  const { plugin, world } = await ServedWorld.start(t, { policy: { onDockerRemove: 'delete' } })
  await plugin.create('db')
  await world.write('db', 'hello')
  await plugin.mount('db', 'a1')
  await plugin.mount('db', 'b2')
  await plugin.unmount('db', 'a1')
  t.match(await plugin.remove('db'), { Err: /is mounted/ })
  await plugin.unmount('db', 'b2')
  t.equal(await world.read('db'), 'hello')
})

t.test('Mount answers an absolute path, and the same one to everybody', async (t) => {
  const { plugin, world } = await ServedWorld.start(t)
  await plugin.create('db')
  const answers = await Promise.all(Array.from({ length: 20 }, (_, index) => plugin.mount('db', `id${index}`)))
  t.strictSame(new Set(answers.map(({ Mountpoint }) => Mountpoint)), new Set(['/directories/db']))
  t.equal(world.ledger.mountsOf(named('db')).size, 20)
})

t.test('the same id counts each time: docker cp does not take the volume from its container', async (t) => {
  const { plugin, world } = await ServedWorld.start(t)
  await plugin.create('db')
  await plugin.mount('db', 'a1')
  await plugin.mount('db', 'a1')
  t.strictSame(await plugin.unmount('db', 'a1'), {})
  t.equal(world.count('db', 'a1'), 1)
  t.equal(world.state('db'), 'attached')
  await plugin.unmount('db', 'a1')
  t.equal(world.state('db'), 'ready')
})

t.test('Unmount of what is not mounted succeeds and changes nothing else', async (t) => {
  const { plugin, world } = await ServedWorld.start(t)
  await plugin.create('db')
  await plugin.mount('db', 'a1')
  t.strictSame(await plugin.unmount('nobody', 'a1'), {})
  t.strictSame(await plugin.unmount('db', 'b2'), {})
  t.equal(world.count('db', 'a1'), 1)
})

t.test('Mount of a volume that is not there is an error', async (t) => {
  const { plugin } = await ServedWorld.start(t)
  t.match(await plugin.mount('db', 'a1'), { Err: /no such volume/ })
  await plugin.create('db')
  for (const id of ['', 'a b', 'x'.repeat(257), 'ä']) t.match(await plugin.mount('db', id), { Err: /no usable ID/ })
  t.match(await plugin.call('VolumeDriver.Mount', { Name: 'db' }), { Err: /no usable ID/ })
  t.match(await plugin.call('VolumeDriver.Mount', { Name: 'db', ID: 7 }), { Err: /no usable ID/ })
})

t.test('Mount makes a missing volume where the daemon was told to', async (t) => {
  const { plugin, world } = await ServedWorld.start(t, { api: { createOnDockerMount: true } })
  t.strictSame(await plugin.mount('db', 'a1'), { Mountpoint: '/directories/db' })
  t.strictSame(await plugin.mount('db', 'b2'), { Mountpoint: '/directories/db' })
  t.equal(world.storages.directory.pieces.size, 1)
  t.match(await plugin.mount('../evil', 'a1'), { Err: /not a volume name/ })
})

const answering = (path: string) => (driver: Driver) =>
  new Proxy(driver, {
    get: (target, property) => {
      const value: unknown = Reflect.get(target, property, target)
      if (property === 'attach') return async () => ({ kind: 'directory', path })
      return typeof value === 'function' ? (value.bind(target) as unknown) : value
    },
  })

t.test('Mount never answers an empty or relative path: Docker would give the host’s own directory', async (t) => {
  for (const path of ['', 'relative', './x', '../x']) {
    const { plugin } = await ServedWorld.start(t, { decorate: answering(path) })
    await plugin.create('db')
    const answer = await plugin.mount('db', 'a1')
    t.match(answer, { Err: /has no mountpoint/ }, JSON.stringify(path))
    t.notOk(Object.hasOwn(answer, 'Mountpoint'))
  }
})

t.test('DK15: a Mount whose client hangs up is rolled back', async (t) => {
  const gate = new Gate('attach')
  const served = await ServedWorld.start(t, { decorate: gate.decorate })
  const { world, plugin } = served
  await plugin.create('db')
  const connection = await served.connect()
  void connection.request('VolumeDriver.Mount', '{"Name":"db","ID":"a1"}\n')
  await gate.reached
  connection.close()
  await eventually('the daemon has seen it', async () => (await served.countConnections()) === 0)
  gate.open()
  await eventually('the volume is free', () => !world.locks.isBusy(named('db')))
  t.equal(world.count('db', 'a1'), 0)
  t.equal(world.state('db'), 'ready')
  t.match(await plugin.mount('db', 'b2'), { Mountpoint: '/directories/db' })
})

t.test('DK15: a Mount that becomes durable while its client hangs up is given back', async (t) => {
  const served = await ServedWorld.start(t)
  const { world, plugin } = served
  await plugin.create('db')
  await plugin.mount('db', 'a1')
  const { ledger } = world
  const commit = ledger.commit.bind(ledger)
  const connection = await served.connect()
  ledger.commit = async (step, ...writes) => {
    await commit(step, ...writes)
    if (step !== 'mount') return
    connection.close()
    await eventually('the daemon has seen it', async () => (await served.countConnections()) === 0)
  }
  await connection.request('VolumeDriver.Mount', '{"Name":"db","ID":"a1"}\n')
  await eventually('the count is given back', () => world.log.has('undid what nobody waited for'))
  t.equal(world.count('db', 'a1'), 1, 'and the one from before is kept')
})

t.test('DK15: a Mount that is too slow is an error, and what comes of it later is given back', async (t) => {
  for (const kind of ['directory', 'filesystem']) {
    const gate = new Gate('attach')
    const { world, plugin, timers } = await ServedWorld.start(t, { decorate: gate.decorate })
    await plugin.create('db', { driver: kind })
    const answer = plugin.mount('db', 'a1')
    await gate.reached
    timers.fire(100_000)
    timers.fire(1000)
    t.match(await answer, { Err: /no result within 100 s/ }, kind)
    gate.open()
    await eventually('the volume is free', () => !world.locks.isBusy(named('db')))
    t.equal(world.count('db', 'a1'), 0)
    t.equal(world.state('db'), 'ready')
    t.equal(world.kernel.resolve('/mounts/db').device, undefined, 'nothing is mounted')
  }
})

t.test('DK15: every change has a deadline that is shorter than Docker’s', async (t) => {
  const gates = { create: 'create', mount: 'attach', remove: 'retire' } as const
  for (const [call, method] of Object.entries(gates)) {
    const gate = new Gate(method)
    const { plugin, timers } = await ServedWorld.start(t, { decorate: gate.decorate })
    if (call !== 'create') await plugin.create('db')
    const answer =
      call === 'create' ? plugin.create('db') : call === 'mount' ? plugin.mount('db', 'a1') : plugin.remove('db')
    await gate.reached
    const limitMs = call === 'remove' ? 45_000 : 100_000
    timers.fire(limitMs)
    timers.fire(1000)
    t.match(await answer, { Err: `no result within ${limitMs / 1000} s` }, call)
    gate.open()
  }
})

t.test('a mount may be given less time', async (t) => {
  const gate = new Gate('attach')
  const { plugin, timers } = await ServedWorld.start(t, { decorate: gate.decorate, api: { mountDeadlineMs: 25_000 } })
  await plugin.create('db')
  const answer = plugin.mount('db', 'a1')
  await gate.reached
  timers.fire(25_000)
  timers.fire(1000)
  t.match(await answer, { Err: 'no result within 25 s' })
  gate.open()
})

t.test('62: a create that is too slow is afterwards either absent or complete', async (t) => {
  const gate = new Gate('create')
  const { plugin, timers } = await ServedWorld.start(t, { decorate: gate.decorate })
  const answer = plugin.create('db')
  await gate.reached
  timers.fire(100_000)
  timers.fire(1000)
  t.match(await answer, { Err: /no result/ })
  t.strictSame(await plugin.list(), [], 'a half-made volume is not shown')
  const got = plugin.get('db')
  gate.open()
  t.match(await got, { Volume: { Name: 'db' } }, 'Get waits for what is being made')
  t.strictSame(await plugin.create('db'), {})
  t.match(await plugin.mount('db', 'a1'), { Mountpoint: '/directories/db' })
})

t.test('26: Get and List do not wait for a slow mount or removal of the same volume', async (t) => {
  const acts = { attach: 'Mount', retire: 'Remove' } as const
  for (const method of ['attach', 'retire'] as const) {
    const gate = new Gate(method)
    const { plugin } = await ServedWorld.start(t, { decorate: gate.decorate })
    await plugin.create('db')
    const acting = plugin.call(`VolumeDriver.${acts[method]}`, { Name: 'db', ID: 'a1' })
    await gate.reached
    const isShown = method === 'attach'
    t.match(await plugin.get('db'), isShown ? { Volume: { Name: 'db' } } : { Err: 'no such volume: db' }, method)
    t.equal((await plugin.list()).length, isShown ? 1 : 0)
    gate.open()
    t.notOk((await acting).Err)
  }
})

t.test('26: Get and List of all other volumes do not wait for anything', async (t) => {
  const gate = new Gate('create')
  const served = await ServedWorld.start(t, { decorate: gate.decorate })
  const { plugin, world } = served
  const creating = plugin.create('slow')
  await gate.reached
  t.match(await plugin.get('other'), { Err: 'no such volume: other' })
  t.strictSame(await plugin.list(), [])
  t.equal(world.locks.isBusy(named('slow')), true)
  gate.open()
  t.strictSame(await creating, {})
  t.match(await plugin.get('slow'), { Volume: { Name: 'slow' } })
})
