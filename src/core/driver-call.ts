import type { DriverCall } from '../drivers/driver.js'
import type { CallContext } from '../model/call-context.js'
import type { Ledger } from '../store/ledger.js'

/** The context of a driver's call on the volume with this id: its journal is in the ledger. */
export function driverCall(ledger: Ledger, volumeId: string, call: CallContext): DriverCall {
  return {
    ...call,
    journal: {
      get notes() {
        return ledger.journalOf(volumeId)
      },
      write: (notes) => ledger.commit('journal', { put: 'journal', id: volumeId, notes }),
    },
  }
}
