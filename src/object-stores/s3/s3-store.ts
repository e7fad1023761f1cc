import type { HeadObjectCommandOutput } from '@aws-sdk/client-s3'
import { createHash } from 'node:crypto'
import { ConvoyError } from '../../errors.js'
import { pause } from '../../host/clock.js'
import type { CallContext } from '../../model/call-context.js'
import {
  type ByteRange,
  mostObjectBytes,
  type ObjectStore,
  type PutOptions,
  refuseBadKey,
  type StoredObject,
} from '../object-store.js'
import { type AttemptDeps, Attempts } from './attempts.js'
import { S3Creation } from './s3-creation.js'
import { S3Download } from './s3-download.js'
import { answerError, isS3Failure } from './s3-failures.js'
import { S3Listing, wholeSeconds } from './s3-listing.js'
import { type S3Put, S3Requests, type S3RequestSettings } from './s3-requests.js'

export interface S3StoreSettings extends Omit<S3RequestSettings, 'root'>, Partial<Omit<AttemptDeps, 'url'>> {
  /** The folder of the destination, without slashes at its ends. */
  readonly prefix: string
  /** For messages. */
  readonly url: string
}

/** Everything of ours lies below a folder of this name. */
const rootName = 'convoy2/'

/** Objects that are compared by their times are not larger than this. */
const timedBytes = 64 * 1024

/** As many as S3 removes at once. */
const removedTogether = 1000

/**
 * A repository in a bucket of S3, or of a server that speaks its language. Times are the server's, in whole seconds: that of a
 * large object is when its put was answered, which is a little later than lists say.
 */
export class S3Store implements ObjectStore {
  readonly url: string
  readonly #deps: AttemptDeps
  readonly #requests: S3Requests
  readonly #creation: S3Creation
  readonly #root: string

  /** Asks nothing yet: what is wrong with bucket or credentials is told by the first request. */
  constructor(settings: S3StoreSettings) {
    const { prefix, url } = settings
    this.url = url
    this.#root = `${prefix === '' ? '' : `${prefix}/`}${rootName}`
    this.#deps = { url, pause: settings.pause ?? pause, random: settings.random ?? Math.random }
    this.#requests = new S3Requests({ ...settings, root: this.#root })
    this.#creation = new S3Creation(this.#requests)
  }

  get createOnly(): ObjectStore['createOnly'] {
    return this.#creation.way === 'racy' ? 'racy' : 'atomic'
  }

  async put(key: string, bytes: Uint8Array, options: PutOptions, call: CallContext): Promise<StoredObject> {
    refuseBadKey(key)
    if (bytes.length > mostObjectBytes) throw new ConvoyError('internal', `${key} is too large for an object`)
    const sha256 = options.sha256 ?? createHash('sha256').update(bytes).digest()
    const put: S3Put = { key, bytes, sha256, isNew: options.createOnly === true }
    const attempts = this.#attempts(`store ${key}`, call)
    const answeredAtMs = await this.#persist(attempts, () =>
      put.isNew ? this.#creation.create(put, attempts, call) : this.#requests.put(put, call.signal),
    )
    if (answeredAtMs !== undefined && bytes.length > timedBytes)
      return { key, sizeBytes: bytes.length, storedAtMs: answeredAtMs }
    return this.#persist(attempts, async () => {
      const stored = await this.#find(key, call)
      if (stored !== undefined) return stored
      throw answerError('BadAnswer', 'what was stored is not there')
    })
  }

  async get(key: string, range: ByteRange | undefined, call: CallContext): Promise<Buffer> {
    refuseBadKey(key)
    const attempts = this.#attempts(`read ${key}`, call)
    // S3 has no way to ask for nothing.
    if (range !== undefined && ('last' in range ? range.last : range.length) === 0) {
      await this.#persist(attempts, () => this.#requests.head(key, call.signal))
      return Buffer.alloc(0)
    }
    return new S3Download(range, (request) => this.#requests.get(key, request, call.signal)).run(attempts)
  }

  async head(key: string, call: CallContext): Promise<StoredObject | undefined> {
    refuseBadKey(key)
    return this.#persist(this.#attempts(`look for ${key}`, call), () => this.#find(key, call))
  }

  async *list(prefix: string, call: CallContext): AsyncIterable<StoredObject> {
    const listing = new S3Listing({ root: this.#root, prefix })
    let token: string | undefined
    do {
      const from = token
      const page = await this.#persist(this.#attempts(`list ${prefix}`, call), async () =>
        listing.read(await this.#requests.listPage(prefix, from, call.signal)),
      )
      yield* page.objects
      token = page.next
    } while (token !== undefined)
  }

  async remove(keys: readonly string[], call: CallContext): Promise<void> {
    keys.forEach(refuseBadKey)
    for (let at = 0; at < keys.length; at += removedTogether) {
      const some = keys.slice(at, at + removedTogether)
      await this.#persist(this.#attempts(`remove ${some[0] ?? ''} and others`, call), async () => {
        const [code] = await this.#requests.remove(some, call.signal)
        if (code !== undefined) throw Object.assign(new Error('not all were removed'), { name: code })
      })
    }
  }

  close(): Promise<void> {
    this.#requests.close()
    return Promise.resolve()
  }

  #attempts(what: string, call: CallContext): Attempts {
    return new Attempts(what, this.#deps, call)
  }

  async #persist<T>(attempts: Attempts, act: () => Promise<T>): Promise<T> {
    for (;;)
      try {
        return await act()
      } catch (thrown) {
        await attempts.failed(thrown)
      }
  }

  async #find(key: string, call: CallContext): Promise<StoredObject | undefined> {
    try {
      return describe(key, await this.#requests.head(key, call.signal))
    } catch (thrown) {
      if (isS3Failure(thrown, 'NotFound', 'NoSuchKey', 404)) return undefined
      throw thrown
    }
  }
}

function describe(
  key: string,
  { ContentLength: sizeBytes, LastModified: time }: HeadObjectCommandOutput,
): StoredObject {
  if (sizeBytes !== undefined && time !== undefined && !Number.isNaN(time.getTime()))
    return { key, sizeBytes, storedAtMs: wholeSeconds(time.getTime()) }
  throw answerError('BadAnswer', 'the answer has no size or time')
}
