import t from 'tap'
import { markDamaged } from '../../../src/repository/damage-report.js'
import { deleteBackup } from '../../../src/repository/upkeep/delete-backup.js'
import { findPackOfKey } from '../../../src/repository/format/pack-kind.js'
import { repair, type RepairRequest } from '../../../src/repository/upkeep/repair.js'
import { moments } from '../../fakes/fault-injector.js'
import { MemoryBucket } from '../../fakes/memory-object-store.js'
import { isConvoyError } from '../../../src/errors.js'
import { assertTidy, pass, readEverything, TinyHost } from '../tiny-world.js'

const [first, second, third] = ['1', '2', '3'].map((digit) => `backup-${digit.repeat(16)}`) as [string, string, string]
const contents = (...words: readonly string[]) => words.map((word) => word.repeat(40))
const nothing = { segments: [], unlisted: [], unreadable: [], missing: [], salvages: [], condemned: [], records: [] }

async function setUp() {
  const bucket = new MemoryBucket()
  const host = await TinyHost.start(bucket)
  const backUp = (name: string, ...words: readonly string[]) =>
    host.backUp({ volume: 'db1', name, contents: contents(...words) })
  const mend = (request: Partial<RepairRequest> = {}) =>
    repair(host.repository, { action: 'mend', setAside: false, ...request }, host.deps, host.call)
  const mark = async (key: string) => {
    const pack = findPackOfKey(key)!
    const report = { pack: pack.id.toString('hex'), kind: pack.kind, foundAtMs: 0, chunks: 'all' } as const
    await markDamaged(host.repository, report, host.call)
  }
  return { bucket, host, backUp, mend, mark }
}

const spoil = (bytes: Buffer) => bytes.fill(1, bytes.length - 40)

t.test('of a healthy repository there is nothing to mend', async (t) => {
  const { bucket, backUp, mend } = await setUp()
  await backUp(first, 'a', 'b', 'c')
  const before = new Map(bucket.objects)
  t.strictSame(await mend({ action: 'report' }), nothing)
  t.strictSame(await mend(), nothing)
  t.strictSame(bucket.objects, before)
})

t.test('an index that was damaged or lost is made anew of the packs', async (t) => {
  for (const harm of ['damage', 'lose'] as const) {
    const { bucket, backUp, mend } = await setUp()
    await backUp(first, 'a', 'b', 'c')
    await backUp(second, 'c', 'd')
    const keys = bucket.keys('index/')
    for (const key of keys)
      if (harm === 'damage') bucket.damage(key, spoil)
      else bucket.objects.delete(key)
    const before = new Map(bucket.objects)
    const plan = await mend({ action: 'report' })
    t.strictSame(bucket.objects, before, 'a report changes nothing')
    t.strictSame(
      plan.segments.map(({ key }) => key),
      harm === 'damage' ? keys : [],
    )
    t.equal(plan.unlisted.length, bucket.keys('data/').length + bucket.keys('meta/').length)
    t.strictSame(await mend(), plan)
    t.equal((await readEverything(bucket)).length, 2)
    await assertTidy(bucket)
    t.strictSame(await mend(), nothing)
  }
})

t.test('what can be read of a damaged pack is copied, and a new backup of the same data heals the rest', async (t) => {
  const { bucket, host, backUp, mend, mark } = await setUp()
  await backUp(first, 'a', 'b')
  const [pack = ''] = bucket.keys('data/')
  bucket.damage(pack, (bytes) => bytes.fill(1, 56, 60))
  await mark(pack)
  t.strictSame(await mend(), { ...nothing, salvages: [{ pack, saved: 1, lost: 1 }] })
  t.strictSame(await mend({ action: 'report' }), { ...nothing, salvages: [{ pack, saved: 0, lost: 1 }] })
  await t.rejects(readEverything(bucket))
  await host.prune()
  t.ok(bucket.objects.has(pack), 'the lost chunk is nowhere else')
  await backUp(second, 'a', 'b')
  t.equal((await readEverything(bucket)).length, 2)
  await host.prune()
  t.notOk(bucket.objects.has(pack))
  t.equal((await readEverything(bucket)).length, 2)
  await assertTidy(bucket)
})

t.test('a pack that was cut off is salvaged as far as it goes', async (t) => {
  const { bucket, backUp, mend } = await setUp()
  await backUp(first, 'a', 'b')
  const [pack = ''] = bucket.keys('data/')
  bucket.damage(pack, (bytes) => bytes.subarray(0, 90))
  t.match(await mend(), { salvages: [{ pack, saved: 1, lost: 1 }] })
})

