import type { Check } from '../check.js'

/** Clocks that are kept by others jump less. */
const toleranceMs = 60_000

const mend = { command: 'sudo timedatectl set-ntp true' }

export const clockRight: Check = {
  name: 'clock',
  sound: 'the clock is right, as far as it can be told',
  needs: [],
  look: async ({ daemon, host, now }) => {
    // The daemon's own check says that it does not answer.
    const newest = (await daemon.get('/v1/diagnosis').catch(() => undefined))?.newestRecordAt
    if (newest !== undefined && Date.parse(newest) > now.getTime() + toleranceMs) {
      const why = 'the clock was put back, or was wrong then: the trash is kept too long, and events are out of order'
      return [
        { severity: 'warning', what: `it is ${now.toISOString()}, but something happened at ${newest}`, why, mend },
      ]
    }
    if ((await host.isClockSynchronised()) !== false) return []
    const why = 'it drifts: requests to storage on the network are refused, and the trash is emptied at the wrong time'
    return [{ severity: 'notice', what: 'the clock follows no time server', why, mend }]
  },
}
