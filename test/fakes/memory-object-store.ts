import { createHash } from 'node:crypto'
import { ConvoyError } from '../../src/errors.js'
import type { CallContext } from '../../src/model/call-context.js'
import {
  type ByteRange,
  type ObjectStore,
  type PutOptions,
  refuseBadKey,
  resolveRange,
  type StoredObject,
} from '../../src/object-stores/object-store.js'
import { FakeClock } from './fake-clock.js'
import { FaultInjector } from './fault-injector.js'
import { QuietLog } from './quiet-log.js'

interface KeptObject {
  readonly bytes: Buffer
  readonly storedAtMs: number
}

/** What outlives every process: the objects, and the store's own clock. A test may look at, damage and remove what is in it. */
export class MemoryBucket {
  readonly objects = new Map<string, KeptObject>()
  readonly clock = new FakeClock()
  /** Keys that were replaced though they were there: nothing but leases may be. */
  readonly replaced: string[] = []

  /** In the order of their bytes. */
  keys(prefix = ''): readonly string[] {
    return [...this.objects.keys()].filter((key) => key.startsWith(prefix)).sort()
  }

  bytes(key: string): Buffer {
    const object = this.objects.get(key)
    if (object === undefined) throw new ConvoyError('not-found', `there is no object ${key}`)
    return object.bytes
  }

  /** What `change` makes of a copy of the object lies there then, stored at the same time: damage. */
  damage(key: string, change: (bytes: Buffer) => Buffer): void {
    const storedAtMs = this.objects.get(key)?.storedAtMs ?? this.clock.now().getTime()
    this.objects.set(key, { bytes: Buffer.from(change(Buffer.from(this.bytes(key)))), storedAtMs })
  }

  /** Another bucket with the same objects and times. */
  clone(): MemoryBucket {
    const copy = new MemoryBucket()
    for (const [key, object] of this.objects) copy.objects.set(key, object)
    copy.clock.advance(this.clock.now().getTime() - copy.clock.now().getTime())
    return copy
  }
}

export interface MemoryStoreDeps {
  /** Shared by the processes of all hosts; by default one of its own. */
  readonly bucket?: MemoryBucket
  /** One for each process: what it kills does nothing more, what it fails is `unavailable`. */
  readonly injector?: FaultInjector
  /** Done before each step, by its name: lets a test act in the middle of what another host does. */
  readonly before?: (step: string) => Promise<void> | void
  /** Objects in a page of a list; each page shows what is there when it is asked for. */
  readonly pageSize?: number
  readonly createOnly?: ObjectStore['createOnly']
}

/**
 * An object store in memory, as one process sees it. Each request is a step of its fault injector, named by method and key:
 * `put index/…`, `get meta/…`, `head …`, `list backups/` (each page), `remove data/…` (each key).
 */
export class MemoryObjectStore implements ObjectStore {
  readonly url = 'memory:'
  readonly createOnly: ObjectStore['createOnly']
  readonly bucket: MemoryBucket
  readonly injector: FaultInjector
  readonly #before: (step: string) => Promise<void> | void
  readonly #pageSize: number

  constructor(deps: MemoryStoreDeps = {}) {
    this.bucket = deps.bucket ?? new MemoryBucket()
    this.injector = deps.injector ?? new FaultInjector()
    this.createOnly = deps.createOnly ?? 'atomic'
    this.#before = deps.before ?? (() => undefined)
    this.#pageSize = deps.pageSize ?? 100
  }

  async put(key: string, bytes: Uint8Array, options: PutOptions, call: CallContext): Promise<StoredObject> {
    refuseBadKey(key)
    const before = sha256Of(bytes)
    return this.#step(`put ${key}`, call, () => {
      // The buffer belongs to the store until the put resolves.
      if (!sha256Of(bytes).equals(before)) throw new ConvoyError('internal', `${key} changed while it was stored`)
      if (options.sha256?.equals(before) === false)
        throw new ConvoyError('internal', `${key} is stored with the SHA-256 of something else`)
      if (this.bucket.objects.has(key)) {
        if (options.createOnly === true) throw new ConvoyError('already-exists', `${key} is there already`)
        this.bucket.replaced.push(key)
      }
      this.bucket.objects.set(key, { bytes: Buffer.from(bytes), storedAtMs: this.bucket.clock.now().getTime() })
      return this.#describe(key)
    })
  }

  async get(key: string, range: ByteRange | undefined, call: CallContext): Promise<Buffer> {
    refuseBadKey(key)
    return this.#step(`get ${key}`, call, () => {
      const bytes = this.bucket.bytes(key)
      const { start, end } = resolveRange(range, bytes.length)
      return Buffer.from(bytes.subarray(start, end))
    })
  }

  async head(key: string, call: CallContext): Promise<StoredObject | undefined> {
    refuseBadKey(key)
    return this.#step(`head ${key}`, call, () => (this.bucket.objects.has(key) ? this.#describe(key) : undefined))
  }

  async *list(prefix: string, call: CallContext): AsyncIterable<StoredObject> {
    let last = ''
    for (;;) {
      const from = last
      const page = await this.#step(`list ${prefix}`, call, () => this.#page(prefix, from))
      yield* page
      last = page.at(-1)?.key ?? ''
      if (page.length < this.#pageSize) return
    }
  }

  async remove(keys: readonly string[], call: CallContext): Promise<void> {
    keys.forEach(refuseBadKey)
    for (const key of keys) await this.#step(`remove ${key}`, call, () => this.bucket.objects.delete(key))
  }

  close(): Promise<void> {
    return Promise.resolve()
  }

  #page(prefix: string, after: string): readonly StoredObject[] {
    const keys = this.bucket.keys(prefix).filter((key) => key > after)
    return keys.slice(0, this.#pageSize).map((key) => this.#describe(key))
  }

  #describe(key: string): StoredObject {
    const { bytes, storedAtMs } = this.bucket.objects.get(key) ?? { bytes: Buffer.alloc(0), storedAtMs: 0 }
    return { key, sizeBytes: bytes.length, storedAtMs }
  }

  async #step<T>(name: string, call: CallContext, act: () => T): Promise<T> {
    await this.#before(name)
    if (call.signal.aborted) throw new ConvoyError('deadline-exceeded', `${name} was given up`)
    try {
      return await this.injector.step(name, act)
    } catch (thrown) {
      if (!(thrown instanceof ConvoyError && thrown.message.startsWith('injected:'))) throw thrown
      throw new ConvoyError('unavailable', thrown.message)
    }
  }
}

const sha256Of = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest()

/** A call that nobody gives up, for tests of stores and repositories. */
export const patientCall = (): CallContext => ({ signal: new AbortController().signal, log: new QuietLog() })
