import type { GetObjectCommandOutput } from '@aws-sdk/client-s3'
import type { Readable } from 'node:stream'
import { ConvoyError } from '../../errors.js'
import { type ByteRange, mostObjectBytes, resolveRange } from '../object-store.js'
import type { Attempts } from './attempts.js'
import { answerError, isS3Failure } from './s3-failures.js'

/** What of an object is asked for, as GetObject takes it. */
export interface BytesRequest {
  readonly Range?: string
  readonly IfMatch?: string
  readonly ChecksumMode?: 'ENABLED'
}

/** Bytes that are arriving: of the object from `start`, without `end`. */
interface Arriving {
  readonly bytes: Buffer
  readonly start: number
  readonly end: number
  /** Of the object: what comes later must be of the same one. */
  readonly tag: string
  done: number
}

/** Gets the bytes of an object, in as many requests as that takes. What has arrived is not asked for again. */
export class S3Download {
  readonly #range: ByteRange | undefined
  readonly #ask: (request: BytesRequest) => Promise<GetObjectCommandOutput>
  #arriving: Arriving | undefined

  constructor(range: ByteRange | undefined, ask: (request: BytesRequest) => Promise<GetObjectCommandOutput>) {
    this.#range = range
    this.#ask = ask
  }

  async run(attempts: Attempts): Promise<Buffer> {
    for (;;) {
      const before = this.#arriving?.done ?? 0
      try {
        return await this.#attempt()
      } catch (thrown) {
        // Nothing of the object is in that range.
        if (this.#arriving === undefined && isS3Failure(thrown, 'InvalidRange', 416)) return Buffer.alloc(0)
        if ((this.#arriving?.done ?? 0) > before) attempts.progressed()
        await attempts.failed(thrown)
      }
    }
  }

  async #attempt(): Promise<Buffer> {
    const resumed = this.#arriving
    try {
      const answer = await this.#ask(resumed === undefined ? firstRequest(this.#range) : restRequest(resumed))
      const body = answer.Body as Readable
      try {
        this.#arriving = resumed === undefined ? begin(answer, this.#range) : goOn(answer, resumed)
        await receive(body, this.#arriving)
      } finally {
        body.destroy()
      }
    } catch (thrown) {
      if (!this.#mayResume(thrown)) this.#arriving = undefined
      if (resumed !== undefined && isReplaced(thrown)) throw answerError('CutBody', 'the object was replaced meanwhile')
      throw thrown
    }
    const { bytes, start } = this.#arriving
    // Some servers know no ranges, and send everything.
    const wanted = start === 0 ? resolveRange(this.#range, bytes.length) : { start: 0, end: bytes.length }
    return bytes.subarray(wanted.start, wanted.end)
  }

  /** Not when everything has arrived, and is not what was sent. */
  #mayResume(thrown: unknown): boolean {
    const { done, bytes } = this.#arriving ?? { done: 0, bytes: Buffer.alloc(0) }
    return done > 0 && done < bytes.length && !isReplaced(thrown) && !isS3Failure(thrown, 'BadAnswer')
  }
}

const isReplaced = (thrown: unknown) => isS3Failure(thrown, 'PreconditionFailed', 412)

/** Only for whole objects do servers have a checksum, which the SDK compares. */
function firstRequest(range: ByteRange | undefined): BytesRequest {
  if (range === undefined) return { ChecksumMode: 'ENABLED' }
  if ('last' in range) return { Range: `bytes=-${range.last}` }
  return { Range: `bytes=${range.offset}-${range.offset + range.length - 1}` }
}

const restRequest = ({ start, end, done, tag }: Arriving): BytesRequest => ({
  Range: `bytes=${start + done}-${end - 1}`,
  IfMatch: tag,
})

function begin(answer: GetObjectCommandOutput, range: ByteRange | undefined): Arriving {
  const length = lengthOf(answer)
  const sent = rangeOf(answer)
  const { start, end } = sent ?? { start: 0, end: length }
  const wanted = sent === undefined ? { start, end } : resolveRange(range, sent.total)
  if (start !== wanted.start || end !== wanted.end || end - start !== length)
    throw answerError('BadAnswer', 'the answer is of another range')
  if (answer.ETag === undefined) throw answerError('BadAnswer', 'the answer is not that of an object store')
  if (length > mostObjectBytes)
    throw new ConvoyError('unsupported', 'something too large for an object is in its place')
  return { bytes: Buffer.allocUnsafeSlow(length), start, end, tag: answer.ETag, done: 0 }
}

function goOn(answer: GetObjectCommandOutput, arriving: Arriving): Arriving {
  const sent = rangeOf(answer)
  if (sent?.start === arriving.start + arriving.done && sent.end === arriving.end) return arriving
  throw answerError('BadAnswer', 'the answer is of another range')
}

async function receive(body: Readable, arriving: Arriving): Promise<void> {
  try {
    for await (const chunk of body as AsyncIterable<Buffer>) {
      if (chunk.length > arriving.bytes.length - arriving.done) throw answerError('BadAnswer', 'too much arrived')
      chunk.copy(arriving.bytes, arriving.done)
      arriving.done += chunk.length
    }
  } catch (thrown) {
    // Of the SDK, which names it nowhere.
    if (arriving.done === arriving.bytes.length) throw answerError('BadAnswer', 'the checksum is of something else')
    throw thrown
  }
  if (arriving.done < arriving.bytes.length) throw answerError('CutBody', 'the answer was cut')
}

function lengthOf({ ContentLength: length }: GetObjectCommandOutput): number {
  if (length !== undefined && Number.isSafeInteger(length) && length >= 0) return length
  throw answerError('BadAnswer', 'the answer has no length')
}

/** The end is the one after the last byte. */
function rangeOf({ ContentRange: text }: GetObjectCommandOutput) {
  if (text === undefined) return undefined
  const [, first, last, total] = /^bytes (\d{1,15})-(\d{1,15})\/(\d{1,15})$/.exec(text) ?? []
  if (first === undefined) throw answerError('BadAnswer', 'the answer has no proper range')
  return { start: Number(first), end: Number(last) + 1, total: Number(total) }
}
