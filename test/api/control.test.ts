import t from 'tap'
import { ConvoyError } from '../../src/errors.js'
import { mountId, named } from '../fakes/world.js'
import { ServedWorld } from './served-world.js'

/** The methods as functions, for tests that need no more. */
function served(one: ServedWorld) {
  const { world, plugin } = one
  return { world, plugin, control: (method: string, path: string, body?: unknown) => one.control(method, path, body) }
}

t.test('info says what the daemon is and which drivers it runs', async (t) => {
  const { control } = served(await ServedWorld.start(t))
  t.strictSame(await control('GET', '/v1/info'), {
    status: 200,
    body: {
      General: { Root: '/root', Version: '1.2.3' },
      directory: { Host: 'this-host' },
      filesystem: { Host: 'this-host' },
    },
  })
})

t.test('info of a daemon that cannot change anything says why', async (t) => {
  const damage = new ConvoyError('unavailable', 'the database is damaged', { hint: 'run: mv' })
  const { control } = served(await ServedWorld.start(t, { damage }))
  t.match(await control('GET', '/v1/info'), { body: { General: { Degraded: 'the database is damaged (run: mv)' } } })
})

t.test('a volume is created, shown and listed as Convoy 0.5 showed it', async (t) => {
  const { control } = served(await ServedWorld.start(t))
  const volume = {
    Name: 'db',
    Driver: 'directory',
    MountPoint: '',
    CreatedTime: 'Thu Jan 01 00:00:00 +0000 2026',
    DriverInfo: {
      Driver: 'directory',
      MountPoint: '',
      Size: '1073741824',
      VolumeCreatedAt: 'Thu Jan 01 00:00:00 +0000 2026',
      SizeLimit: 'soft',
      VolumeName: 'db',
      Place: 'db',
    },
    Snapshots: {},
    State: 'ready',
    Origin: 'created',
    Options: { size: '1g' },
    Mounts: [],
  }
  t.strictSame(await control('POST', '/v1/volumes', { name: 'db', options: { size: '1g' } }), {
    status: 201,
    body: volume,
  })
  t.strictSame(await control('GET', '/v1/volumes/db'), { status: 200, body: volume })
  t.strictSame(await control('GET', '/v1/volumes'), { status: 200, body: { db: volume } })
})

t.test('a volume without a name gets one, and its driver can be chosen', async (t) => {
  const { control } = served(await ServedWorld.start(t))
  const { status, body } = await control('POST', '/v1/volumes', { driver: 'filesystem' })
  t.equal(status, 201)
  t.match(body, { Name: /^volume-[0-9a-f]{16}$/, Driver: 'filesystem' })
  await control('POST', '/v1/volumes', { name: 'other' })
  t.strictSame(Object.keys((await control('GET', '/v1/volumes?driver=directory')).body), ['other'])
  t.strictSame((await control('GET', '/v1/volumes?driver=none')).body, {})
})

t.test('creating it again is the same volume, with other options it is a conflict', async (t) => {
  const { control } = served(await ServedWorld.start(t))
  await control('POST', '/v1/volumes', { name: 'db' })
  t.match(await control('POST', '/v1/volumes', { name: 'db' }), { status: 201, body: { Name: 'db' } })
  t.match(await control('POST', '/v1/volumes', { name: 'db', options: { size: '1g' } }), {
    status: 409,
    body: { error: { code: 'already-exists' } },
  })
})

t.test('delete moves to the trash, and undelete brings it back under either name', async (t) => {
  const { world, control } = served(await ServedWorld.start(t))
  await world.create('db')
  await world.write('db', 'hello')
  t.strictSame(await control('DELETE', '/v1/volumes/db'), { status: 200, body: {} })
  t.match(await control('GET', '/v1/volumes/db'), { status: 404, body: { error: { code: 'not-found' } } })
  t.equal(world.trashed('db').length, 1)
  t.match(await control('POST', '/v1/volumes/db/undelete', { as: 'old-db' }), { status: 200, body: { Name: 'old-db' } })
  t.equal(await world.read('old-db'), 'hello')
  await control('DELETE', '/v1/volumes/old-db')
  t.match(await control('POST', '/v1/volumes/old-db/undelete', {}), { status: 200, body: { Name: 'old-db' } })
  t.match(await control('POST', '/v1/volumes/nobody/undelete', {}), { status: 404 })
})

t.test('delete by reference keeps the data where it is', async (t) => {
  const { world, control } = served(await ServedWorld.start(t))
  await world.create('db')
  await world.write('db', 'hello')
  t.strictSame(await control('DELETE', '/v1/volumes/db?reference=true'), { status: 200, body: {} })
  t.equal(world.state('db'), 'forgotten')
  t.match(await control('POST', '/v1/volumes', { name: 'db' }), { status: 201 })
  t.equal(await world.read('db'), 'hello')
})

t.test('the command line mounts a volume once, however often it is asked', async (t) => {
  const { world, control } = served(await ServedWorld.start(t))
  await world.create('db')
  for (let count = 0; count < 2; count++) {
    t.strictSame(await control('POST', '/v1/volumes/db/mount', {}), {
      status: 200,
      body: { MountPoint: '/directories/db' },
    })
  }
  t.match((await control('GET', '/v1/volumes/db')).body, { Mounts: [{ ID: 'convoy-mount', Count: 1 }] })
  t.match(await control('DELETE', '/v1/volumes/db'), { status: 409, body: { error: { code: 'in-use' } } })
  t.strictSame(await control('POST', '/v1/volumes/db/unmount'), { status: 200, body: {} })
  t.strictSame((await control('GET', '/v1/volumes/db')).body['Mounts'], [])
  t.match(await control('POST', '/v1/volumes/db/mount', { mountpoint: '/mnt' }), {
    status: 422,
    body: { error: { code: 'unsupported', hint: /mount --bind/ } },
  })
})

