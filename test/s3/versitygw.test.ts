import t from 'tap'
import { objectStoreConformance } from '../conformance/object-store.js'
import { patientCall } from '../fakes/memory-object-store.js'
import { newBucket, startVersitygw, versitygwRequirements } from './versitygw.js'

t.test('versitygw', versitygwRequirements(t), async (t) => {
  const server = await startVersitygw(t)

  objectStoreConformance(t, 'versitygw', async () => {
    const open = await newBucket(server)
    return { open: () => Promise.resolve(open()), many: 1050 }
  })

  t.test('an object as large as a pack is stored and read again, in parts too', async (t) => {
    const store = (await newBucket(server))()
    t.teardown(() => store.close())
    const bytes = Buffer.alloc(80 * 2 ** 20)
    for (let at = 0; at < bytes.length; at += 4096) bytes.writeUInt32LE(at, at)
    await store.put('data/ab/pack', bytes, {}, patientCall())
    t.ok((await store.get('data/ab/pack', undefined, patientCall())).equals(bytes))
    t.ok((await store.get('data/ab/pack', { last: 5000 }, patientCall())).equals(bytes.subarray(-5000)))
  })
})
