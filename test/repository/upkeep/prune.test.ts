import t from 'tap'
import { markDamaged } from '../../../src/repository/damage-report.js'
import { assertTidy, pass, readEverything, TinyHost } from '../tiny-world.js'
import { contents, first, hourMs, names, once, second, setUp, third } from './tiny-prunes.js'

t.test('what backups need stays, and what none needs goes in one run when nobody is at work', async (t) => {
  const { bucket, host, remove, backUp, packs } = await setUp()
  await backUp(first, 'a', 'b', 'c', 'd')
  await backUp(second, 'c', 'd', 'e', 'f')
  t.equal(await remove(first), true)
  t.equal(await remove(first), false, 'a backup that has gone already is no error')
  const before = packs().length
  const report = await host.prune()
  t.equal(report.backups, 1)
  t.ok(report.removed.packs > 0 && report.removed.bytes > 0)
  t.equal(packs().length, before - report.removed.packs)
  t.strictSame(await readEverything(bucket), [
    { volume: 'db1', name: second, storedAtMs: bucket.clock.now().getTime() },
  ])
  await assertTidy(bucket)
  const again = await host.prune()
  t.equal(again.removed.packs, 0)
})

t.test('a prune of a repository without backups leaves no pack', async (t) => {
  const { bucket, host, remove, backUp, packs } = await setUp()
  await backUp(first, 'a', 'b', 'c')
  await remove(first)
  await host.prune()
  t.strictSame(packs(), [])
  t.strictSame(bucket.keys('index/'), [])
})

t.test('a report says what a prune does, and writes nothing', async (t) => {
  const { bucket, host, remove, backUp } = await setUp()
  await backUp(first, 'a', 'b', 'c', 'd', 'e')
  await backUp(second, 'b', 'f')
  await backUp(third, 'f', 'g')
  await remove(third)
  const before = new Map(bucket.objects)
  const report = await host.prune({ action: 'report', without: [{ volume: 'db1', name: first }] })
  t.strictSame(bucket.objects, before)
  await remove(first)
  t.strictSame(await host.prune(), report)
  t.ok(report.sparse.packs > 0, 'of some pack a part is needed')
})

t.test('packs of which little is needed are copied, the emptiest first, and not more than wanted', async (t) => {
  const { bucket, host, remove, backUp } = await setUp()
  await backUp(first, 'a', 'b', 'c', 'd')
  await backUp(second, 'a', 'c')
  await remove(first)
  const none = await host.prune({ maximumRepackBytes: 0 })
  t.equal(none.sparse.packs, 0)
  await readEverything(bucket)
  const all = await host.prune()
  t.equal(all.sparse.packs, 2)
  t.ok(all.sparse.liveBytes < all.sparse.bytes)
  await readEverything(bucket)
  await assertTidy(bucket)
})

t.test('what a writer at work may refer to is condemned, and waits for it', async (t) => {
  const { bucket, host, another, remove, backUp, packs } = await setUp()
  await backUp(first, 'a', 'b', 'c', 'd')
  await remove(first)
  await pass(bucket, hourMs)
  const before = packs()
  // It has loaded the index, and takes all of these chunks for stored.
  const writer = await another(
    once('put meta/', async () => {
      const report = await host.prune()
      t.equal(report.removed.packs, 0)
      t.equal(report.waiting.packs, before.length)
      t.strictSame(report.writers, [{ host: 'host', pid: 1, operation: 'backup of db1' }])
      t.strictSame(packs(), before)
      const again = await host.prune()
      t.equal(again.waiting.packs, before.length, 'another prune waits, too')
      t.equal(again.unused.packs, 0, 'and condemns nothing twice')
    }),
  )
  await writer.backUp({ volume: 'db1', name: second, contents: contents('a', 'b', 'z') })
  await readEverything(bucket)
  const report = await host.prune()
  t.equal(report.rescued.packs, 1)
  t.ok(report.removed.packs > 0)
  await readEverything(bucket)
  await host.prune()
  await assertTidy(bucket)
})

