import t from 'tap'
import type { Driver } from '../../src/drivers/driver.js'
import { ConvoyError } from '../../src/errors.js'
import type { SizeLimit, VolumeHandle } from '../../src/model/volume.js'
import { named, World } from '../fakes/world.js'

const minuteMs = 60_000

/** Volumes that take what a test says; each measurement takes `tookMs`. */
class Measured {
  readonly sizes = new Map<string, number>()
  readonly asked: string[] = []
  tookMs = 0
  limit: SizeLimit = 'soft'
  /** Volumes on storages of their own, which do not answer. */
  readonly hanging = new Set<string>()
  world!: World

  static async start(...names: readonly string[]): Promise<Measured> {
    const measured = new Measured()
    measured.world = World.unstarted()
    measured.world.decorate = (driver) => measured.#decorate(driver)
    await measured.world.restart()
    for (const name of names)
      await measured.world.create(name, 'directory', name.startsWith('limited') ? { size: '1000' } : {})
    return measured
  }

  async run(): Promise<void> {
    const pass = this.world.core.measurements.run(this.world.call())
    if (this.hanging.size === 0) await pass
    await this.world.settle()
  }

  /** What was asked since the last call. */
  async askedIn(passes: number): Promise<readonly string[]> {
    this.asked.splice(0)
    for (let pass = 0; pass < passes; pass++) await this.run()
    return [...this.asked]
  }

  get told(): readonly string[] {
    return this.world.database.events.all.flatMap(({ type, volume, usedBytes, sizeBytes }) =>
      usedBytes === undefined ? [] : [type, volume, usedBytes, sizeBytes].join(' '),
    )
  }

  #decorate(driver: Driver): Driver {
    return Object.assign(driver, {
      limitOf: () => Promise.resolve(this.limit),
      storageOf: ({ name }: VolumeHandle) => (this.hanging.has(name) ? name : undefined),
      usage: ({ name }: VolumeHandle) => {
        this.asked.push(name)
        if (this.hanging.has(name)) return new Promise(() => undefined)
        this.world.clock.advance(this.tookMs)
        const size = this.sizes.get(name)
        return size === undefined
          ? Promise.reject(new ConvoyError('unavailable', 'it cannot be read'))
          : Promise.resolve(size)
      },
    })
  }
}

t.test('each volume is measured in its turn, those with a limit more often', async (t) => {
  const measured = await Measured.start('a', 'b', 'limited')
  for (const name of ['a', 'b', 'limited']) measured.sizes.set(name, 7)
  t.same(await measured.askedIn(3), ['a', 'b', 'limited'])
  measured.world.clock.advance(5 * minuteMs)
  t.same(await measured.askedIn(3), ['limited'])
  measured.world.clock.advance(55 * minuteMs)
  t.same(await measured.askedIn(1), ['a', 'b', 'limited'])
  const { usedBytes } = measured.world.core.measurements.of(measured.world.core.volumes.get(named('a'))) ?? {}
  t.equal(usedBytes, 7)
})

t.test('a storage is measured for a tenth of the time, and goes on where it was', async (t) => {
  const measured = await Measured.start('a', 'b', 'c')
  for (const name of ['a', 'b', 'c']) measured.sizes.set(name, 7)
  measured.tookMs = 2000
  t.same(await measured.askedIn(1), ['a', 'b'])
  measured.world.clock.advance(35_000)
  t.same(await measured.askedIn(1), [], 'it rests')
  measured.world.clock.advance(1000)
  t.same(await measured.askedIn(1), ['c'])
})

t.test('what cannot be measured keeps none from its turn, and is tried again when that comes', async (t) => {
  const measured = await Measured.start('a', 'b')
  measured.sizes.set('b', 7)
  t.same(await measured.askedIn(2), ['a', 'b'])
  measured.world.clock.advance(60 * minuteMs)
  t.same(await measured.askedIn(1), ['a', 'b'])
  t.equal(measured.world.core.measurements.of(measured.world.core.volumes.get(named('a'))), undefined)
})

t.test('a storage that hangs is asked once, and holds up no other', async (t) => {
  const measured = await Measured.start('a', 'dead')
  measured.sizes.set('a', 7)
  measured.hanging.add('dead')
  t.same(await measured.askedIn(1), ['a', 'dead'])
  measured.world.clock.advance(60 * minuteMs)
  t.same(await measured.askedIn(3), ['a'])
})

t.test('a storage that is away is not asked', async (t) => {
  const measured = await Measured.start('a')
  measured.world.core.availability.noteFailure('directory', new ConvoyError('unavailable', 'gone'))
  t.same(await measured.askedIn(1), [])
})

t.test('a volume that is over its limit is told once, also over a restart, and so is that it is within', async (t) => {
  const measured = await Measured.start('limited')
  const next = async (usedBytes: number) => {
    measured.sizes.set('limited', usedBytes)
    measured.world.clock.advance(60 * minuteMs)
    await measured.run()
    return measured.told
  }
  t.same(await next(1000), [])
  const over = 'volume.over-limit limited 1001 1000'
  t.same(await next(1001), [over])
  t.same(await next(5000), [over])
  await measured.world.restart()
  t.same(await next(5000), [over])
  t.same(await next(951), [over], 'a little less is no news')
  t.same(await next(950), [over, 'volume.within-limit limited 950 1000'])
  t.same(await next(950), [over, 'volume.within-limit limited 950 1000'])
})

t.test('what is no limit is never exceeded, and nothing is told of a volume that is gone', async (t) => {
  const measured = await Measured.start('limited', 'limited-image')
  measured.limit = 'none'
  measured.sizes.set('limited-image', 5000)
  await measured.run()
  t.same(measured.told, [])
  measured.limit = 'soft'
  measured.sizes.set('limited', 5000)
  measured.world.clock.advance(60 * minuteMs)
  await measured.run()
  t.match(measured.world.ledger.setting('alerts'), /over-limit.*over-limit/)
  for (const name of ['limited', 'limited-image'])
    await measured.world.core.removal.delete(named(name), measured.world.call())
  await measured.run()
  await measured.world.settle()
  t.equal(measured.world.ledger.setting('alerts'), '{}')
  t.equal(measured.told.length, 2)
})

t.test('inspect says what a volume took and when, and which kind of limit it has', async (t) => {
  const measured = await Measured.start('limited', 'free')
  const { core } = measured.world
  const inspect = (name: string) => core.volumes.inspect(core.volumes.get(named(name)), measured.world.call())
  t.match(await inspect('free'), { SizeLimit: 'none' })
  t.notMatch(await inspect('free'), { Used: /./ })
  measured.sizes.set('limited', 7)
  const { measuredAt } = await core.volumes.usage(
    measured.world.core.volumes.get(named('limited')),
    measured.world.call(),
  )
  t.match(await inspect('limited'), { SizeLimit: 'soft', Used: '7', UsedMeasuredAt: measuredAt })
})
