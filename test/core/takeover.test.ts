import t from 'tap'
import { moments } from '../fakes/fault-injector.js'
import { named, World } from '../fakes/world.js'

const take = (world: World, isForced: boolean, name = 'db') =>
  world.core.takeover.run(named(name), { isForced }, world.call())

/** A volume with data that another host has. */
async function held() {
  const world = await World.start()
  const { id } = await world.create('db', 'filesystem')
  await world.write('db', 'precious')
  const piece = world.storages.filesystem.piece(`disk-${id}`)
  piece.attachedTo = 'other-host'
  const told = () => world.database.events.all.filter(({ type }) => type === 'volume.take-over')
  return { world, piece, told }
}

t.test(
  'EB18 without --force a takeover says who has the volume and what would be lost, and changes nothing',
  async (t) => {
    const { world, piece, told } = await held()
    await t.rejects(take(world, false), {
      code: 'in-use',
      message: 'volume "db" is attached to other-host, which is running',
      hint: /convoy takeover --force\. What it has not synced to the disk is lost/,
    })
    t.equal(piece.attachedTo, 'other-host')
    t.same(told(), [])
  },
)

t.test('EB18 with --force the volume is free, its data is there, and the takeover is logged and told', async (t) => {
  const { world, piece, told } = await held()
  t.match(await take(world, true), { name: 'db', state: 'ready' })
  await world.settle()
  t.equal(piece.attachedTo, undefined)
  t.match(told(), [{ volume: 'db', from: 'other-host' }])
  t.match(world.log.lines, [{ fields: { volume: 'db' }, message: /because an operator said so/ }].slice(1))
  t.equal(await world.read('db'), 'precious')
})

t.test('a volume that nobody else has is not taken, with --force or without', async (t) => {
  const { world, piece, told } = await held()
  for (const attachedTo of [undefined, 'this-host']) {
    piece.attachedTo = attachedTo
    await take(world, false)
    await take(world, true)
    t.equal(piece.attachedTo, attachedTo)
  }
  t.same(told(), [])
})

t.test('a takeover of what all hosts share, of what is forgotten or is not there is refused', async (t) => {
  const { world, piece } = await held()
  await world.create('shared', 'directory')
  await t.rejects(take(world, true, 'shared'), { code: 'unsupported', message: /which all hosts use at once/ })
  await t.rejects(take(world, true, 'none'), { code: 'not-found' })
  await world.core.removal.forget(named('db'), world.call())
  await t.rejects(take(world, true), { code: 'not-found' })
  t.equal(piece.attachedTo, 'other-host')
})

for (const how of ['fail', 'crash'] as const) {
  t.test(`a takeover that ends at any step (${how}) can be made again, and no data is lost`, async (t) => {
    let struck = 0
    for (const when of moments) {
      for (let step = 0; ; step++) {
        const { world, piece } = await held()
        const attempt = await world.attempt(() => take(world, true), { step, when, how })
        if (world.faults.struckAt === undefined) break
        struck++
        if (attempt.isCrashed === true) await world.restart()
        await take(world, true)
        t.equal(piece.attachedTo, undefined)
        t.equal(await world.read('db'), 'precious')
        t.same(world.kernel.violations, [])
      }
    }
    t.ok(struck >= 4, `${struck} faults`)
  })
}
