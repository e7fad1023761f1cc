import { setImmediate, setTimeout as sleep } from 'node:timers/promises'
import { isConvoyError } from '../../src/errors.js'
import type { CallContext } from '../../src/model/call-context.js'
import { type Fault, moments } from '../fakes/fault-injector.js'
import type { MemoryBucket } from '../fakes/memory-object-store.js'
import { QuietLog } from '../fakes/quiet-log.js'
import type { PseudoRandom } from './pseudo-random.js'
import { pass, TinyHost } from './tiny-world.js'

/** Longer than anybody goes on with what was stopped, and than a lease lives. */
const longMs = 7 * 60_000
const tickMs = 10_000
/** No operation of a story makes many more requests: a fault at a later one never strikes. */
const mostSteps = 50
/** What does the most harm when somebody is late with it. */
const delicate = /^put (backups|condemned)|^list (backups|index)/

/** An operation of a host, in a process of its own, which may be killed, and may fall asleep. */
export interface StoryProcess {
  readonly host: TinyHost
  readonly call: CallContext
}

interface Life extends StoryProcess {
  readonly stop: AbortController
  nap: Promise<void> | undefined
}

/** Lets hosts work on buckets at the same time: which of them gets on, dies, fails or sleeps is left to chance. */
export class StoryHosts {
  readonly log: string[] = []
  readonly #random: PseudoRandom
  readonly #lives = new Set<Life>()
  #steps = 0
  #busy = 0

  constructor(random: PseudoRandom) {
    this.#random = random
  }

  /** What hosts do one after the other, all hosts at once. Time goes on meanwhile. */
  async run(hosts: readonly (() => Promise<void>)[], clocks: readonly MemoryBucket[]): Promise<void> {
    this.#busy = hosts.length
    const all = Promise.all(hosts.map((host) => host().finally(() => this.#busy--)))
    const time = (async () => {
      while (this.#busy > 0) {
        await sleep(20)
        for (const bucket of clocks) await this.#pass(bucket, tickMs)
      }
    })()
    await Promise.all([all, time])
  }

  /** `act` has all processes that it wants, one for each bucket; it ends when it is done, or when one of them is dead. */
  async process(
    what: string,
    buckets: readonly MemoryBucket[],
    act: (...processes: readonly StoryProcess[]) => Promise<unknown>,
  ): Promise<'done' | 'failed' | 'killed'> {
    const lives = await Promise.all(buckets.map((bucket) => this.#start(what, bucket)))
    const last = lives.at(-1)
    const fault = this.#fault()
    if (fault !== undefined) last?.host.store.injector.arm(fault)
    const ended = act(...lives).then(
      () => 'done' as const,
      (thrown: unknown) => {
        if (isConvoyError(thrown, 'unavailable') || isConvoyError(thrown, 'in-use')) return 'failed' as const
        throw thrown
      },
    )
    const killed = Promise.race(lives.map(({ host }) => host.store.injector.death)).then(() => 'killed' as const)
    try {
      const outcome = await Promise.race([ended, killed])
      this.log.push(`${what}: ${outcome} ${last?.host.store.injector.struckAt ?? ''}`)
      if (outcome === 'killed') void ended.catch(() => undefined)
      return outcome
    } finally {
      for (const life of lives) await this.#end(life)
    }
  }

  async #start(what: string, bucket: MemoryBucket): Promise<Life> {
    const stop = new AbortController()
    const host = await TinyHost.start(bucket, (step) => this.#turn(what, life, step))
    const life: Life = { host, stop, call: { signal: stop.signal, log: new QuietLog() }, nap: undefined }
    this.#lives.add(life)
    return life
  }

  /** Ends the threads of the dead: nothing that they do reaches the store. */
  async #end(life: Life): Promise<void> {
    this.#lives.delete(life)
    if (!life.host.store.injector.isDead) return
    life.stop.abort()
    await setImmediate()
    await life.host.pause.advance(longMs)
  }

  #fault(): Fault | undefined {
    const random = this.#random
    if (random.integer(3) > 0) return undefined
    return { step: random.integer(mostSteps), when: random.pick(moments), how: random.pick(['crash', 'crash', 'fail']) }
  }

  async #turn(what: string, life: Life, step: string): Promise<void> {
    this.#steps += 1
    for (let turns = this.#random.integer(6); turns > 0; turns--) await setImmediate()
    const isSleepy = this.#random.integer(100) < (delicate.test(step) ? 30 : 2)
    if (isSleepy && life.nap === undefined) {
      this.log.push(`${what} sleeps before ${step}`)
      life.nap = this.#sleep(life).finally(() => (life.nap = undefined))
    }
    await life.nap
  }

  /** Until the others have got on, or sleep too; often so long that the lease expires. */
  async #sleep(life: Life): Promise<void> {
    const slept = this.#random.integer(2) === 0 ? longMs : 0
    if (slept > 0) await this.#pass(life.host.store.bucket, slept, life)
    const until = this.#steps + this.#random.integer(150)
    while (this.#steps < until && this.#busy > this.#sleepers) await sleep(1)
    void life.host.pause.advance(slept)
  }

  get #sleepers(): number {
    return [...this.#lives].filter(({ nap }) => nap !== undefined).length
  }

  /** For the store, and for everybody at work on it who is awake. */
  async #pass(bucket: MemoryBucket, ms: number, sleeper?: Life): Promise<void> {
    const awake = [...this.#lives].filter((life) => life !== sleeper && life.nap === undefined)
    await pass(
      bucket,
      ms,
      awake.map(({ host }) => host).filter(({ store }) => store.bucket === bucket),
    )
  }
}
