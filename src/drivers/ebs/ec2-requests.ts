import type { EC2Client } from '@aws-sdk/client-ec2'
import { pause } from '../../host/clock.js'
import { optional } from '../../model/optional.js'
import { ec2Error, failureKind } from './ec2-errors.js'
import type * as Ec2Sdk from './ec2-sdk.js'
import { type PaceDeps, type PaceLimits, RequestPace } from './request-pace.js'
import { tooLate, untilAborted } from './until-aborted.js'

export interface Ec2RequestSettings extends Partial<PaceDeps> {
  /** Where the environment does not say: ConvoyError `unavailable` where that is not known either. */
  readonly region: () => Promise<string>
  /** Of an emulator, or a private one. */
  readonly endpoint?: string
  /** For each of several attempts. */
  readonly requestTimeoutMs?: number
  /** From 0 to less than 1. */
  readonly random?: () => number
}

export interface Opened {
  readonly sdk: typeof Ec2Sdk
  readonly client: EC2Client
}

export type Ec2Action =
  | 'AttachVolume'
  | 'CreateTags'
  | 'CreateVolume'
  | 'DeleteTags'
  | 'DeleteVolume'
  | 'DescribeInstanceTypes'
  | 'DescribeInstances'
  | 'DescribeVolumes'
  | 'DetachVolume'

const usualRequestTimeoutMs = 10_000
/** A request that EC2 throttles is made again for so long; the signal of a call comes before, as a rule. */
const patienceMs = 300_000
/** Of a request that is lost, or fails at EC2. */
const mostAttempts = 5
const backoffMs = { first: 400, most: 8000 }

/** Below what EC2 grants an account, so that other hosts and programs have a share, too. */
const readLimits: PaceLimits = { burst: 20, most: 10, least: 0.2 }
const writeLimits: PaceLimits = { burst: 20, most: 5, least: 0.2 }

/** Makes requests of EC2 at its pace, each action by itself, and again when that may help. The SDK is loaded at the first. */
export class Ec2Requests {
  readonly #settings: Ec2RequestSettings
  readonly #paceDeps: PaceDeps
  readonly #random: () => number
  readonly #paces = new Map<Ec2Action, RequestPace>()
  #opening: Promise<Opened> | undefined
  #refreshing: Promise<void> | undefined
  #places = 0

  constructor(settings: Ec2RequestSettings) {
    this.#settings = settings
    this.#paceDeps = { nowMs: settings.nowMs ?? (() => performance.now()), pause: settings.pause ?? pause }
    this.#random = settings.random ?? Math.random
  }

  get paceDeps(): PaceDeps {
    return this.#paceDeps
  }

  /** `ask` may be called several times: EC2 may have carried out a request whose answer was lost. */
  async call<T>(action: Ec2Action, signal: AbortSignal, ask: (opened: Opened) => Promise<T>): Promise<T> {
    const { nowMs } = this.#paceDeps
    const pace = this.#paceOf(action)
    const place = this.#places++
    const endMs = nowMs() + patienceMs
    let hasRefreshed = false
    for (let attempt = 1; ; attempt++) {
      await pace.turn(place, signal)
      try {
        const answer = await untilAborted(this.#ask(ask), signal, action)
        pace.succeeded()
        return answer
      } catch (thrown) {
        if (signal.aborted) throw tooLate(action, signal)
        const kind = failureKind(thrown)
        if (kind === 'throttled') pace.throttled()
        const mayHelp = {
          throttled: nowMs() < endMs,
          transient: attempt < mostAttempts,
          stale: !hasRefreshed,
          final: false,
        }
        if (!mayHelp[kind]) throw ec2Error(action, thrown)
        if (kind === 'stale') {
          hasRefreshed = true
          await untilAborted(this.#refreshCredentials(action), signal, action)
        } else await this.#paceDeps.pause(this.#backoffMs(attempt), signal)
      }
    }
  }

  close(): void {
    void this.#opening?.then(
      ({ client }) => client.destroy(),
      () => undefined,
    )
    this.#opening = undefined
  }

  async #ask<T>(ask: (opened: Opened) => Promise<T>): Promise<T> {
    this.#opening ??= this.#open()
    return ask(await this.#opening)
  }

  async #open(): Promise<Opened> {
    try {
      const { region, endpoint, requestTimeoutMs: requestTimeout = usualRequestTimeoutMs } = this.#settings
      const sdk = await import('./ec2-sdk.js')
      const settings = {
        region: await region(),
        maxAttempts: 1,
        requestHandler: { connectionTimeout: 3000, requestTimeout, throwOnRequestTimeout: true },
        // For the files with credentials, which others renew.
        ignoreCache: true,
      }
      return { sdk, client: new sdk.EC2Client({ ...settings, ...optional('endpoint', endpoint) }) }
    } catch (thrown) {
      this.#opening = undefined
      throw thrown
    }
  }

  /** Once for all calls that found them stale. */
  async #refreshCredentials(action: Ec2Action): Promise<void> {
    try {
      this.#refreshing ??= this.#refresh().finally(() => (this.#refreshing = undefined))
      await this.#refreshing
    } catch (thrown) {
      throw ec2Error(action, thrown)
    }
  }

  async #refresh(): Promise<void> {
    const { client } = await (this.#opening ??= this.#open())
    await client.config.credentials({ forceRefresh: true })
  }

  #paceOf(action: Ec2Action): RequestPace {
    const known = this.#paces.get(action)
    if (known !== undefined) return known
    const pace = new RequestPace(action, action.startsWith('Describe') ? readLimits : writeLimits, this.#paceDeps)
    this.#paces.set(action, pace)
    return pace
  }

  /** Any time up to a bound that doubles: hosts that were throttled together do not come back together. */
  #backoffMs(attempt: number): number {
    return this.#random() * Math.min(backoffMs.most, backoffMs.first * 2 ** (attempt - 1))
  }
}
