import t from 'tap'
import { ConvoyError } from '../../src/errors.js'
import { moments } from '../fakes/fault-injector.js'
import { textOf } from '../fakes/invariants.js'
import { type Kind, kinds, named, World } from '../fakes/world.js'
import { foreign, plant } from './foreign-volume.js'

const rebuild = (world: World) => world.core.rebuild.run(world.call())
const plan = (world: World) => world.core.rebuild.plan(world.call())
const kindsOf = ({ differences }: Awaited<ReturnType<typeof plan>>) =>
  differences.map(({ kind, name }) => `${name} ${kind}`)
const names = (world: World) => world.core.volumes.list().map(({ name }) => name)
const damage = new ConvoyError('unavailable', 'the database is damaged', { hint: 'rebuild it' })

/** A daemon that starts on a damaged database: `db` is in the backup and mounted, `late` was made after it. */
async function degraded(kind: Kind): Promise<World> {
  const world = await World.start()
  await world.create('db', kind)
  await world.startContainer('db', 'c1')
  world.pieceAt(await world.mount('db', 'c1')).text = 'kept'
  await world.create('gone', kind)
  await world.ledger.backup(world.clock.now())
  await world.create('late', kind)
  await world.write('late', 'kept too')
  await world.core.removal.delete(named('gone'), world.call())
  await world.settle()
  world.database.damage = damage
  await world.restart()
  t.strictSame(names(world), ['db', 'gone'], 'what the backup says')
  return world
}

t.test('a ledger that agrees with the storage stays as it is', async (t) => {
  const world = await World.start()
  for (const kind of kinds) await world.create(kind, kind)
  await world.create('busy')
  const { revision } = world.ledger
  t.strictSame(await rebuild(world), { volumes: 3, differences: [], isNewDatabase: false })
  t.equal(world.ledger.revision, revision)
})

