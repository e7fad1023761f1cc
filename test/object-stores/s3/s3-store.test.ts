import t from 'tap'
import { objectStoreConformance } from '../../conformance/object-store.js'
import { startS3 } from './s3-world.js'

objectStoreConformance(t, 's3', async (t) => {
  const { server, open } = await startS3(t, { pageSize: 10 })
  return { open: () => Promise.resolve(open()), passTime: (ms) => server.clock.advance(ms), many: 120 }
})
