import t from 'tap'
import { objectStoreConformance } from '../conformance/object-store.js'
import { newBucket } from './versitygw.js'

const endpoint = process.env['CONVOY_S3_ENDPOINT']
const credentialsFile = process.env['CONVOY_S3_CREDENTIALS']

// Any server that one has: `CONVOY_S3_ENDPOINT=http://127.0.0.1:7480 CONVOY_S3_CREDENTIALS=keys` for a radosgw.
t.test('the server that CONVOY_S3_ENDPOINT names', async (t) => {
  if (endpoint === undefined || credentialsFile === undefined) return
  objectStoreConformance(t, endpoint, async () => {
    const open = await newBucket({ endpoint, credentialsFile })
    return { open: () => Promise.resolve(open()), many: 1050 }
  })
})
