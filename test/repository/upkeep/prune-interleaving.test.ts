import assert from 'node:assert/strict'
import t from 'tap'
import { newCondemnedKey, putCondemnedList } from '../../../src/repository/condemned.js'
import { findPackOfKey } from '../../../src/repository/format/pack-kind.js'
import { assertTidy, pass, readEverything } from '../tiny-world.js'
import { contents, first, hourMs, once, second, setUp, third } from './tiny-prunes.js'

/** A writer that refers to what no backup needs, and is about to commit. */
async function holdWriter({ remove, backUp, another, bucket }: Awaited<ReturnType<typeof setUp>>) {
  await backUp(first, 'a', 'b')
  await remove(first)
  await pass(bucket, hourMs)
  let go: () => void = () => undefined
  const held = new Promise<void>((resolve) => (go = resolve))
  let isReady: () => void = () => undefined
  const ready = new Promise<void>((resolve) => (isReady = resolve))
  const hold = once('put backups/', () => {
    isReady()
    return held
  })
  const written = (await another(hold)).backUp({ volume: 'db1', name: second, contents: contents('a', 'b') })
  await ready
  return () => {
    go()
    return written
  }
}

/** Whether the prune has so many steps: a writer commits before that one, after some earlier prunes. */
async function commitBefore(wanted: number, earlierPrunes: number): Promise<boolean> {
  const world = await setUp()
  const { bucket, host, another } = world
  const commit = await holdWriter(world)
  for (let count = 0; count < earlierPrunes; count++) await host.prune()
  let steps = 0
  const pruner = await another(async () => {
    if (steps++ === wanted) await commit()
  })
  await pruner.prune()
  if (steps <= wanted) return false
  assert.equal((await readEverything(bucket)).length, 1, `before step ${wanted}`)
  await host.prune()
  assert.equal((await readEverything(bucket)).length, 1, `before step ${wanted}, and a prune`)
  await assertTidy(bucket)
  return true
}

t.test('a writer that commits before any step of a prune loses nothing', async (t) => {
  for (const earlierPrunes of [0, 1]) {
    let steps = 0
    while (await commitBefore(steps, earlierPrunes)) steps += 1
    t.ok(steps > 30, `${steps} steps`)
  }
})

const pruneKinds = [
  'that finds something',
  'that finds something condemned',
  'that is killed when that is removed',
] as const

/** Whether the writer has so many steps: a prune runs before that one. */
async function pruneBefore(wanted: number, kind: (typeof pruneKinds)[number]): Promise<boolean> {
  const { bucket, host, another, remove, backUp, packs } = await setUp()
  await backUp(first, 'a', 'b')
  await remove(first)
  await pass(bucket, hourMs)
  if (kind !== 'that finds something') {
    const condemned = packs().map((key) => findPackOfKey(key)!)
    await putCondemnedList(host.repository, { key: newCondemnedKey(), packs: condemned, leases: [] }, host.call)
  }
  const pruner = await another()
  if (kind === 'that is killed when that is removed')
    pruner.store.injector.arm({ step: 'remove condemned/', when: 'after', how: 'crash' })
  let steps = 0
  const writer = await another(async () => {
    if (steps++ === wanted) await Promise.race([pruner.prune(), pruner.store.injector.death])
  })
  await writer.backUp({ volume: 'db1', name: second, contents: contents('a', 'b') })
  if (steps <= wanted) return false
  assert.equal((await readEverything(bucket)).length, 1, `before step ${wanted}`)
  await pass(bucket, hourMs)
  await host.prune()
  assert.equal((await readEverything(bucket)).length, 1, `before step ${wanted}, and a prune`)
  await assertTidy(bucket)
  return true
}

for (const kind of pruneKinds)
  t.test(`a prune ${kind} before any step of a writer removes nothing of its backup`, async (t) => {
    let steps = 0
    while (await pruneBefore(steps, kind)) steps += 1
    t.ok(steps > 10, `${steps} steps`)
  })

t.test('a list waits for those that were at work when it was made, and for nobody else', async (t) => {
  for (const isBrokenOff of [false, true]) {
    const world = await setUp()
    const { bucket, host, another } = world
    const commit = await holdWriter(world)
    const pruner = await another()
    if (isBrokenOff) pruner.store.injector.arm({ step: 'put condemned/', when: 'after', how: 'crash' })
    await Promise.race([pruner.prune(), pruner.store.injector.death])
    // Of a prune that broke off there, the lease is in the way of the next for a while.
    if (isBrokenOff) bucket.objects.delete(bucket.keys('leases/prune')[0] ?? '')
    t.ok((await host.prune()).waiting.packs > 0)
    const late = await another(
      once('put meta/', async () => {
        t.ok((await host.prune()).waiting.packs > 0)
        await commit()
        t.equal((await host.prune()).waiting.packs, 0)
      }),
    )
    await late.backUp({ volume: 'db1', name: third, contents: contents('z') })
    t.equal((await readEverything(bucket)).length, 2)
  }
})

t.test('a writer that begins while packs are removed refers to none of them', async (t) => {
  for (const step of ['remove data/', 'remove meta/', 'remove condemned/', 'remove index/']) {
    const { bucket, host, another, remove, backUp } = await setUp()
    await backUp(first, 'a', 'b')
    await remove(first)
    const pruner = await another(once(step, () => backUp(second, 'a', 'b')))
    await pruner.prune()
    t.equal((await readEverything(bucket)).length, 1, step)
    await host.prune()
    await assertTidy(bucket)
  }
})

t.test('a pack that a new backup refers to is rescued in the same run', async (t) => {
  const world = await setUp()
  const commit = await holdWriter(world)
  const pruner = await world.another(once('put condemned/', commit))
  t.equal((await pruner.prune()).rescued.packs, 2)
  await readEverything(world.bucket)
})
