import { ConvoyError } from '../../errors.js'
import type { CallContext } from '../../model/call-context.js'
import type { Attempts } from './attempts.js'
import { S3Download } from './s3-download.js'
import { isS3Failure } from './s3-failures.js'
import type { S3Put, S3Requests } from './s3-requests.js'

/**
 * Stores what must not be there yet. Not every server heeds the condition (`If-None-Match: *`), and some ignore it silently: the
 * first time the same put is made twice, and only a server that refuses the second is said to be `atomic`. On the others it is
 * looked before, which two hosts can do at the same moment.
 */
export class S3Creation {
  readonly #requests: S3Requests
  #way: 'unknown' | 'atomic' | 'racy' = 'unknown'

  constructor(requests: S3Requests) {
    this.#requests = requests
  }

  get way(): 'unknown' | 'atomic' | 'racy' {
    return this.#way
  }

  /** One attempt; resolves as a put does. ConvoyError `already-exists` for what was there, but not for what an earlier attempt put there. */
  async create(put: S3Put, attempts: Attempts, call: CallContext): Promise<number | undefined> {
    if (this.#way !== 'atomic' && (await this.#isThere(put, call))) return this.#refuse(put, attempts, call)
    try {
      const answeredAtMs = await this.#requests.put({ ...put, isNew: this.#way !== 'racy' }, call.signal)
      if (this.#way === 'unknown') await this.#tryTwice(put, call)
      return answeredAtMs
    } catch (thrown) {
      if (isRefused(thrown)) return this.#refuse(put, attempts, call)
      if (this.#way !== 'unknown' || !isS3Failure(thrown, 'NotImplemented', 501)) throw thrown
    }
    this.#way = 'racy'
    return this.create(put, attempts, call)
  }

  /** With the same bytes: a server that replaces the object with them has done no harm. */
  async #tryTwice(put: S3Put, call: CallContext): Promise<void> {
    try {
      await this.#requests.put(put, call.signal)
      this.#way = 'racy'
    } catch (thrown) {
      // What else may be wrong is no answer.
      if (isRefused(thrown)) this.#way = 'atomic'
    }
  }

  async #refuse(put: S3Put, attempts: Attempts, call: CallContext): Promise<undefined> {
    // The answer to an earlier attempt may have been lost.
    if (attempts.isRepeated && (await this.#hasSameBytes(put, attempts, call))) return undefined
    throw new ConvoyError('already-exists', `${put.key} is there already`)
  }

  async #isThere({ key }: S3Put, call: CallContext): Promise<boolean> {
    try {
      await this.#requests.head(key, call.signal)
      return true
    } catch (thrown) {
      if (isS3Failure(thrown, 'NotFound', 'NoSuchKey', 404)) return false
      throw thrown
    }
  }

  async #hasSameBytes({ key, bytes }: S3Put, attempts: Attempts, call: CallContext): Promise<boolean> {
    const download = new S3Download(undefined, (request) => this.#requests.get(key, request, call.signal))
    return (await download.run(attempts)).equals(bytes)
  }
}

const isRefused = (thrown: unknown) => isS3Failure(thrown, 'PreconditionFailed', 412)
