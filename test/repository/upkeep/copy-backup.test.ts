import t from 'tap'
import { isConvoyError } from '../../../src/errors.js'
import { newCondemnedKey, putCondemnedList } from '../../../src/repository/condemned.js'
import { copyBackup } from '../../../src/repository/upkeep/copy-backup.js'
import { deleteBackup } from '../../../src/repository/upkeep/delete-backup.js'
import { findPackOfKey } from '../../../src/repository/format/pack-kind.js'
import { moments } from '../../fakes/fault-injector.js'
import { MemoryBucket } from '../../fakes/memory-object-store.js'
import { assertTidy, pass, readEverything, TinyHost } from '../tiny-world.js'

const [first, second] = ['1', '2'].map((digit) => `backup-${digit.repeat(16)}`) as [string, string]
const contents = (...words: readonly string[]) => words.map((word) => word.repeat(40))
const nameOf = (name: string) => ({ volume: 'db1', name })

async function setUp() {
  const from = await TinyHost.start(new MemoryBucket())
  const bucket = new MemoryBucket()
  const to = await TinyHost.start(bucket)
  await from.backUp({ ...nameOf(first), contents: contents('a', 'b', 'c', 'd'), tags: ['x'] })
  await from.backUp({ ...nameOf(second), contents: contents('a', 'c', 'e') })
  const copy = (name: string, host = to) =>
    copyBackup({ from: from.repository, to: host.repository, backup: nameOf(name) }, host.deps, host.call)
  return { from, to, bucket, copy }
}

t.test('a copy is the same backup below another key', async (t) => {
  const { from, to, bucket, copy } = await setUp()
  const summary = await copy(first)
  t.match(summary, { chunks: 6, wasThere: false })
  t.ok(summary.storedBytes > 0)
  t.strictSame(
    (await readEverything(bucket)).map(({ name }) => name),
    [first],
  )
  t.strictSame(
    await to.repository.readRecord('db1', first, to.call),
    await from.repository.readRecord('db1', first, from.call),
  )
  t.notSame(to.repository.config.repositoryId, from.repository.config.repositoryId)
  await assertTidy(bucket)
})

t.test('what the other repository has already is not sent again', async (t) => {
  const { bucket, copy } = await setUp()
  await copy(first)
  // Its manifest is other, and one of its three chunks.
  t.match(await copy(second), { chunks: 3 })
  t.equal((await readEverything(bucket)).length, 2)
  const before = new Map(bucket.objects)
  t.strictSame(await copy(second), { chunks: 0, storedBytes: 0, wasThere: true })
  t.strictSame(bucket.objects, before)
})

t.test('another backup of the same name is not replaced', async (t) => {
  const { to, copy } = await setUp()
  await to.backUp({ ...nameOf(first), contents: contents('other') })
  await t.rejects(copy(first), { code: 'already-exists' })
})

t.test('a backup that is not there is not found', async (t) => {
  const { copy } = await setUp()
  await t.rejects(copy('backup-3333333333333333'), { code: 'not-found' })
})

t.test('a damaged backup is not copied', async (t) => {
  for (const [harm, prefix] of [
    ['damage', 'data/'],
    ['damage', 'meta/'],
    ['lose', 'data/'],
  ] as const) {
    const { from, bucket, copy } = await setUp()
    for (const key of from.store.bucket.keys(prefix))
      if (harm === 'damage') from.store.bucket.damage(key, (bytes) => bytes.fill(1, 56, 80))
      else from.store.bucket.objects.delete(key)
    await t.rejects(copy(first), { code: 'damaged' }, `${harm} ${prefix}`)
    t.strictSame(bucket.keys('backups/'), [])
    t.strictSame(bucket.keys('leases/'), [])
  }
})

t.test('a prune that puts chunks elsewhere meanwhile is no hindrance', async (t) => {
  const { from, bucket, to } = await setUp()
  await deleteBackup(from.repository, nameOf(first), from.call)
  let isPruned = false
  const reader = await TinyHost.start(from.store.bucket, async (step) => {
    if (isPruned || !step.startsWith('get data/')) return
    isPruned = true
    t.ok((await from.prune()).sparse.packs > 0)
  })
  await copyBackup({ from: reader.repository, to: to.repository, backup: nameOf(second) }, to.deps, to.call)
  t.ok(isPruned)
  t.equal((await readEverything(bucket)).length, 1)
})

t.test('a copy does not refer to what the other repository is about to remove', async (t) => {
  const { bucket, to, copy } = await setUp()
  await to.backUp({ ...nameOf(second), contents: contents('a', 'b', 'c', 'd') })
  await deleteBackup(to.repository, nameOf(second), to.call)
  const packs = [...bucket.keys('data/'), ...bucket.keys('meta/')].map((key) => findPackOfKey(key)!)
  await putCondemnedList(to.repository, { key: newCondemnedKey(), packs, leases: [] }, to.call)
  let isSwept = false
  const copier = await TinyHost.start(bucket, async (step) => {
    if (isSwept || !step.startsWith('put backups/')) return
    isSwept = true
    t.equal((await to.prune()).removed.packs, packs.length)
  })
  await copy(first, copier)
  t.ok(isSwept)
  t.equal((await readEverything(bucket)).length, 1)
})

t.test('a backup that is deleted meanwhile is copied wholly or not at all', async (t) => {
  const { from, bucket, to } = await setUp()
  let isGone = false
  const reader = await TinyHost.start(from.store.bucket, async (step) => {
    if (isGone || !step.startsWith('list index/')) return
    isGone = true
    for (const name of [first, second]) await deleteBackup(from.repository, nameOf(name), from.call)
    await from.prune()
  })
  const copied = copyBackup({ from: reader.repository, to: to.repository, backup: nameOf(first) }, to.deps, to.call)
  await t.rejects(copied, { code: 'damaged' })
  t.strictSame(await readEverything(bucket), [])
  t.strictSame(bucket.keys('backups/'), [])
})

t.test('a copy that breaks off at any step goes on from there', async (t) => {
  const { to, copy } = await setUp()
  to.store.injector.arm()
  await copy(first)
  const { steps } = to.store.injector
  for (const [step, name] of [...steps].entries())
    for (const when of moments) {
      const bucket = new MemoryBucket()
      const host = await TinyHost.start(bucket)
      host.store.injector.arm({ step, when, how: 'crash' })
      const ended = copy(first, host).catch((thrown: unknown) => {
        if (!isConvoyError(thrown, 'unavailable')) throw thrown
      })
      await Promise.race([ended, host.store.injector.death])
      await readEverything(bucket)
      const packs = [...bucket.keys('data/'), ...bucket.keys('meta/')]
      const again = await TinyHost.start(bucket)
      await copy(first, again)
      t.strictSame(
        (await readEverything(bucket)).map(({ name }) => name),
        [first],
        `${when} ${name}`,
      )
      t.ok(
        [...bucket.keys('data/'), ...bucket.keys('meta/')].length === 2 &&
          packs.every((key) => bucket.objects.has(key)),
        `nothing is stored twice ${when} ${name}`,
      )
      await pass(bucket, 60 * 60_000)
      await again.prune()
      await assertTidy(bucket)
    }
})
