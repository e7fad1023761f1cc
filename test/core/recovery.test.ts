import t from 'tap'
import { ConvoyError } from '../../src/errors.js'
import { cutShort, cutShortAt } from './cut-short.js'
import { wrongAtRest } from '../fakes/invariants.js'
import { kinds, named, World } from '../fakes/world.js'

for (const kind of kinds) {
  t.test(
    `DK08 compat: after a crash nothing is "still mounted" for ever: after a reboot all mounts (${kind}) are void, and the next mount mounts`,
    async (t) => {
      const world = await World.start()
      const { id } = await world.create('db', kind)
      world.pieceAt(await world.startContainer('db', 'c1')).text = 'kept'
      await world.reboot()
      t.equal(world.count('db', 'c1'), 0)
      t.equal(world.state('db'), 'ready')
      t.same(wrongAtRest(world, [{ id, text: 'kept' }]), [], 'and no device stays attached to this host')
      world.pieceAt(await world.startContainer('db', 'c1'))
      t.equal(world.pieceAt(world.core.volumes.get(named('db')).mountpoint ?? '').text, 'kept')
      t.equal(world.count('db', 'c1'), 1)
    },
  )

  t.test(`DK08 a mount (${kind}) at once after a reboot does not wait for what the daemon puts right`, async (t) => {
    const world = await World.start()
    await world.create('db', kind)
    world.pieceAt(await world.startContainer('db', 'c1')).text = 'kept'
    world.kernel.reboot()
    world.begin()
    await world.core.recovery.voidAfterReboot()
    t.equal(world.count('db', 'c1'), 0)
    const path = await world.startContainer('db', 'c1')
    await world.recover()
    t.equal(world.pieceAt(path).text, 'kept')
    t.equal(world.count('db', 'c1'), 1)
    t.same(world.kernel.violations, [])
  })
}

t.test('a restart without a reboot voids nothing', async (t) => {
  const world = await World.start()
  await world.create('db', 'filesystem')
  await world.startContainer('db', 'c1')
  const mounts = world.kernel.hostMounts
  await world.restart()
  t.equal(world.count('db', 'c1'), 1)
  t.same(world.kernel.hostMounts, mounts)
})

for (const one of cutShort) {
  const { state, becomes } = one
  t.test(`DK09 DK10 a volume that a crash left ${state} becomes ${becomes}`, async (t) => {
    const world = await World.start()
    await cutShortAt(world, one)
    t.equal(world.state('db'), state)
    await world.recover()
    t.equal(world.state('db'), becomes)
    t.same(wrongAtRest(world, []), [])
    const { revision } = world.ledger
    await world.core.recovery.resumeAll(world.call())
    t.equal(world.ledger.revision, revision, 'once is enough')
  })

  t.test(`a volume left ${state} whose storage does not answer is carried on when it does`, async (t) => {
    const world = await World.start()
    await cutShortAt(world, one)
    world.storages.filesystem.outage = new ConvoyError('unavailable', 'no answer')
    await world.recover()
    t.equal(world.state('db'), state)
    t.notOk(becomes !== 'ready' && world.core.volumes.find(named('db')), 'what was removed does not come back')
    world.storages.filesystem.outage = undefined
    await world.reconcile()
    t.equal(world.state('db'), becomes)
    t.same(wrongAtRest(world, []), [])
  })
}

t.test('one volume that cannot be carried on does not keep the others', async (t) => {
  const world = await World.start()
  await world.create('db', 'filesystem')
  await world.create('other', 'directory')
  await world.settle()
  const removeBoth = () =>
    Promise.all(['db', 'other'].map((name) => world.core.removal.delete(named(name), world.call())))
  await world.attempt(removeBoth, { step: 'retire: mark', when: 'before', how: 'crash' })
  world.storages.filesystem.outage = new ConvoyError('unavailable', 'no answer')
  await world.restart()
  t.equal(world.state('db'), 'trashing')
  t.equal(world.state('other'), 'absent')
  t.ok(world.log.has('could not carry on'))
})

t.test('an intent that the kernel never agreed to is taken back', async (t) => {
  const world = await World.start()
  await world.create('db', 'directory')
  await world.startContainer('db', 'c1')
  await world.unmount('db', 'c1')
  const remove = () => world.core.removal.delete(named('db'), world.call())
  await world.attempt(remove, { step: 'remove-intent', when: 'after', how: 'crash' })
  await world.restart()
  t.equal(world.state('db'), 'ready')
  t.same(world.kernel.violations, [])
})

t.test(
  'DK22 a mount below our own directory that belongs to no volume is reported at start and left alone',
  async (t) => {
    const world = await World.start()
    await world.create('db', 'filesystem')
    await world.mount('db', 'c1')
    world.kernel.attachDevice('/dev/foreign')
    world.kernel.mount('/dev/foreign', '/mounts/lost', 'ext4')
    await world.restart()
    const reports = world.log.lines.filter(({ message }) => message.includes('belongs to no volume'))
    t.match(reports, [{ level: 'warn', fields: { mountpoint: '/mounts/lost', source: '/dev/foreign' } }])
    t.equal(reports.length, 1, 'that of db is known')
    t.ok(world.kernel.findMounted('/mounts/lost'))
  },
)
