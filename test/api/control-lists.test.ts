import t from 'tap'
import { foreign, plant } from '../core/foreign-volume.js'
import { ConvoyError } from '../../src/errors.js'
import { mountId, named } from '../fakes/world.js'
import { ServedWorld } from './served-world.js'

t.test('the daemon says that it lives, and whether everything can be asked for', async (t) => {
  const well = await ServedWorld.start(t)
  t.same(await well.control('GET', '/healthz'), { status: 200, body: { status: 'ok' } })
  t.same(await well.control('GET', '/readyz'), { status: 200, body: { ready: true } })
  const unstarted = await ServedWorld.start(t, { isUnstarted: true })
  t.equal((await unstarted.control('GET', '/healthz')).status, 200)
  t.match(await unstarted.control('GET', '/readyz'), {
    status: 503,
    body: { ready: false, reason: /still being read/ },
  })
  const damage = new ConvoyError('unavailable', 'the database is damaged', { hint: 'run: mv' })
  const ill = await ServedWorld.start(t, { damage })
  t.match(await ill.control('GET', '/readyz'), { status: 503, body: { reason: /damaged.*mv/ } })
})

t.test('volumes are summarised without asking a driver, live ones and forgotten ones apart', async (t) => {
  const served = await ServedWorld.start(t)
  const { world } = served
  await world.create('db', 'directory', { size: '1g' })
  await world.create('disk', 'filesystem')
  await world.mount('db', 'c1')
  await world.mount('db', 'c1')
  await world.create('old')
  await world.core.removal.forget(named('old'), world.call())
  const db = {
    name: 'db',
    driver: 'directory',
    state: 'attached',
    mounts: 2,
    sizeBytes: 2 ** 30,
    options: { size: '1g' },
  }
  t.match(await served.control('GET', '/v1/summaries'), {
    status: 200,
    body: [db, { name: 'disk', state: 'ready', mounts: 0 }],
  })
  t.match((await served.control('GET', '/v1/summaries?driver=filesystem')).body, [{ name: 'disk' }])
  t.match(await served.control('GET', '/v1/forgotten'), { status: 200, body: [{ name: 'old', state: 'forgotten' }] })
  t.equal((await served.control('GET', '/v1/summaries?drivers=x')).status, 400)
})

t.test('the trash is listed, newest first, and emptied whole or by name', async (t) => {
  const served = await ServedWorld.start(t)
  const { world } = served
  for (const name of ['one', 'two', 'three']) {
    await world.create(name)
    await world.core.removal.delete(named(name), world.call())
    world.clock.advance(1000)
  }
  t.match(await served.control('GET', '/v1/trash'), {
    status: 200,
    body: [{ name: 'three', state: 'trashed' }, { name: 'two' }, { name: 'one' }],
  })
  t.match(await served.control('DELETE', '/v1/trash/two'), { status: 200, body: [{ name: 'two' }] })
  t.match((await served.control('DELETE', '/v1/trash/four')).status, 404)
  await world.finishJobs()
  t.same(world.trashed('two'), [])
  t.equal(world.trashed('one').length, 1)
  t.match(await served.control('DELETE', '/v1/trash'), { status: 200, body: [{ name: 'three' }, { name: 'one' }] })
  await world.finishJobs()
  t.same(await served.control('GET', '/v1/trash'), { status: 200, body: [] })
  t.equal(world.storages.directory.pieces.size, 0)
  t.same(await served.control('DELETE', '/v1/trash'), { status: 200, body: [] }, 'nothing is left to empty')
})

t.test('who holds a volume: mount ids, containers and mounts that the kernel shows', async (t) => {
  const served = await ServedWorld.start(t)
  const { world } = served
  await world.create('db')
  await world.startContainer('db', 'c1')
  world.core.reconciliation.beginEpoch()
  await world.mount('db', 'c2')
  const { body } = await served.control('GET', '/v1/volumes/db/holders')
  t.match(body, {
    references: [
      { id: mountId('c1'), count: 1, isCurrent: false },
      { id: mountId('c2'), count: 1, isCurrent: true },
    ],
    mounts: [{ pid: 1000, command: 'process-1000', mountpoint: '/in-container/0', namespace: 'mnt:[c1]' }],
  })
  t.equal((await served.control('GET', '/v1/volumes/none/holders')).status, 404)
  t.match((await served.control('GET', '/v1/mounts')).body, [
    { volume: 'db', id: mountId('c1') },
    { volume: 'db', id: mountId('c2') },
  ])
})

t.test('the drivers are shown with the options that their volumes take', async (t) => {
  const served = await ServedWorld.start(t)
  t.match((await served.control('GET', '/v1/drivers')).body, [
    {
      name: 'directory',
      isDefault: true,
      attachMode: 'shared',
      description: { Host: 'this-host' },
      volumeOptions: [{ name: 'size', placeholder: 'SIZE' }, { name: 'id' }],
    },
    { name: 'filesystem', isDefault: false, attachMode: 'exclusive' },
  ])
})

t.test('rebuild says how storage and database differ, and makes them agree', async (t) => {
  const served = await ServedWorld.start(t)
  plant(served.world, foreign('new'))
  const differences = [{ kind: 'unknown', name: 'new', id: foreign('new').id, driver: 'directory' }]
  const report = { status: 200, body: { volumes: 1, differences, isNewDatabase: false } }
  t.strictSame(await served.control('POST', '/v1/rebuild', { dryRun: true }), report)
  t.strictSame(await served.control('POST', '/v1/rebuild', {}), report)
  t.match(await served.control('POST', '/v1/rebuild', {}), { body: { differences: [] } })
  t.match(await served.control('POST', '/v1/rebuild', { dryrun: true }), { status: 400 })
  t.match(await served.control('POST', '/v1/rebuild', { dryRun: 'maybe' }), { status: 400 })
})