t.test('a pack that has gone is not listed any more, and comes back with a new backup', async (t) => {
  const { bucket, host, backUp, mend } = await setUp()
  await backUp(first, 'a', 'b', 'c')
  const [pack = ''] = bucket.keys('data/')
  bucket.objects.delete(pack)
  t.strictSame(await mend(), { ...nothing, missing: [pack] })
  t.strictSame(await mend(), nothing)
  t.ok((await host.prune()).missingChunks > 0)
  await backUp(second, 'a', 'b', 'c')
  t.equal((await readEverything(bucket)).length, 2)
})

t.test('a pack that is in no index and does not open is marked, and goes with the next prune', async (t) => {
  const { bucket, host, backUp, mend } = await setUp()
  await backUp(first, 'a')
  const [key = ''] = bucket.keys('data/')
  const stray = `data/00/${'00'.repeat(32)}`
  bucket.objects.set(stray, { bytes: spoil(bucket.bytes(key)), storedAtMs: 0 })
  await host.prune()
  t.ok(bucket.objects.has(stray))
  t.match(await mend(), { unreadable: [{ key: stray }] })
  t.strictSame(await mend(), nothing)
  t.equal((await host.prune()).removed.packs, 1)
  t.notOk(bucket.objects.has(stray))
  await assertTidy(bucket)
})

t.test('a list of condemned packs that does not open is removed, and nothing with it', async (t) => {
  const { bucket, host, backUp, mend } = await setUp()
  await backUp(first, 'a', 'b')
  await host.repository.putSealed('condemned/0000', Buffer.from('{"data":["x"],"meta":[]}'), {}, host.call)
  await t.rejects(backUp(second, 'a'), { code: 'damaged' }, 'a writer does not know what it may refer to')
  t.strictSame(await mend(), { ...nothing, condemned: ['condemned/0000'] })
  await backUp(third, 'a')
  t.equal((await readEverything(bucket)).length, 2)
})

t.test('records that do not open are set aside when that is wanted', async (t) => {
  const { bucket, host, backUp, mend } = await setUp()
  await backUp(first, 'a', 'b')
  await backUp(second, 'c')
  const key = `backups/db1/${first}`
  bucket.damage(key, spoil)
  const bytes = bucket.bytes(key)
  t.match(await mend(), { records: [{ volume: 'db1', name: first }] })
  await t.rejects(host.prune(), { code: 'damaged' })
  await mend({ setAside: true })
  t.strictSame(bucket.keys('backups/'), [`backups/db1/${second}`])
  t.strictSame(bucket.bytes(`unreadable/db1/${first}`), bytes)
  await host.prune()
  t.equal((await readEverything(bucket)).length, 1)
})

t.test('a repair does not run beside a prune', async (t) => {
  const { bucket, backUp, mend } = await setUp()
  await backUp(first, 'a')
  let done = false
  const pruner = await TinyHost.start(bucket, async (step) => {
    if (done || !step.startsWith('list condemned/')) return
    done = true
    bucket.clock.advance(1)
    await t.rejects(mend(), { code: 'in-use' })
  })
  await pruner.prune()
  t.ok(done)
})

t.test('a repair that breaks off at any step leaves what there was, and the next one finishes', async (t) => {
  const { bucket: prepared, host, backUp, mark } = await setUp()
  await backUp(first, 'a', 'b', 'c', 'd')
  await backUp(second, 'e', 'f')
  await backUp(third, 'g')
  await deleteBackup(host.repository, { volume: 'db1', name: third }, host.call)
  const [segment = ''] = prepared.keys('index/')
  prepared.damage(segment, spoil)
  const listed = (await mendIn(prepared, 'report')).unlisted
  await mark(prepared.keys('data/').find((key) => !listed.includes(key)) ?? '')
  const rehearsal = await TinyHost.start(prepared.clone())
  rehearsal.store.injector.arm()
  await repair(rehearsal.repository, { action: 'mend', setAside: false }, rehearsal.deps, rehearsal.call)
  for (const [step, name] of rehearsal.store.injector.steps.entries())
    for (const when of moments) {
      const bucket = prepared.clone()
      const host = await TinyHost.start(bucket)
      host.store.injector.arm({ step, when, how: 'crash' })
      const ended = repair(host.repository, { action: 'mend', setAside: false }, host.deps, host.call).catch(
        (thrown: unknown) => {
          if (!isConvoyError(thrown, 'unavailable')) throw thrown
        },
      )
      await Promise.race([ended, host.store.injector.death])
      await pass(bucket, 60 * 60_000)
      await mendIn(bucket, 'mend')
      if ((await readEverything(bucket)).length !== 2) t.fail(`${when} ${name}`)
      await (await TinyHost.start(bucket)).prune()
      await assertTidy(bucket)
    }
})

async function mendIn(bucket: MemoryBucket, action: RepairRequest['action']) {
  const { repository, deps, call } = await TinyHost.start(bucket)
  return repair(repository, { action, setAside: false }, deps, call)
}
