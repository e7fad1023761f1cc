import type { Test } from 'tap'
import { ConvoyError } from '../../src/errors.js'
import type { CallContext } from '../../src/model/call-context.js'
import type { ByteRange, ObjectStore, StoredObject } from '../../src/object-stores/object-store.js'
import { patientCall } from '../fakes/memory-object-store.js'

/** Somewhere to store: what is stored there outlives the stores that are opened on it. */
export interface StorePlace {
  open(): Promise<ObjectStore>
  /** Makes time pass by the store's clock; without it the test cannot. */
  readonly passTime?: (ms: number) => void
  /** More than there are in one page of a list. */
  readonly many: number
}

type WithStore = (title: string, body: (t: Test, store: ObjectStore, place: StorePlace) => Promise<void>) => unknown

/** What every object store must do: the contract of src/object-stores/object-store.ts as tests. Each gets a place of its own. */
export function objectStoreConformance(t: Test, name: string, newPlace: (t: Test) => Promise<StorePlace>): void {
  const withStore: WithStore = (title, body) =>
    t.test(`${name}: ${title}`, async (t) => {
      const place = await newPlace(t)
      const store = await place.open()
      t.teardown(() => store.close())
      await body(t, store, place)
    })
  storing(withStore)
  reading(withStore)
  listing(withStore)
  removing(withStore)
  times(withStore)
  refusing(withStore)
}

const call = patientCall()
const text = (bytes: Buffer) => bytes.toString('latin1')
const put = (store: ObjectStore, key: string, content: string) => store.put(key, Buffer.from(content), {}, call)
const create = (store: ObjectStore, key: string, content: string) =>
  store.put(key, Buffer.from(content), { createOnly: true }, call)

/** Every object below a prefix. */
export async function listAll(store: ObjectStore, prefix = '', context: CallContext = call): Promise<StoredObject[]> {
  const found: StoredObject[] = []
  for await (const object of store.list(prefix, context)) found.push(object)
  return found
}

const keysOf = async (store: ObjectStore, prefix = '') => (await listAll(store, prefix)).map(({ key }) => key)

/** Bytes that a wrong offset would show. */
function pattern(length: number): Buffer {
  const bytes = Buffer.alloc(length)
  for (let at = 0; at < length; at++) bytes[at] = (at * 7 + (at >> 8)) % 251
  return bytes
}

function storing(withStore: WithStore): void {
  withStore('what is stored is read again, of any size, also by another process', async (t, store, place) => {
    const other = await place.open()
    t.teardown(() => other.close())
    for (const length of [0, 1, 65_536, 9 * 2 ** 20 + 1]) {
      const key = `data/ab/${length}`
      const stored = await store.put(key, pattern(length), {}, call)
      t.match(stored, { key, sizeBytes: length })
      t.ok((await store.get(key, undefined, call)).equals(pattern(length)), `${length} bytes`)
      t.ok((await other.get(key, undefined, call)).equals(pattern(length)), `${length} bytes for the other`)
      t.match(await other.head(key, call), { key, sizeBytes: length })
    }
  })

  withStore('a view of a larger buffer is stored without the rest', async (t, store) => {
    await store.put('config.json', pattern(100).subarray(10, 20), {}, call)
    t.ok((await store.get('config.json', undefined, call)).equals(pattern(100).subarray(10, 20)))
  })

  withStore('a put replaces what was there', async (t, store) => {
    await put(store, 'leases/one', 'old, and longer')
    t.match(await put(store, 'leases/one', 'new'), { sizeBytes: 3 })
    t.equal(text(await store.get('leases/one', undefined, call)), 'new')
    t.strictSame(await keysOf(store), ['leases/one'])
  })

  withStore('what may only be created never replaces anything', async (t, store) => {
    await create(store, 'backups/db/first', 'one')
    await t.rejects(create(store, 'backups/db/first', 'two'), { code: 'already-exists' })
    await t.rejects(create(store, 'backups/db/first', 'one'), { code: 'already-exists' })
    t.equal(text(await store.get('backups/db/first', undefined, call)), 'one')
    await store.remove(['backups/db/first'], call)
    await create(store, 'backups/db/first', 'three')
    t.equal(text(await store.get('backups/db/first', undefined, call)), 'three')
  })

  withStore('of many who create the same at once one succeeds', async (t, store, place) => {
    const others = await Promise.all([place.open(), place.open(), place.open()])
    t.teardown(() => Promise.all(others.map((other) => other.close())))
    const outcomes = await Promise.allSettled(
      [store, ...others].map((one, index) => create(one, 'leases/prune', `of ${index}`)),
    )
    const winner = outcomes.findIndex(({ status }) => status === 'fulfilled')
    t.equal(store.createOnly, 'atomic')
    t.equal(outcomes.filter(({ status }) => status === 'fulfilled').length, 1)
    t.equal(text(await store.get('leases/prune', undefined, call)), `of ${winner}`)
  })

  withStore('many are stored at once, into the same new folders', async (t, store) => {
    const keys = Array.from({ length: 16 }, (_, index) => `data/${index % 2}0/${index}`)
    await Promise.all(keys.map((key) => put(store, key, key)))
    for (const key of keys) t.equal(text(await store.get(key, undefined, call)), key)
  })
}