t.test('a writer that has been at work for hours is waited for', async (t) => {
  const { bucket, host, another, remove, backUp, packs } = await setUp()
  await backUp(first, 'a', 'b')
  await remove(first)
  const before = packs()
  const writer = await another(
    once('put meta/', async () => {
      await pass(bucket, 3 * hourMs, [writer])
      t.equal((await host.prune()).removed.packs, 0)
      t.strictSame(packs(), before)
    }),
  )
  await writer.backUp({ volume: 'db1', name: second, contents: contents('a', 'b', 'z') })
  await readEverything(bucket)
})

t.test('a backup whose lease has gone is not committed', async (t) => {
  const { bucket, another } = await setUp()
  const writer = await another(
    once('put index/', async () => {
      for (const key of bucket.keys('leases/')) bucket.objects.delete(key)
    }),
  )
  await t.rejects(writer.backUp({ volume: 'db1', name: first, contents: contents('a') }), { code: 'unavailable' })
  t.strictSame(bucket.keys('backups/'), [])
})

t.test('a writer that begins later does not refer to what is condemned, and nothing waits for it', async (t) => {
  const { bucket, host, another, remove, backUp } = await setUp()
  await backUp(first, 'a', 'b')
  await remove(first)
  await pass(bucket, hourMs)
  const early = await another(
    once('put meta/', async () => {
      await host.prune()
    }),
  )
  await early.backUp({ volume: 'db1', name: second, contents: contents('x', 'y') })
  const late = await another(
    once('put backups/', async () => {
      const report = await host.prune()
      t.ok(report.removed.packs > 0, 'the writer that it waited for has gone')
      t.equal(report.rescued.packs, 0)
      t.equal(report.writers.length, 1)
    }),
  )
  await late.backUp({ volume: 'db1', name: third, contents: contents('a', 'b') })
  await readEverything(bucket)
  await host.prune()
  await assertTidy(bucket)
})

t.test('a host that slept through the end of its lease cannot commit', async (t) => {
  const { bucket, host, another, remove, backUp, packs } = await setUp()
  await backUp(first, 'a', 'b')
  await remove(first)
  const writer = await another(
    once('put backups/', async () => {
      await pass(bucket, hourMs)
      await host.prune()
      t.strictSame(packs(), [])
    }),
  )
  const late = writer.backUp({ volume: 'db1', name: second, contents: contents('a', 'b') })
  await t.rejects(late, { code: 'unavailable', message: `the lease of ${second} was ended while this host was asleep` })
  t.strictSame(await readEverything(bucket), [])
  t.strictSame(bucket.keys('backups/'), [`backups/db1/${second}`])
  await backUp(third, 'c')
  await pass(bucket, 31 * 24 * hourMs)
  await host.prune()
  t.strictSame(bucket.keys('backups/'), [`backups/db1/${third}`], 'what kept it from committing is not kept for ever')
  t.equal((await readEverything(bucket)).length, 1)
})

t.test('where creators are not told apart, a host that slept takes its backup back', async (t) => {
  const { bucket, host, remove, backUp } = await setUp()
  await backUp(first, 'a', 'b')
  await remove(first)
  const writer = await TinyHost.start(
    bucket,
    once('put backups/', async () => {
      await pass(bucket, hourMs)
      await host.prune()
      bucket.objects.delete(`backups/db1/${second}`)
    }),
    'racy',
  )
  await t.rejects(writer.backUp({ volume: 'db1', name: second, contents: contents('a') }), { code: 'unavailable' })
  t.strictSame(bucket.keys('backups/'), [])
})

t.test('a backup that was committed just before its lease was ended is kept', async (t) => {
  const { bucket, host, another, remove, backUp } = await setUp()
  await backUp(first, 'a', 'b')
  await remove(first)
  const writer = await another(
    once('remove leases/', async () => {
      await pass(bucket, hourMs)
      await host.prune()
    }),
  )
  await writer.backUp({ volume: 'db1', name: second, contents: contents('a', 'b') })
  t.equal((await readEverything(bucket)).length, 1)
})

t.test('a prune that lost its lease removes nothing more', async (t) => {
  const { bucket, another, remove, backUp, packs } = await setUp()
  await backUp(first, 'a', 'b')
  await remove(first)
  const before = packs()
  const pruner = await another(once('put condemned/', () => pass(bucket, hourMs)))
  await t.rejects(pruner.prune(), { code: 'unavailable' })
  t.strictSame(packs(), before)
  await (await another()).prune()
  await assertTidy(bucket)
})

