import type { ShareHealthDeps } from '../../../src/drivers/vfs/share-health.js'
import { minuteMs } from '../../fakes/fake-clock.js'

/** What a storage's health goes by, on a host that has been up for an hour; timers fire when a test says so. */
export class FakeTime {
  ms = 0
  upMs = 60 * minuteMs
  readonly timers: (() => void)[] = []

  get clock(): Pick<ShareHealthDeps, 'nowMs' | 'uptimeMs' | 'startTimer'> {
    return {
      nowMs: () => this.ms,
      uptimeMs: () => this.upMs,
      startTimer: (_, act) => {
        this.timers.push(act)
        return () => void this.timers.splice(this.timers.indexOf(act), 1)
      },
    }
  }
}
