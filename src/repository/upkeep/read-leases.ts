import type { CallContext } from '../../model/call-context.js'
import { Lease, type LeaseDeps } from '../lease.js'
import { isExpired, type LeaseInfo, listLeases } from '../lease-list.js'
import type { Repository } from '../repository.js'

/** A lease, and whether its holder is taken for gone. */
export type AgedLease = LeaseInfo & { readonly isExpired: boolean }

/**
 * Every lease there is. Those that have expired keep nobody waiting, and any other may be ended with `endLease`: a holder that is at work
 * after all cannot complete its backup then, and says so.
 */
export async function readLeases(
  repository: Repository,
  deps: LeaseDeps,
  call: CallContext,
): Promise<readonly AgedLease[]> {
  // To know what time it is for the store, something has to be stored.
  const own = await Lease.take(repository, { mode: 'write', operation: 'look at the leases' }, deps, call)
  try {
    const nowMs = await own.check(call)
    const leases = await listLeases(repository, call)
    const others = leases.filter(({ key }) => key !== own.key)
    return others.map((lease) => ({ ...lease, isExpired: isExpired(lease, nowMs) }))
  } finally {
    await own.release()
  }
}
