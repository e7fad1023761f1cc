import { once } from 'node:events'
import { isDeepStrictEqual } from 'node:util'
import { Worker } from 'node:worker_threads'
import fc from 'fast-check'
import t from 'tap'
import { type ChunkLocation, ChunkTable } from '../../src/repository/chunk-table.js'
import { maximumBlobBytes, maximumPackBytes } from '../../src/repository/format/pack-format.js'

/** Few ids, of which some have their slots in common. */
const id = fc.tuple(fc.nat(3), fc.nat(40)).map(([start, end]) => {
  const bytes = Buffer.alloc(32)
  bytes.writeUInt32LE(start * 2 ** 30, 0)
  bytes.writeUInt32LE(end, 28)
  return bytes
})

const location: fc.Arbitrary<ChunkLocation> = fc.record(
  {
    pack: fc.nat(2 ** 20),
    offset: fc.nat(maximumPackBytes),
    storedBytes: fc.nat(maximumBlobBytes + 16),
    rawBytes: fc.oneof(fc.integer({ min: 1, max: maximumBlobBytes }), fc.constant(maximumBlobBytes)),
    codec: fc.constantFrom('raw', 'zstd'),
    type: fc.constantFrom('data', 'extent-list', 'shard', 'shard-list'),
  },
  { noNullPrototype: true },
)

type Action = readonly ['claim' | 'put' | 'putFirst' | 'grow', Buffer, ChunkLocation]
const action: fc.Arbitrary<Action> = fc.tuple(
  fc.constantFrom('claim', 'put', 'claim', 'putFirst', 'grow'),
  id,
  location,
)

/** What a Map knows, for ids in hex; undefined for those that were only claimed. */
type Model = Map<string, ChunkLocation | undefined>

function agrees(table: ChunkTable, model: Model): boolean {
  const isSame = [...model].every(([hex, location]) => {
    const id = Buffer.from(hex, 'hex')
    const record = table.indexOf(id)
    return table.has(id) && table.idAt(record).equals(id) && isDeepStrictEqual(table.find(id), location)
  })
  return isSame && table.size === model.size && !table.has(Buffer.alloc(32, 9))
}

t.test('a table knows what a map would know, however it grows', async () => {
  fc.assert(
    fc.property(fc.array(action, { maxLength: 60 }), (actions) => {
      const model: Model = new Map()
      let table = ChunkTable.allocate(1)
      for (const [what, id, location] of actions) {
        const hex = id.toString('hex')
        if (what === 'grow') table = table.capacity < 5000 ? table.grow() : table
        else if (what !== 'claim') table[what](id, location)
        else if (table.claim(id) === model.has(hex)) return false
        if (what === 'put' || (what === 'putFirst' && model.get(hex) === undefined)) model.set(hex, location)
        if (what === 'claim' && !model.has(hex)) model.set(hex, undefined)
      }
      return agrees(table, model) && agrees(ChunkTable.fromShared(table.shared), model)
    }),
    { numRuns: 200 },
  )
})

t.test('a chunk takes less than 60 bytes, and what is not used takes none', async (t) => {
  const table = ChunkTable.allocate(100_000)
  t.ok(table.capacity >= 100_000)
  t.ok(table.shared.byteLength / table.capacity < 60)
})

t.test('a table says when it is nearly full, and takes no more than it has room for', async (t) => {
  const table = ChunkTable.allocate(1)
  const id = Buffer.alloc(32)
  const claim = (number: number) => {
    id.writeUInt32LE(number, 4)
    return table.claim(id)
  }
  for (let number = 0; !table.isFull; number++) claim(number)
  t.equal(table.size, Math.ceil((table.capacity * 7) / 8))
  while (table.size < table.capacity) claim(table.size)
  t.throws(() => claim(table.size), { code: 'internal' })
  t.equal(claim(0), false)
})

t.test('a claim that another thread was quicker with is none, and leaves nothing behind that counts', async (t) => {
  const table = ChunkTable.allocate(1)
  const quicker = ChunkTable.fromShared(table.shared)
  const id = Buffer.alloc(32, 3)
  // The other thread acts when this one has seen a slot that is free, and is about to take a record.
  const add = Atomics.add.bind(Atomics)
  let isFirst = true
  t.intercept(Atomics, 'add', {
    value: (words: Int32Array, index: number, value: number) => {
      if (isFirst) {
        isFirst = false
        t.equal(quicker.claim(id), true)
      }
      return add(words, index, value)
    },
  })
  t.equal(table.claim(id), false)
  t.equal(table.size, 2, 'a record is lost')
  const place: ChunkLocation = { pack: 4, offset: 1, storedBytes: 2, rawBytes: 3, codec: 'raw', type: 'data' }
  table.put(id, place)
  t.strictSame(quicker.find(id), place)
  const grown = table.grow()
  t.equal(grown.size, 1)
  t.strictSame(grown.find(id), place)
})

// Each of the threads claims all of the ids, in the same order: as close together as they can.
const claiming = `
  import { parentPort, workerData } from 'node:worker_threads'
  const { ChunkTable } = await import(workerData.module)
  const table = ChunkTable.fromShared(workerData.shared)
  const gate = new Int32Array(workerData.gate)
  Atomics.add(gate, 0, 1)
  Atomics.notify(gate, 0)
  for (let ready = 0; (ready = Atomics.load(gate, 0)) < workerData.threads; ) Atomics.wait(gate, 0, ready)
  const claimed = []
  const id = Buffer.alloc(32)
  for (let number = 0; number < workerData.ids; number++) {
    id.writeUInt32LE(number % 7, 0)
    id.writeUInt32LE(number, 8)
    if (table.claim(id)) claimed.push(number)
  }
  parentPort.postMessage(claimed)
`

t.test('of threads that claim the same chunk at once, one gets it', async (t) => {
  const [threads, ids] = [3, 5000]
  const table = ChunkTable.allocate(ids * 2)
  const module = new URL('../../src/repository/chunk-table.js', import.meta.url).href
  const workerData = { module, shared: table.shared, gate: new SharedArrayBuffer(4), threads, ids }
  const url = new URL(`data:text/javascript,${encodeURIComponent(claiming)}`)
  const workers = Array.from({ length: threads }, () => new Worker(url, { workerData }))
  const claimed = (await Promise.all(workers.map((worker) => once(worker, 'message')))) as [number[]][]
  const numbers = claimed.flatMap(([list]) => list).sort((a, b) => a - b)
  t.strictSame(
    numbers,
    Array.from({ length: ids }, (_, number) => number),
  )
  const place = { offset: 1, storedBytes: 2, rawBytes: 3, codec: 'raw', type: 'data' } as const
  const idOf = (number: number) => {
    const id = Buffer.alloc(32)
    id.writeUInt32LE(number % 7, 0)
    id.writeUInt32LE(number, 8)
    return id
  }
  for (const number of numbers) table.put(idOf(number), { ...place, pack: number })
  const grown = table.grow()
  t.equal(grown.size, ids, 'records that lost a race are gone when it has grown')
  t.strictSame(
    numbers.map((number) => grown.find(idOf(number))?.pack),
    numbers,
  )
})
