import t from 'tap'
import { EntryQueue } from '../../../src/repository/backup/entry-queue.js'
import { ManifestEntry } from '../../../src/repository/format/manifest-entry.js'

const entryOf = (name: string) =>
  ManifestEntry.of({ path: Buffer.from(name), type: 's', stat: statOf(0o140644), body: { form: 'none' } })

function statOf(mode: number): Buffer {
  const stat = Buffer.alloc(52)
  stat.writeUInt32LE(mode)
  return stat
}

function open() {
  const written: string[] = []
  const queue = new EntryQueue((entry) => {
    written.push(entry.path.toString())
    return undefined
  })
  return { queue, written }
}

t.test('entries are written in their order, whichever is known first', async (t) => {
  const { queue, written } = open()
  const first = queue.reserve(1)
  queue.add(entryOf('b'))
  const third = queue.reserve(1)
  third.fill(entryOf('c'))
  await queue.drain()
  t.strictSame(written, [])
  first.fill(entryOf('a'))
  await queue.drain()
  t.strictSame(written, ['a', 'b', 'c'])
})

t.test('an entry that will never be known leaves no gap', async (t) => {
  const { queue, written } = open()
  const first = queue.reserve(1)
  queue.add(entryOf('b'))
  first.drop()
  await queue.drain()
  t.strictSame(written, ['b'])
})

t.test('S22 a queue is full with many entries, and with long paths, until they are written', async (t) => {
  const { queue } = open()
  const first = queue.reserve(20 * 1024 * 1024)
  t.ok(queue.isFull)
  let isDrained = false
  const drained = queue.drainUntilRoom().then(() => (isDrained = true))
  await new Promise(setImmediate)
  t.notOk(isDrained)
  first.drop()
  await drained
  t.notOk(queue.isFull)
  const next = queue.reserve(1)
  for (let count = 0; count < 20_000; count++) queue.add(entryOf('x'))
  t.ok(queue.isFull)
  next.drop()
  await queue.drainUntilRoom()
  t.notOk(queue.isFull)
})
