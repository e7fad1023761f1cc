import t from 'tap'
import { MemoryBucket, MemoryObjectStore } from '../fakes/memory-object-store.js'
import { account, bucket, S3Server, type ServerFault } from '../s3/s3-server.js'
import { tellOfKills } from './kill-story.js'

/** Of each kind of request of a command the first, also when it had been carried out. */
const brokenConnections: readonly ServerFault[] = [
  { match: /^PUT .*\/data\/[0-7]/, what: 'reset-after' },
  { match: /^PUT .*\/data\/[89a-f]/, what: 'reset-before' },
  { match: /^PUT .*\/(?:meta|index)\//, what: 'reset-after' },
  { match: /^PUT .*\/(?:backups|condemned)\//, what: 'reset-after' },
  { match: /^PUT .*\/leases\//, what: 'reset-before' },
  { match: /^GET .*\/(?:data|meta)\//, what: 'cut' },
  { match: /^LIST/, what: 'reset-before' },
  { match: /^REMOVE/, what: 'reset-after' },
]

/** What lies on the server, below the place of the repository. */
function bucketOf({ objects }: S3Server): MemoryBucket {
  const found = new MemoryBucket()
  for (const [key, { body, storedAtMs }] of objects)
    found.objects.set(key.replace('killed/convoy2/', ''), { bytes: body, storedAtMs })
  return found
}

tellOfKills(t, 'S3 on connections that break', async (t) => {
  const server = await new S3Server().start(t)
  const { accessKeyId, secretAccessKey, region } = account
  return {
    url: `s3://${bucket}@${region}/killed`,
    flags: ['--s3-endpoint', server.endpoint.href],
    environment: { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey },
    disturb: () => void server.faults.splice(0, Infinity, ...brokenConnections.map((fault) => ({ ...fault }))),
    openStore: () => new MemoryObjectStore({ bucket: bucketOf(server) }),
  }
})