function reading(withStore: WithStore): void {
  const ranges: readonly (readonly [ByteRange, string])[] = [
    [{ offset: 0, length: 4 }, '0123'],
    [{ offset: 3, length: 4 }, '3456'],
    [{ offset: 8, length: 4 }, '89'],
    [{ offset: 10, length: 4 }, ''],
    [{ offset: 2000, length: 4 }, ''],
    [{ offset: 3, length: 0 }, ''],
    [{ last: 3 }, '789'],
    [{ last: 10 }, '0123456789'],
    [{ last: 2000 }, '0123456789'],
    [{ last: 0 }, ''],
  ]
  withStore('parts of an object are read, and never more than there is', async (t, store) => {
    await put(store, 'data/ab/object', '0123456789')
    await put(store, 'data/ab/empty', '')
    for (const [range, expected] of ranges) {
      t.equal(text(await store.get('data/ab/object', range, call)), expected, JSON.stringify(range))
      t.equal(text(await store.get('data/ab/empty', range, call)), '', `${JSON.stringify(range)} of nothing`)
    }
  })

  withStore('what is not there is not found', async (t, store) => {
    await t.rejects(store.get('config.json', undefined, call), { code: 'not-found', name: 'ConvoyError' })
    t.equal(await store.head('config.json', call), undefined)
    t.strictSame(await listAll(store), [])
    await put(store, 'data/ab/object', 'x')
    await t.rejects(store.get('data/ab/other', undefined, call), { code: 'not-found' })
    await t.rejects(store.get('data/ab/other', { last: 3 }, call), { code: 'not-found' })
    // A folder is no object.
    await t.rejects(store.get('data/ab', undefined, call), { code: 'not-found' })
    t.equal(await store.head('data/ab', call), undefined)
    t.equal(await store.head('data', call), undefined)
  })
}

function listing(withStore: WithStore): void {
  // As their bytes are ordered: - . / 0 A a
  const keys = ['a-b', 'a.json', 'a/-', 'a/b/c', 'a/b0', 'a0', 'B', 'b/A', 'b/a'].sort()

  withStore('a list is in the order of the bytes of the keys, and begins where its prefix says', async (t, store) => {
    for (const key of [...keys].reverse()) await put(store, key, key)
    t.strictSame(await keysOf(store), keys)
    for (const prefix of ['a', 'a/', 'a/b', 'a/b/', 'a/b/c', 'b/', 'b/a', 'c', 'c/', 'a/c/d'])
      t.strictSame(
        await keysOf(store, prefix),
        keys.filter((key) => key.startsWith(prefix)),
        prefix,
      )
    t.match(await listAll(store, 'a/b/'), [{ key: 'a/b/c', sizeBytes: 5, storedAtMs: Number }])
  })

  withStore('a list of more than one page has everything once', async (t, store, { many }) => {
    const all = Array.from({ length: many }, (_, index) => `meta/${String(index).padStart(5, '0')}`)
    for (let at = 0; at < many; at += 50)
      await Promise.all(all.slice(at, at + 50).map((key) => put(store, key, 'x'.repeat(key.length % 7))))
    t.strictSame(await keysOf(store, 'meta/'), all)
    // A reader that has seen enough leaves.
    for await (const { key } of store.list('meta/', call)) {
      t.equal(key, all[0])
      break
    }
  })
}

