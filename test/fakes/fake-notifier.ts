import { ConvoyError } from '../../src/errors.js'
import type { Delivery, Notifier } from '../../src/host/notifier.js'
import type { Notice } from '../../src/model/notify-target.js'
import type { FaultInjector } from './fault-injector.js'

interface Refusal {
  readonly times: number
  /** How the type begins. */
  readonly types: string
}

/** Everybody outside who is told of events, by the program that a target's command names. They outlive the daemon. */
export class FakeReceivers {
  readonly #heard = new Map<string, Notice[]>()
  readonly #refusing = new Map<string, Refusal>()
  readonly #held = new Map<string, Promise<void>>()
  readonly #underWay = new Set<string>()
  /** What no receiver should see: two attempts at once. */
  readonly violations: string[] = []
  attempts = 0

  /** The notifier of one life of the daemon. */
  connect(faults: FaultInjector): Notifier {
    return {
      deliver: (delivery) => faults.step(`notify ${nameOf(delivery)}`, () => this.#take(delivery)),
      close: () => undefined,
    }
  }

  /** `type volume` of what it has taken, in order. */
  heard(name: string): readonly string[] {
    return this.notices(name).map(({ content: { type, volume } }) =>
      volume === undefined ? type : `${type} ${volume}`,
    )
  }

  /** What it has taken, each notice once, however often it was told. */
  heardOnce(name: string): readonly string[] {
    const seen = new Map(this.notices(name).map((notice) => [notice.id, notice]))
    return [...seen.values()].map(({ content: { type, volume } }) => `${type} ${volume ?? ''}`.trim())
  }

  notices(name: string): readonly Notice[] {
    return this.#heard.get(name) ?? []
  }

  /** From now on, or so many times, whatever it is told or only what is of a class. */
  refuse(name: string, refusal: Partial<Refusal> = {}): void {
    this.#refusing.set(name, { times: Infinity, types: '', ...refusal })
  }

  accept(name: string): void {
    this.#refusing.delete(name)
  }

  /** It takes its time with what it is told, until the result is called. */
  hold(name: string): () => void {
    let release: () => void = () => undefined
    this.#held.set(name, new Promise((resolve) => (release = resolve)))
    return () => {
      this.#held.delete(name)
      release()
    }
  }

  #refuses(name: string, { content }: Notice): boolean {
    const refusal = this.#refusing.get(name)
    if (refusal === undefined || !content.type.startsWith(refusal.types)) return false
    this.#refusing.set(name, { ...refusal, times: refusal.times - 1 })
    return refusal.times > 0
  }

  async #take(delivery: Delivery): Promise<void> {
    const name = nameOf(delivery)
    this.attempts++
    if (this.#underWay.has(name)) this.violations.push(`${name} was told of two things at once`)
    this.#underWay.add(name)
    try {
      await this.#held.get(name)
      if (delivery.signal.aborted) throw new ConvoyError('deadline-exceeded', 'stopped')
      if (this.#refuses(name, delivery.notice)) throw new ConvoyError('unavailable', `${name} does not listen`)
      this.#heard.set(name, [...this.notices(name), delivery.notice])
    } finally {
      this.#underWay.delete(name)
    }
  }
}

function nameOf({ target: { destination } }: Delivery): string {
  return destination.kind === 'command' ? destination.command[0] : 'webhook'
}
