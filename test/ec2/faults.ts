import type { CloudClock } from './cloud-clock.js'

export const actions = [
  'CreateVolume',
  'DescribeVolumes',
  'AttachVolume',
  'DetachVolume',
  'DeleteVolume',
  'CreateTags',
  'DeleteTags',
  'DescribeInstances',
  'DescribeInstanceTypes',
] as const
export type Action = (typeof actions)[number]

export const isAction = (name: string): name is Action => actions.some((action) => action === name)

/** What a fault looks at. Of a call that does not name one of these EC2 knows it where it can be known. */
export interface FaultSubject {
  readonly action: Action
  readonly volumeId?: string | undefined
  readonly instanceId?: string | undefined
  readonly device?: string | undefined
  readonly accessKeyId?: string | undefined
}

/**
 * `answer`, `cut`, `silence`: EC2 has done what was asked (`after`) or has not (`before`). `delay`: by the real clock, and before.
 * `burn-token`: the token counts as used with other parameters, from then on, and nothing is made. `creation`: a volume that was
 * `creating` ends so, and its token is burned. `stuck`: stays in that state until it is detached by force, or `Cloud.settle`. `no-disk`: attached, but the
 * instance does not see the disk, or not for a while. `hide-attachment`: this Describe shows no attachment.
 */
export type FaultEffect =
  | {
      readonly kind: 'answer'
      readonly when?: 'before' | 'after'
      readonly code: string
      readonly message?: string
      readonly status?: number
    }
  | { readonly kind: 'cut'; readonly when: 'before' | 'after' }
  | { readonly kind: 'silence'; readonly when: 'before' | 'after' }
  | { readonly kind: 'delay'; readonly ms: number }
  | { readonly kind: 'burn-token' }
  | { readonly kind: 'creation'; readonly ends: 'error' | 'gone' }
  | { readonly kind: 'stuck'; readonly state: 'attaching' | 'detaching' | 'busy' }
  | { readonly kind: 'no-disk'; readonly forMs?: number }
  | { readonly kind: 'hide-attachment' }

/** Without `times` it goes on until it is lifted. */
export type Fault = FaultEffect & {
  readonly on: Action | '*'
  readonly times?: number
  readonly volumeId?: string
  readonly instanceId?: string
  readonly device?: string
  readonly accessKeyId?: string
}

type Effect<Kind extends FaultEffect['kind']> = Extract<FaultEffect, { readonly kind: Kind }>

export interface RateLimit {
  readonly perSecond: number
  readonly burst: number
}

interface Bucket extends RateLimit {
  tokens: number
  at: number
}

/** The script of what goes wrong in the cloud, and when. */
export class Faults {
  readonly #clock: CloudClock
  readonly #active = new Map<Fault, number>()
  readonly #lags = new Map<Action, number>()
  readonly #buckets = new Map<Action, Bucket>()

  constructor(clock: CloudClock) {
    this.#clock = clock
  }

  /** Resolves nothing that already went wrong when it is lifted, which the result does. */
  add(fault: Fault): () => void {
    // The same object may be added twice.
    const own = { ...fault }
    this.#active.set(own, fault.times ?? Infinity)
    return () => void this.#active.delete(own)
  }

  /** Of a Describe: how old what it says is. Of another action: how long no Describe shows what comes of it. */
  lag(action: Action, ms: number): void {
    this.#lags.set(action, ms)
  }

  lagOf(action: Action): number {
    return this.#lags.get(action) ?? 0
  }

  /** More calls than that are refused as RequestLimitExceeded. */
  limit(action: Action, rate: RateLimit | undefined): void {
    if (rate === undefined) this.#buckets.delete(action)
    else this.#buckets.set(action, { ...rate, tokens: rate.burst, at: this.#clock.now() })
  }

  isThrottled(action: Action): boolean {
    const bucket = this.#buckets.get(action)
    if (bucket === undefined) return false
    const now = this.#clock.now()
    bucket.tokens = Math.min(bucket.burst, bucket.tokens + ((now - bucket.at) / 1000) * bucket.perSecond)
    bucket.at = now
    if (bucket.tokens < 1) return true
    bucket.tokens--
    return false
  }

  /** The first of that kind that is meant; it counts as happened. */
  take<Kind extends FaultEffect['kind']>(
    kind: Kind,
    subject: FaultSubject,
    isMeant: (effect: Effect<Kind>) => boolean = () => true,
  ): Effect<Kind> | undefined {
    for (const [fault, times] of this.#active) {
      if (!isOf(fault, kind) || !isAbout(fault, subject) || !isMeant(fault)) continue
      if (times <= 1) this.#active.delete(fault)
      else this.#active.set(fault, times - 1)
      return fault
    }
    return undefined
  }

  /** Ends every fault, lag and limit. */
  clear(): void {
    this.#active.clear()
    this.#lags.clear()
    this.#buckets.clear()
  }
}

function isOf<Kind extends FaultEffect['kind']>(fault: Fault, kind: Kind): fault is Fault & Effect<Kind> {
  return fault.kind === kind
}

function isAbout(fault: Fault, subject: FaultSubject): boolean {
  const isSame = (key: 'volumeId' | 'instanceId' | 'device' | 'accessKeyId') =>
    fault[key] === undefined || fault[key] === subject[key]
  return (
    (fault.on === '*' || fault.on === subject.action) &&
    isSame('volumeId') &&
    isSame('instanceId') &&
    isSame('device') &&
    isSame('accessKeyId')
  )
}
