import t from 'tap'
import { objectStoreConformance } from '../conformance/object-store.js'
import { MemoryBucket, MemoryObjectStore, patientCall } from './memory-object-store.js'

objectStoreConformance(t, 'in memory', async () => {
  const bucket = new MemoryBucket()
  return {
    open: () => Promise.resolve(new MemoryObjectStore({ bucket, pageSize: 10 })),
    passTime: (ms) => bucket.clock.advance(ms),
    many: 30,
  }
})

t.test('what the injector fails is unavailable, done or not', async (t) => {
  const store = new MemoryObjectStore()
  store.injector.arm({ step: 'put data/', when: 'before', how: 'fail' })
  await t.rejects(store.put('data/1', Buffer.alloc(1), {}, patientCall()), { code: 'unavailable' })
  store.injector.arm({ step: 'put data/', when: 'after', how: 'fail' })
  await t.rejects(store.put('data/2', Buffer.alloc(1), {}, patientCall()), { code: 'unavailable' })
  t.strictSame(store.bucket.keys(), ['data/2'])
})

t.test('a buffer that changes while it is stored is a defect of who stores it', async (t) => {
  const store = new MemoryObjectStore()
  const bytes = Buffer.from('one')
  const storing = store.put('data/1', bytes, {}, patientCall())
  bytes.write('two')
  await t.rejects(storing, { code: 'internal' })
})
