import { ConvoyError } from '../errors.js'

/**
 * Tasks that run side by side as long as the memory that they hold together stays below a limit. After the first that fails no
 * more are started.
 */
export class BoundedWork {
  readonly #limitBytes: number
  readonly #limitTasks: number
  readonly #signal: AbortSignal
  readonly #running = new Set<Promise<void>>()
  #bytes = 0
  #failure: { readonly thrown: unknown } | undefined

  constructor(limits: { readonly bytes: number; readonly tasks: number }, signal: AbortSignal) {
    this.#limitBytes = limits.bytes
    this.#limitTasks = limits.tasks
    this.#signal = signal
  }

  /** Resolves once the task has started, which one that is larger than the limit does when it is alone. Throws what failed before. */
  async start(bytes: number, task: () => Promise<void>): Promise<void> {
    while (this.#failure === undefined && !this.#hasRoomFor(bytes)) await Promise.race(this.#running)
    this.#throwIfOver()
    this.#bytes += bytes
    const running = task()
      .catch((thrown: unknown) => {
        this.#failure ??= { thrown }
      })
      .finally(() => {
        this.#bytes -= bytes
        this.#running.delete(running)
      })
    this.#running.add(running)
  }

  /** Resolves when all that was started has ended. Throws what failed. */
  async finish(): Promise<void> {
    await this.settle()
    this.#throwIfOver()
  }

  /** As {@link finish}, for whoever failed already: it throws nothing. */
  async settle(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running)
  }

  #hasRoomFor(bytes: number): boolean {
    if (this.#running.size === 0) return true
    return this.#running.size < this.#limitTasks && this.#bytes + bytes <= this.#limitBytes
  }

  #throwIfOver(): void {
    if (this.#failure !== undefined) throw this.#failure.thrown
    throwIfAborted(this.#signal)
  }
}

/** ConvoyError `deadline-exceeded` once the signal has aborted. */
export function throwIfAborted(signal: AbortSignal): void {
  if (!signal.aborted) return
  throw new ConvoyError('deadline-exceeded', 'it was stopped before it was done', { cause: signal.reason })
}