t.test('a prune that lost its lease while it copied condemns nothing', async (t) => {
  const { bucket, another, remove, backUp } = await setUp()
  await backUp(first, 'a', 'b', 'c', 'd')
  await backUp(second, 'a', 'c')
  await remove(first)
  const pruner = await another(once('put data/', () => pass(bucket, hourMs)))
  await t.rejects(pruner.prune(), { code: 'unavailable' })
  t.strictSame(bucket.keys('condemned/'), [])
  await readEverything(bucket)
})

t.test('packs that an interrupted backup left behind go', async (t) => {
  const { bucket, host, another } = await setUp()
  const writer = await another()
  writer.store.injector.arm({ step: 'put index/', when: 'before', how: 'crash' })
  void writer.backUp({ volume: 'db1', name: first, contents: contents('a', 'b', 'c') })
  await writer.store.injector.death
  const waiting = await host.prune()
  t.equal(waiting.removed.packs, 0)
  t.equal(waiting.unused.packs, 0, 'they may be of a writer at work')
  await pass(bucket, hourMs)
  const report = await host.prune()
  t.equal(report.removed.packs, 4)
  await assertTidy(bucket)
})

t.test('packs whose index was lost are listed anew', async (t) => {
  const { bucket, host, backUp } = await setUp()
  await backUp(first, 'a', 'b', 'c')
  for (const key of bucket.keys('index/')) bucket.objects.delete(key)
  const report = await host.prune()
  t.equal(report.removed.packs, 0)
  await readEverything(bucket)
  await assertTidy(bucket)
})

t.test('as long as something cannot be read, nothing is removed', async (t) => {
  for (const prefix of ['backups/', 'index/', 'meta/', 'condemned/']) {
    const { bucket, host, another, remove, backUp, packs } = await setUp()
    await backUp(first, 'a', 'b')
    await backUp(second, 'c', 'd')
    await remove(first)
    await pass(bucket, hourMs)
    const writer = await another(once('put data/', () => host.prune()))
    await writer.backUp({ volume: 'db1', name: third, contents: contents('e') })
    await remove(second)
    const before = packs()
    for (const key of bucket.keys(prefix)) bucket.damage(key, (bytes) => bytes.fill(1, bytes.length >> 1))
    await t.rejects(host.prune(), { code: 'damaged' }, prefix)
    t.strictSame(packs(), before, prefix)
    t.strictSame(bucket.keys('leases/'), [], prefix)
  }
})

t.test('a damaged pack is not copied, but marked, and kept while something of it is needed', async (t) => {
  const { bucket, host, remove, backUp, packs } = await setUp()
  await backUp(first, 'a', 'b')
  await backUp(second, 'a')
  await remove(first)
  const [pack = ''] = bucket.keys('data/')
  bucket.damage(pack, (bytes) => bytes.fill(1, 56, 70))
  await host.prune()
  t.ok(packs().includes(pack))
  t.strictSame(bucket.keys('damaged/'), [`damaged/${pack.slice(-64)}`])
  t.equal((await host.prune()).sparse.packs, 0)
  // A new backup of the same data heals the old one, and then the pack can go.
  await backUp(third, 'a')
  await readEverything(bucket)
  await host.prune()
  t.notOk(packs().includes(pack))
  t.strictSame(bucket.keys('damaged/'), [])
  await readEverything(bucket)
})

t.test('the mark of a pack that went without it goes with the next prune, and no other', async (t) => {
  const { bucket, host, backUp } = await setUp()
  await backUp(first, 'a', 'b')
  const [pack = ''] = bucket.keys('data/')
  const mark = (pack: string) =>
    markDamaged(host.repository, { pack, kind: 'data', foundAtMs: 0, chunks: 'all' }, host.call)
  await mark('0'.repeat(64))
  await mark(pack.slice(-64))
  await host.prune()
  t.strictSame(bucket.keys('damaged/'), [`damaged/${pack.slice(-64)}`])
})

t.test('many small index segments become one', async (t) => {
  const { bucket, host, backUp } = await setUp()
  for (const [at, name] of names(9).entries()) await backUp(name, `${at}`, `x${at}`)
  await host.prune()
  t.equal(bucket.keys('index/').length, 1)
  t.equal((await readEverything(bucket)).length, 9)
  await assertTidy(bucket)
})
