import { setImmediate } from 'node:timers/promises'
import type { MemoryBucket } from '../../fakes/memory-object-store.js'
import { TinyHost } from '../tiny-world.js'

interface WaitingStep {
  readonly step: string
  readonly go: () => void
}

/** A process whose every request to the store waits for its turn. */
export class Actor {
  readonly what: string
  readonly waiting: WaitingStep[] = []
  host: TinyHost | undefined
  isOver = false
  isStopped = false
  /** Time that passed for others while it was stopped. */
  sleptMs = 0

  constructor(what: string) {
    this.what = what
  }

  readonly before = (step: string): Promise<void> => new Promise((go) => this.waiting.push({ step, go }))
}

/** Lets processes work on one bucket step by step, in an order that numbers choose. */
export class TinyScheduler {
  readonly actors: Actor[] = []
  readonly #bucket: MemoryBucket
  /** Below its argument. */
  readonly #choose: (count: number) => number
  readonly log: string[] = []

  constructor(bucket: MemoryBucket, choose: (count: number) => number) {
    this.#bucket = bucket
    this.#choose = choose
  }

  /** `act` works with a host of its own; what it throws ends it. */
  start(what: string, act: (host: TinyHost) => Promise<unknown>, onError: (thrown: unknown) => void): void {
    const actor = new Actor(what)
    this.actors.push(actor)
    const run = async () => {
      actor.host = await TinyHost.start(this.#bucket, actor.before)
      await act(actor.host)
    }
    void run()
      .catch(onError)
      .finally(() => (actor.isOver = true))
  }

  /** Until all are done or dead. `onStep` hears of each step once it has taken effect. */
  async run(onStep: (step: string) => Promise<void>): Promise<void> {
    for (;;) {
      await settle()
      const alive = this.actors.filter(({ isOver }) => !isOver)
      if (alive.length === 0) return
      const ready = alive.filter(({ isStopped, waiting }) => !isStopped && waiting.length > 0)
      const roll = this.#choose(100)
      if (roll < 2) this.#kill(this.#pick(alive))
      else if (roll < 4) this.#stop(this.#pick(alive))
      else if (roll < 8) await this.#pass((1 + this.#choose(60)) * 1000)
      else if (roll < 9) await this.#pass(7 * 60_000)
      else if (roll < 13 || ready.length === 0) await this.#wake(alive)
      else await onStep(await this.#release(this.#pick(ready)))
    }
  }

  async #release(actor: Actor): Promise<string> {
    const [next] = actor.waiting.splice(this.#choose(actor.waiting.length), 1)
    if (next === undefined) throw new Error('nobody is ready')
    this.log.push(`${actor.what}: ${next.step}`)
    next.go()
    await settle()
    return next.step
  }

  #kill(actor: Actor): void {
    this.log.push(`${actor.what} is killed`)
    actor.isOver = true
    actor.host?.store.injector.kill()
  }

  #stop(actor: Actor): void {
    this.log.push(`${actor.what} falls asleep`)
    actor.isStopped = true
  }

  async #wake(alive: readonly Actor[]): Promise<void> {
    const sleepers = alive.filter(({ isStopped }) => isStopped)
    if (sleepers.length === 0) return this.#pass(60_000)
    const actor = this.#pick(sleepers)
    this.log.push(`${actor.what} wakes up`)
    actor.isStopped = false
    await actor.host?.pause.advance(actor.sleptMs)
    actor.sleptMs = 0
  }

  async #pass(ms: number): Promise<void> {
    this.log.push(`${ms / 1000} s pass`)
    this.#bucket.clock.advance(ms)
    for (const actor of this.actors) {
      if (actor.isStopped) actor.sleptMs += ms
      else await actor.host?.pause.advance(ms)
    }
  }

  #pick<T>(from: readonly T[]): T {
    const picked = from[this.#choose(from.length)]
    if (picked === undefined) throw new Error('nothing to choose from')
    return picked
  }
}

/** Everybody goes on as far as it gets without the store. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 4; turn++) await setImmediate()
}
