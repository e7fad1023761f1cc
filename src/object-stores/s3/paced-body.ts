import type { S3Client } from '@aws-sdk/client-s3'
import { Readable } from 'node:stream'
import type { BytePace } from '../../host/byte-pace.js'

/** Whatever the client sends goes at that pace. */
export function paceBody(client: S3Client, pace: BytePace): void {
  client.middlewareStack.add(
    (next) => (args) => {
      const { request } = args
      if (!hasBytes(request)) return next(args)
      const paced = Object.assign(Object.create(Object.getPrototypeOf(request) as object) as object, request, {
        body: Readable.from(piecesOf(request.body, pace), { objectMode: false, highWaterMark: 0 }),
      })
      return next({ ...args, request: paced })
    },
    // After the request was signed, and for each attempt anew.
    { step: 'deserialize', priority: 'low', name: 'paceBody' },
  )
}

function hasBytes(request: unknown): request is { readonly body: Uint8Array } {
  return typeof request === 'object' && request !== null && 'body' in request && request.body instanceof Uint8Array
}

async function* piecesOf(bytes: Uint8Array, pace: BytePace): AsyncIterable<Uint8Array> {
  // Who has gone stops reading.
  const never = new AbortController().signal
  for (let at = 0; at < bytes.length; at += pace.pieceBytes) {
    const piece = bytes.subarray(at, at + pace.pieceBytes)
    await pace.take(piece.length, never)
    yield piece
  }
}