t.test('EB36 a command line that asks again gets the disk back that was lost, and holds the volume once', async (t) => {
  const { world, control } = served(await ServedWorld.start(t))
  await world.create('db', 'filesystem')
  const mount = () => control('POST', '/v1/volumes/db/mount', {})
  await mount()
  const [device = ''] = world.kernel.devices
  world.kernel.loseDevice(device)
  t.match(await mount(), { status: 200, body: { MountPoint: '/mounts/db/_data' } })
  t.ok(world.kernel.isDiskThere(world.kernel.findMounted('/mounts/db')?.device ?? '259:0'))
  t.match((await control('GET', '/v1/volumes/db')).body, { Mounts: [{ Count: 1 }] })
  await control('POST', '/v1/volumes/db/unmount')
  t.equal(world.state('db'), 'ready')
  t.same(world.kernel.violations, [])
})

t.test('the command line and Docker hold a volume independently', async (t) => {
  const { world, control, plugin } = served(await ServedWorld.start(t))
  await world.create('db')
  await plugin.mount('db', 'a1')
  await control('POST', '/v1/volumes/db/mount', {})
  await control('POST', '/v1/volumes/db/unmount')
  t.equal(world.count('db', 'a1'), 1)
  t.equal(world.ledger.mountsOf(named('db')).has(mountId('convoy-mount')), false)
})

t.test('jobs are listed, shown with their progress, and cancelled', async (t) => {
  const { world, control } = served(await ServedWorld.start(t, { policy: { trashRetentionMs: 0 } }))
  await world.create('db')
  await control('DELETE', '/v1/volumes/db')
  await world.settle()
  const [id = ''] = world.jobs.running
  world.jobs.progress.set(id, { done: 7, unit: 'entries' })
  t.match(await control('GET', '/v1/jobs'), { status: 200, body: [{ id, state: 'running', progress: { done: 7 } }] })
  t.match(await control('GET', `/v1/jobs/${id}`), { status: 200, body: { id, request: { kind: 'remove' } } })
  t.match(await control('POST', `/v1/jobs/${id}/cancel`), { status: 200, body: { id } })
  t.match(await control('GET', '/v1/jobs/unknown'), { status: 404, body: { error: { code: 'not-found' } } })
  t.match(await control('POST', '/v1/jobs/unknown/cancel'), { status: 404 })
})

t.test('reconciliation can be asked for', async (t) => {
  const { world, control } = served(await ServedWorld.start(t))
  await world.create('db')
  await world.mount('db', 'a1')
  world.clock.advance(10 * 60_000)
  t.strictSame(await control('POST', '/v1/reconcile'), { status: 200, body: {} })
  t.equal(world.count('db', 'a1'), 0, 'nobody holds it')
})

t.test('names of any length that is allowed can be asked for', async (t) => {
  const { control } = served(await ServedWorld.start(t))
  const name = 'n'.repeat(128)
  t.match(await control('POST', '/v1/volumes', { name }), { status: 201 })
  t.match(await control('GET', `/v1/volumes/${name}`), { status: 200, body: { Name: name } })
  t.match(await control('DELETE', `/v1/volumes/${name}`), { status: 200 })
  t.match(await control('POST', `/v1/volumes/${name}/undelete`, {}), { status: 200, body: { Name: name } })
})

t.test('compat: a volume whose driver does not run, or does not answer, does not empty the list', async (t) => {
  const { world, control } = served(await ServedWorld.start(t))
  await world.create('good')
  const good = world.ledger.volumes.get(named('good'))
  if (good === undefined) throw new Error('it was just made')
  const row = { ...good, name: named('odd'), id: 'odd', driver: 'gone' }
  await world.ledger.commit('discover', { put: 'volume', row })
  const { status, body } = await control('GET', '/v1/volumes')
  t.equal(status, 200)
  t.strictSame(Object.keys(body), ['good', 'odd'])
  t.match(await control('GET', '/v1/volumes/odd'), { status: 200, body: { Name: 'odd', Driver: 'gone' } })
})

t.test('EB18 a takeover needs force in so many words', async (t) => {
  const served = await ServedWorld.start(t)
  const { world } = served
  const control = served.control.bind(served)
  const { id } = await world.create('db', 'filesystem')
  const piece = world.storages.filesystem.piece(`disk-${id}`)
  piece.attachedTo = 'other-host'
  for (const body of [{}, { force: false }]) {
    const { status, body: answer } = await control('POST', '/v1/volumes/db/takeover', body)
    t.match({ status, answer }, { status: 409, answer: { error: { code: 'in-use', message: /other-host/ } } })
  }
  for (const body of [{ force: 'true' }, { force: 1 }, { isForced: true }]) {
    t.match(await control('POST', '/v1/volumes/db/takeover', body), { status: 400 })
  }
  t.equal(piece.attachedTo, 'other-host')
  t.match(await control('POST', '/v1/volumes/db/takeover', { force: true }), { status: 200, body: { Name: 'db' } })
  t.equal(piece.attachedTo, undefined)
})