t.test(
  'DB16 whoever resumes at an id that only the damaged database knew hears of the gap, however much happens meanwhile',
  async (t) => {
    const world = await degraded('directory')
    const lost = world.database.events.newestId
    await rebuild(world)
    for (const name of ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h']) await world.create(name)
    await world.settle()
    const { events } = world.core
    const { gap, ...start } = await events.startAt({ id: lost })
    t.match(gap, { type: 'gap', since: String(lost) })
    const page = await events.readPage(start, { types: ['daemon.rebuild', 'volume.create'] })
    t.strictSame(
      page.events.map(({ volume }) => volume),
      [undefined, 'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'],
    )
  },
)

t.test('what the storage alone knows is learned, and what only the ledger knows is named and stays', async (t) => {
  const world = await World.start()
  const { id } = await world.create('db')
  await world.write('db', 'kept')
  await world.create('elsewhere')
  await world.create('lost')
  await world.create('trashed')
  await world.core.removal.delete(named('trashed'), world.call())
  for (const marker of [...world.storages.directory.markers.values()]) {
    if (marker.name === named('lost') || marker.name === named('trashed')) {
      world.storages.directory.markers.delete(marker.id)
    }
    if (marker.name === named('elsewhere')) {
      world.storages.directory.markers.set(marker.id, { ...marker, state: 'forgotten' })
    }
  }
  plant(world, foreign('new'))
  plant(world, foreign('old', { state: 'trashed' }))
  plant(world, foreign('other', { name: named('db') }))
  const differences = [
    'db conflicting',
    'elsewhere retired',
    'lost missing',
    'new unknown',
    'old unknown',
    'trashed missing',
  ]
  const { revision } = world.ledger
  t.strictSame(kindsOf(await plan(world)), differences)
  t.equal(world.ledger.revision, revision, 'asking changes nothing')
  t.strictSame(kindsOf(await rebuild(world)), differences)
  t.strictSame(names(world).sort(), ['db', 'lost', 'new'])
  t.equal(world.core.volumes.get(named('db')).id, id)
  t.equal(world.state('elsewhere'), 'forgotten')
  t.equal(world.trashed('old').length, 1)
  t.strictSame(kindsOf(await plan(world)), ['db conflicting', 'lost missing', 'trashed missing'])
})

t.test('a conflict ends when the volume that has the name gets another', async (t) => {
  const world = await World.start()
  await world.create('db')
  plant(world, foreign('other', { name: named('db') }))
  await world.core.alteration.rename(named('db'), named('mine'), world.call())
  t.strictSame(kindsOf(await rebuild(world)), ['db unknown'])
  t.equal(await world.read('db'), 'data of db')
})

t.test('a storage that does not answer is no storage without volumes', async (t) => {
  const world = await World.start()
  await world.create('db')
  world.storages.filesystem.outage = new ConvoyError('unavailable', 'no answer', { hint: 'plug it in' })
  for (const act of [plan, rebuild]) {
    await t.rejects(act(world), {
      code: 'unavailable',
      message: /filesystem cannot be read.*no answer/,
      hint: 'plug it in',
    })
  }
  t.strictSame(names(world), ['db'])
})

for (const kind of kinds) {
  t.test(`DB16 a degraded ledger (${kind}) is made anew of what the storage holds`, async (t) => {
    const world = await degraded(kind)
    const differences = ['gone retired', 'late unknown']
    t.match(await plan(world), { isNewDatabase: true, volumes: 3 })
    t.strictSame(kindsOf(await plan(world)), differences)
    await t.rejects(world.create('new', kind), { message: /damaged/ })
    t.strictSame(kindsOf(await rebuild(world)), differences)
    t.equal(world.core.volumes.degraded, undefined)
    t.equal(world.core.volumes.isComplete, true)
    await world.recover()
    t.strictSame(names(world), ['db', 'late'])
    t.equal(world.trashed('gone').length, 1)
    t.equal(await world.read('late'), 'kept too')
    t.equal(world.count('db', 'c1'), 2, 'who held it is remembered')
    await t.rejects(world.core.removal.delete(named('db'), world.call()), { code: 'in-use' })
    await world.stopContainer('db', 'c1')
    t.equal(world.state('db'), 'ready')
    await world.create('new', kind)
    await world.restart()
    t.strictSame(names(world).sort(), ['db', 'late', 'new'])
    t.equal(await world.read('db'), 'kept')
    t.same(world.kernel.violations, [])
  })

  t.test(
    `DB16 rebuilding (${kind}) that fails or is killed at any step loses nothing, and the next one succeeds`,
    async (t) => {
      for (const how of ['fail', 'crash'] as const) {
        for (const when of moments) {
          for (let step = 0; ; step++) {
            const world = await degraded(kind)
            const { id } = world.core.volumes.get(named('db'))
            const attempt = await world.attempt(() => rebuild(world), { step, when, how })
            const { struckAt } = world.faults
            if (attempt.isCrashed === true) await world.restart()
            if (world.core.volumes.degraded !== undefined) await rebuild(world)
            await world.recover()
            t.same(names(world).sort(), ['db', 'late'], `${how} ${when} ${struckAt ?? 'nothing'}`)
            t.equal(textOf(world, id), 'kept')
            t.equal(world.count('db', 'c1'), 2)
            if (struckAt === undefined) break
          }
        }
      }
    },
  )

  t.test(`DB16 a container (${kind}) that ended while nobody wrote it down holds nothing for long`, async (t) => {
    const world = await degraded(kind)
    world.kernel.exit('c1')
    await rebuild(world)
    await world.recover()
    t.equal(world.state('db'), 'ready')
    t.equal(world.count('db', 'c1'), 0)
  })
}

t.test('DB16 a copy from before a reboot says nothing of who holds what', async (t) => {
  const world = await degraded('directory')
  world.kernel.reboot()
  await world.restart()
  await rebuild(world)
  t.equal(world.count('db', 'c1'), 0)
  t.equal(world.state('db'), 'ready')
})

t.test('DB16 a volume that was brought back after the backup is not removed by a job of before', async (t) => {
  const world = await World.start()
  const { id } = await world.create('db')
  await world.write('db', 'kept')
  await world.core.removal.delete(named('db'), world.call())
  await world.core.trash.empty(world.core.trash.list(), world.call())
  await world.ledger.backup(world.clock.now())
  const [job] = world.core.jobs.list()
  t.equal(job?.state, 'running')
  await world.core.jobs.cancel(job?.id ?? '')
  await world.settle()
  await world.core.removal.undelete('db', undefined, world.call())
  world.database.damage = damage
  world.begin()
  t.equal(world.trashed('db').length, 1, 'the backup has it in the trash')
  await rebuild(world)
  await world.recover()
  await world.finishJobs()
  t.equal(textOf(world, id), 'kept')
  t.equal(await world.read('db'), 'kept')
  t.strictSame(world.core.trash.list(), [])
})

t.test('what is told once the ledger is mended', async (t) => {
  const world = await degraded('directory')
  const heard: string[] = []
  world.core.events.listen((events) => heard.push(...events.map(({ type, volume = '' }) => `${type} ${volume}`)))
  let isMended = false
  world.core.rebuild.onMended(() => (isMended = world.core.volumes.degraded === undefined))
  await rebuild(world)
  await world.settle()
  t.ok(isMended)
  t.strictSame(heard, ['daemon.rebuild ', 'volume.discover late'])
})
