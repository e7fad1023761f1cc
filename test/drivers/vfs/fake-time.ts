import type { ShareHealthDeps } from '../../../src/drivers/vfs/share-health.js'
import { minuteMs } from '../../fakes/fake-clock.js'

/** What a storage's health goes by, on a host that has been up for an hour. */
export class FakeTime {
  ms = 0
  upMs = 60 * minuteMs
  /** The one that runs, if any. */
  timer: { readonly ms: number; readonly act: () => void } | undefined

  get clock(): Pick<ShareHealthDeps, 'nowMs' | 'uptimeMs' | 'startTimer'> {
    return {
      nowMs: () => this.ms,
      uptimeMs: () => this.upMs,
      startTimer: (ms, act) => {
        if (this.timer !== undefined) throw new Error('two timers at once')
        const timer = { ms, act }
        this.timer = timer
        return () => {
          if (this.timer === timer) this.timer = undefined
        }
      },
    }
  }

  /** The timer's time has come; resolves when what it has begun has had time to end. */
  async pass(): Promise<void> {
    const timer = this.timer
    this.timer = undefined
    timer?.act()
    for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve))
  }
}
