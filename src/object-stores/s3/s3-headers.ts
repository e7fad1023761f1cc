import type { PutObjectCommand, S3Client } from '@aws-sdk/client-s3'
import { createHash } from 'node:crypto'

/** The SDK's own request, whose type it keeps to itself. */
interface Request {
  readonly headers: Record<string, string>
  readonly body: string | Uint8Array | undefined
}

/** Gives each request what the SDK leaves out. */
export function addHeaders(client: S3Client): void {
  client.middlewareStack.add(
    (next) => (args) => {
      const { headers, body } = args.request as Request
      const sha256 = headers['x-amz-checksum-sha256']
      // Or the SDK would work it out again, to sign it.
      if (sha256 !== undefined) headers['x-amz-content-sha256'] = Buffer.from(sha256, 'base64').toString('hex')
      // Of the removal of many, where servers of other makers know no other checksum.
      else if (body !== undefined) headers['content-md5'] = createHash('md5').update(body).digest('base64')
      return next(args)
    },
    { step: 'build', priority: 'low', name: 'addHeaders' },
  )
}

/** What the header `Date` of the answer says, once it is there, in milliseconds; undefined if there is none. */
export function readDate(command: PutObjectCommand): () => number | undefined {
  let ms = NaN
  command.middlewareStack.add(
    (next) => async (args) => {
      const result = await next(args)
      const { headers } = result.response as Request
      ms = Date.parse(headers['date'] ?? '')
      return result
    },
    { step: 'deserialize', priority: 'high', name: 'readDate' },
  )
  return () => (Number.isNaN(ms) ? undefined : ms)
}
