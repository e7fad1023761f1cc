/** After that time a mount no longer waits: what starts again by itself had its chance. */
const longMs = 10 * 60_000
const probeEveryMs = 5000
/** A container that waits for a server that has moved asks nobody here. */
const calmProbeMs = 60_000

export interface ShareHealthDeps {
  /** Does something on the share, and notes here what came of it. */
  readonly probe: () => Promise<unknown>
  /** Monotonic. */
  readonly nowMs: () => number
  /** How long this host has been up. */
  readonly uptimeMs: () => number
  readonly startTimer: (ms: number, act: () => void) => () => void
}

/** Whether a share answers: by what is done there, and by looking, now and then or, while it does not, again and again. */
export class ShareHealth {
  readonly #deps: ShareHealthDeps
  #downSinceMs: number | undefined
  #callOff: (() => void) | undefined

  constructor(deps: ShareHealthDeps) {
    this.#deps = deps
  }

  /** How long it has not answered; undefined while it does. */
  get downForMs(): number | undefined {
    return this.#downSinceMs === undefined ? undefined : this.#deps.nowMs() - this.#downSinceMs
  }

  /**
   * It has been down for so long that waiting for it is pointless. Not soon after a boot: then the server may be coming up too, and
   * a container that fails to start now stays down for good.
   */
  get isLongDown(): boolean {
    return (this.downForMs ?? 0) > longMs && this.#deps.uptimeMs() > longMs
  }

  noteAnswer(): void {
    this.#downSinceMs = undefined
    this.#lookIn(calmProbeMs)
  }

  noteSilence(): void {
    if (this.#downSinceMs === undefined) this.close()
    this.#downSinceMs ??= this.#deps.nowMs()
    if (this.#callOff === undefined) this.#lookIn(probeEveryMs)
  }

  #lookIn(ms: number): void {
    this.close()
    this.#callOff = this.#deps.startTimer(ms, () => {
      this.#callOff = undefined
      // What came of it is noted by whoever did it.
      void this.#deps.probe().catch(() => undefined)
    })
  }

  /** Looks no more. */
  close(): void {
    this.#callOff?.()
    this.#callOff = undefined
  }
}
