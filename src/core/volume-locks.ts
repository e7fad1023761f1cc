import { ConvoyError } from '../errors.js'
import type { VolumeName } from '../model/volume-name.js'

/** One operation at a time for each volume, in the order they came. Readers need no lock. */
export class VolumeLocks {
  /** The end of the last operation that was let in or waits. */
  readonly #tails = new Map<VolumeName, Promise<void>>()

  /** Waits for its turn, then acts. ConvoyError `deadline-exceeded` when `signal` aborts before the turn comes. */
  async run<T>(name: VolumeName, signal: AbortSignal, act: () => Promise<T>): Promise<T> {
    const previous = this.#tails.get(name)
    let release: () => void = () => undefined
    const own = new Promise<void>((resolve) => (release = resolve))
    const tail = previous === undefined ? own : previous.then(() => own)
    this.#tails.set(name, tail)
    try {
      if (previous !== undefined) await orAborted(previous, signal, name)
      return await act()
    } finally {
      // One that gave up waiting passes its turn on when it comes: `tail` still follows `previous`.
      release()
      if (this.#tails.get(name) === tail) void tail.then(() => this.#forget(name, tail))
    }
  }

  /** With the locks of several volumes, taken in the order of their names, so that two such operations never wait for each other. */
  runAll<T>(names: readonly VolumeName[], signal: AbortSignal, act: () => Promise<T>): Promise<T> {
    const [first, ...others] = [...new Set(names)].sort()
    if (first === undefined) return act()
    return this.run(first, signal, () => this.runAll(others, signal, act))
  }

  isBusy(name: VolumeName): boolean {
    return this.#tails.has(name)
  }

  #forget(name: VolumeName, tail: Promise<void>): void {
    if (this.#tails.get(name) === tail) this.#tails.delete(name)
  }
}

async function orAborted(turn: Promise<void>, signal: AbortSignal, name: VolumeName): Promise<void> {
  const busy = () =>
    new ConvoyError('deadline-exceeded', `volume "${name}" is busy with another operation`, { hint: 'try again' })
  if (signal.aborted) throw busy()
  await new Promise<void>((resolve, reject) => {
    const giveUp = () => reject(busy())
    signal.addEventListener('abort', giveUp, { once: true })
    void turn.then(() => {
      signal.removeEventListener('abort', giveUp)
      resolve()
    })
  })
}
