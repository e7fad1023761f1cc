import { ConvoyError, isConvoyError, isRefusalOfSystem } from '../../errors.js'

/** After that time a mount no longer waits: what starts again by itself had its chance. */
const longMs = 10 * 60_000
const probeEveryMs = 5000

export interface ShareHealthDeps {
  /** What people call it: `the share 10.0.0.5:/exports`. */
  readonly storage: string
  /** How often to look while it answers: a container that waits for a server that has moved asks nobody here. */
  readonly calmProbeMs?: number
  /** Does something there, and watches it. */
  readonly probe: () => Promise<unknown>
  /** Monotonic. */
  readonly nowMs: () => number
  /** How long this host has been up. */
  readonly uptimeMs: () => number
  readonly startTimer: (ms: number, act: () => void) => () => void
}

/**
 * Whether a share, or a directory that may be on one, answers: by what is done there, and by looking, while it does not again and
 * again.
 */
export class ShareHealth {
  readonly #deps: ShareHealthDeps
  #downSinceMs: number | undefined
  #callOff: (() => void) | undefined

  constructor(deps: ShareHealthDeps) {
    this.#deps = deps
  }

  /** Does something there, and notes what came of it. What the system refuses is an answer too. */
  async watch<T>(act: () => Promise<T>): Promise<T> {
    try {
      const result = await act()
      this.#noteAnswer()
      return result
    } catch (thrown) {
      if (isSilence(thrown)) this.#noteSilence()
      else this.#noteAnswer()
      throw thrown
    }
  }

  /** How long it has not answered; undefined while it does. */
  get downForMs(): number | undefined {
    return this.#downSinceMs === undefined ? undefined : this.#deps.nowMs() - this.#downSinceMs
  }

  /**
   * That it has been down for so long that waiting for it is pointless. Not soon after a boot: then the server may be coming up too,
   * and a container that fails to start now stays down for good.
   */
  get longDown(): ConvoyError | undefined {
    const { downForMs = 0 } = this
    if (downForMs <= longMs || this.#deps.uptimeMs() <= longMs) return undefined
    const minutes = Math.floor(downForMs / 60_000)
    return new ConvoyError('deadline-exceeded', `${this.#deps.storage} has not answered for ${minutes} minutes`, {
      hint: 'start the container again once it answers',
    })
  }

  #noteAnswer(): void {
    this.#downSinceMs = undefined
    const { calmProbeMs } = this.#deps
    if (calmProbeMs === undefined) this.close()
    else this.#lookIn(calmProbeMs)
  }

  #noteSilence(): void {
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

function isSilence(thrown: unknown): boolean {
  if (isRefusalOfSystem(thrown)) return false
  return isConvoyError(thrown, 'unavailable') || isConvoyError(thrown, 'deadline-exceeded')
}
