import { ConvoyError } from '../../src/errors.js'

export const moments = ['before', 'after'] as const
export type Moment = (typeof moments)[number]

/** What happens at one step: it reports a failure, or the process that makes it is killed there. */
export interface Fault {
  /** The n-th step, from 0, or the first whose name contains a text. */
  readonly step: number | string
  readonly when: Moment
  readonly how: 'fail' | 'crash'
}

/**
 * One life of a process, seen from the world outside it: every call that changes or asks something out there is a step. A test
 * chooses the step at which it fails, or at which the process is killed. After that no step of this life does anything, and none
 * answers, so that no `catch` or `finally` of the dead process has an effect.
 */
export class FaultInjector {
  readonly #steps: string[] = []
  #fault: Fault | undefined
  #struckAt: string | undefined
  #isDead = false
  #isHung = false
  #announceDeath: () => void = () => undefined
  readonly death = new Promise<void>((resolve) => (this.#announceDeath = resolve))

  /** The names of the steps since the last {@link arm}. */
  get steps(): readonly string[] {
    return this.#steps
  }

  /** The step at which the fault struck, if it did. */
  get struckAt(): string | undefined {
    return this.#struckAt
  }

  get isDead(): boolean {
    return this.#isDead
  }

  /** Counts steps from now, from 0. Without a fault it only records them. */
  arm(fault?: Fault): void {
    this.#steps.length = 0
    this.#fault = fault
    this.#struckAt = undefined
  }

  disarm(): void {
    this.#fault = undefined
  }

  /** Kills the process here and now. */
  kill(): void {
    this.#isDead = true
    this.#announceDeath()
  }

  /** From now on the world outside does not answer. */
  hang(): void {
    this.#isHung = true
  }

  /** A step: `act` takes effect at once, or not at all. */
  async step<T>(name: string, act: () => T | Promise<T>): Promise<T> {
    if (this.#isDead || this.#isHung) return never()
    const fault = this.#faultAt(name)
    this.#steps.push(name)
    if (fault?.when === 'before') await this.#strike(fault, name)
    const result = await act()
    if (this.#isGone()) return never()
    if (fault?.when === 'after') await this.#strike(fault, name)
    return result
  }

  /** A step that cannot fail once it has happened: a commit. */
  async atomicStep<T>(name: string, act: () => T): Promise<T> {
    const fault = this.#faultAt(name)
    if (fault?.how === 'fail' && fault.when === 'after') {
      this.#struckAt = `${name} (cannot fail after it happened)`
      this.#fault = undefined
    }
    return this.step(name, act)
  }

  #faultAt(name: string): Fault | undefined {
    const step = this.#fault?.step
    const isHere = typeof step === 'string' ? name.includes(step) : step === this.#steps.length
    return isHere ? this.#fault : undefined
  }

  // TypeScript does not see that the process can die while it waits.
  #isGone(): boolean {
    return this.#isDead
  }

  #strike(fault: Fault, name: string): Promise<void> {
    this.#struckAt = name
    this.#fault = undefined
    if (fault.how === 'fail') {
      return Promise.reject(new ConvoyError('internal', `injected: failed ${fault.when} of ${name}`))
    }
    this.kill()
    return never()
  }
}

function never(): Promise<never> {
  return new Promise(() => undefined)
}