function removing(withStore: WithStore): void {
  withStore('what is removed is gone, and what is gone already is no error', async (t, store) => {
    for (const key of ['data/ab/1', 'data/ab/2', 'data/cd/3']) await put(store, key, key)
    await store.remove(['data/ab/1', 'data/cd/3', 'data/ab/never', 'elsewhere/4'], call)
    t.strictSame(await keysOf(store), ['data/ab/2'])
    await store.remove(['data/ab/1'], call)
    await store.remove([], call)
    t.strictSame(await keysOf(store), ['data/ab/2'])
  })

  withStore('more than a thousand are removed at once', async (t, store) => {
    const keys = Array.from({ length: 1001 }, (_, index) => `data/ab/${index}`)
    for (const key of ['data/ab/0', 'data/ab/999', 'data/ab/1000']) await put(store, key, 'x')
    await store.remove(keys, call)
    t.strictSame(await keysOf(store), [])
  })
}

function times(withStore: WithStore): void {
  withStore('times are those of one clock, wherever they are read', async (t, store, place) => {
    const first = await put(store, 'leases/one', '1')
    place.passTime?.(5000)
    const second = await put(store, 'leases/two', '2')
    const listed = new Map((await listAll(store)).map((object) => [object.key, object.storedAtMs]))
    for (const { key, storedAtMs } of [first, second]) {
      t.equal((await store.head(key, call))?.storedAtMs, listed.get(key), `${key} by head and list`)
      // A store may round to seconds, and takes its time to answer.
      t.ok(Math.abs((listed.get(key) ?? 0) - storedAtMs) <= 2000, `${key} by put`)
    }
    if (place.passTime === undefined) return
    t.equal(second.storedAtMs - first.storedAtMs, 5000)
    place.passTime(60_000)
    const third = await put(store, 'leases/one', '3')
    t.equal(third.storedAtMs - second.storedAtMs, 60_000, 'what is stored again has the new time')
  })
}

function refusing(withStore: WithStore): void {
  withStore('what is no key is refused', async (t, store) => {
    const bad = [
      '',
      '/',
      '/a',
      'a/',
      'a//b',
      '.',
      '..',
      '../a',
      'a/../b',
      'a/./b',
      '.a',
      'a/.b',
      'a b',
      'ä',
      'a\n',
      'a\0',
    ]
    for (const key of [...bad, 'x'.repeat(256), 'x/'.repeat(450).slice(0, -1) + 'xx']) {
      await t.rejects(put(store, key, 'x'), { code: 'internal' }, JSON.stringify(key))
      await t.rejects(store.get(key, undefined, call), { code: 'internal' })
      await t.rejects(store.head(key, call), { code: 'internal' })
      await t.rejects(store.remove([key], call), { code: 'internal' })
    }
    t.strictSame(await listAll(store), [])
    for (const key of ['x'.repeat(255), 'x/'.repeat(449) + 'xx']) await put(store, key, 'x')
    t.equal((await listAll(store)).length, 2)
  })

  withStore('a call that was given up does nothing, and says so', async (t, store) => {
    await put(store, 'config.json', 'x')
    const given = { ...call, signal: AbortSignal.abort(new Error('enough')) }
    const late = { code: 'deadline-exceeded' }
    await t.rejects(store.put('data/ab/object', pattern(10), {}, given), late)
    await t.rejects(store.get('config.json', undefined, given), late)
    await t.rejects(store.head('config.json', given), late)
    await t.rejects(listAll(store, '', given), late)
    await t.rejects(store.remove(['config.json'], given), late)
    t.strictSame(await keysOf(store), ['config.json'])
  })

  withStore('only ConvoyErrors are thrown, and they name the object', async (t, store) => {
    const thrown = await store.get('data/ab/missing', undefined, call).catch((thrown: unknown) => thrown)
    if (!(thrown instanceof ConvoyError)) throw thrown
    t.match(thrown.message, 'data/ab/missing')
  })
}
