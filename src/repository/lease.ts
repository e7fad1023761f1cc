import { randomBytes, randomInt } from 'node:crypto'
import { ConvoyError, toConvoyError } from '../errors.js'
import type { CallContext, Logger } from '../model/call-context.js'
import { optional } from '../model/optional.js'
import { encodeLease, isExpired, type LeaseMode, leaseTtlMs, listLeases, newLeaseKey } from './lease-list.js'
import type { Repository } from './repository.js'

const refreshMs = 60_000
const retryMs = 10_000
const releaseMs = 30_000

/** Within this two that began at the same time try again. */
const mostTieMs = 10_000

/** What a lease is taken for. */
export interface LeaseClaim {
  readonly mode: LeaseMode
  /** For people: `backup of db1`. */
  readonly operation: string
  /** The key of the backup record that will be stored under this lease: `backups/<volume>/<name>`. */
  readonly record?: string
}

export interface LeaseDeps {
  /** Of host/clock, or a test's. */
  readonly pause: (ms: number, ...signals: readonly AbortSignal[]) => Promise<void>
  readonly hostName: string
  readonly pid: number
}

/**
 * Says in the store that somebody is at work, and refreshes that itself. Leases of writers exclude nobody: they keep a prune from
 * removing what a backup under way may refer to. A lease is lost when it was not refreshed for its ttl, by the store's clock, or
 * when somebody has removed it. It is taken before the index is loaded.
 */
export class Lease {
  readonly key: string
  readonly #repository: Repository
  readonly #claim: LeaseClaim
  readonly #deps: LeaseDeps
  readonly #log: Logger
  readonly #over = new AbortController()
  #startedAtMs: number | undefined
  #refreshedAtMs = 0
  #failure: ConvoyError | undefined
  #keptAlive: Promise<void> = Promise.resolve()

  private constructor(repository: Repository, claim: LeaseClaim, deps: LeaseDeps, log: Logger) {
    this.key = newLeaseKey(claim.mode, randomBytes(8).toString('hex'))
    this.#repository = repository
    this.#claim = claim
    this.#deps = deps
    this.#log = log
  }

  /** ConvoyError `in-use` when a prune is wanted and another one is at work. */
  static async take(repository: Repository, claim: LeaseClaim, deps: LeaseDeps, call: CallContext): Promise<Lease> {
    const lease = new Lease(repository, claim, deps, call.log)
    lease.#startedAtMs = await lease.#put(call)
    lease.#keptAlive = lease.#keepAlive()
    if (claim.mode === 'write') return lease
    try {
      if (await lease.#isAlone(call)) return lease
    } catch (thrown) {
      await lease.release()
      throw thrown
    }
    await lease.release()
    await deps.pause(randomInt(mostTieMs), call.signal)
    return Lease.take(repository, claim, deps, call)
  }

  /** Set once the lease is known to be lost: cheap to look at, so that nobody works on for nothing. */
  get failure(): ConvoyError | undefined {
    return this.#failure
  }

  /**
   * Refreshes the lease, and says what time it is for the store. ConvoyError `unavailable` when the lease is lost, and for good:
   * what was done under it must not be committed.
   */
  async check(call: CallContext): Promise<number> {
    if (this.#failure !== undefined) throw this.#failure
    const { store } = this.#repository
    if ((await store.head(this.key, call)) === undefined) throw this.#lose('has been removed')
    const before = this.#refreshedAtMs
    const nowMs = await this.#put(call)
    const gapMs = nowMs - before
    if (gapMs > leaseTtlMs) throw this.#lose(`was not refreshed for ${Math.round(gapMs / 1000)} s`)
    return nowMs
  }

  /** Never throws, and does not wait for long: a lease that stays behind expires. */
  async release(): Promise<void> {
    this.#over.abort()
    const removed = new AbortController()
    await Promise.race([this.#remove().finally(() => removed.abort()), this.#deps.pause(releaseMs, removed.signal)])
  }

  async #remove(): Promise<void> {
    try {
      // A refresh that is still on its way would bring the lease back.
      await this.#keptAlive
      await this.#repository.store.remove([this.key], this.#ownCall())
    } catch (thrown) {
      this.#log.warn({ lease: this.key, error: toConvoyError(thrown).message }, 'a lease stays behind until it expires')
    }
  }

  /** The store's time when the lease was there. */
  async #put(call: CallContext): Promise<number> {
    const { hostName: host, pid } = this.#deps
    const payload = encodeLease({ ...this.#claim, host, pid, ...optional('startedAtMs', this.#startedAtMs) })
    const { storedAtMs } = await this.#repository.putSealed(this.key, payload, {}, call)
    this.#refreshedAtMs = storedAtMs
    return storedAtMs
  }

  /** The caller's signal may be what ended the work: what is done about the lease itself does not heed it. */
  #ownCall(): CallContext {
    return { signal: new AbortController().signal, log: this.#log }
  }

  async #keepAlive(): Promise<void> {
    let waitMs = refreshMs
    while (this.#failure === undefined) {
      await this.#deps.pause(waitMs, this.#over.signal)
      if (this.#over.signal.aborted) return
      waitMs = (await this.#isRefreshed()) ? refreshMs : retryMs
    }
  }

  async #isRefreshed(): Promise<boolean> {
    try {
      await this.check(this.#ownCall())
      return true
    } catch (thrown) {
      this.#log.warn({ lease: this.key, error: toConvoyError(thrown).message }, 'a lease was not refreshed')
      return false
    }
  }

  #lose(why: string): ConvoyError {
    const { operation } = this.#claim
    this.#failure = new ConvoyError('unavailable', `the lease of this ${operation} ${why}: it cannot be completed`, {
      hint: 'start it again; nothing that has been stored is stored twice',
    })
    return this.#failure
  }

  /**
   * A prune gives way to an older one. Of one as old it is not known whether it saw this one: both try again, at another time. So there
   * are never two, but for one that slept until its lease had expired.
   */
  async #isAlone(call: CallContext): Promise<boolean> {
    const own = this.#startedAtMs ?? 0
    const leases = await listLeases(this.#repository, call)
    const others = leases.filter(
      (lease) => lease.mode === 'prune' && lease.key !== this.key && !isExpired(lease, this.#refreshedAtMs),
    )
    const elder = others.find(({ startedAtMs }) => startedAtMs < own)
    if (elder === undefined) return !others.some(({ startedAtMs }) => startedAtMs === own)
    const { host, pid, operation } = elder
    throw new ConvoyError('in-use', `${operation} is under way in ${this.#repository.store.url}, by ${host} (${pid})`, {
      hint: 'wait for it; should that host have died, it counts for six minutes more',
    })
  }
}
