import type { CallContext } from '../model/call-context.js'
import { commandLineMountId, type MountReference } from '../model/mount.js'
import type { VolumeName } from '../model/volume-name.js'
import type { CoreDeps } from './core-deps.js'
import type { Holding } from './holding.js'
import type { Mounts } from './mounts.js'

/** Between the answer to a Mount and the container's own mount nothing holds the volume: Docker needs seconds, rarely more. */
const graceMs = 5 * 60 * 1000

/**
 * Brings the ledger back to what is true: Docker loses Unmounts (a crash, a timeout, a daemon that was down), and nobody
 * repeats them.
 */
export class Reconciliation {
  readonly #deps: CoreDeps
  readonly #holding: Holding
  readonly #mounts: Mounts
  #onEpoch: () => void = () => undefined

  constructor(deps: CoreDeps, parts: { readonly holding: Holding; readonly mounts: Mounts }) {
    this.#deps = deps
    this.#holding = parts.holding
    this.#mounts = parts.mounts
  }

  /** A new engine life: references of earlier ones are hints from now on. Never waits for the disk: Docker waits for us. */
  beginEpoch(): void {
    const { ledger } = this.#deps
    ledger.commitLater('activate', { put: 'setting', key: 'epoch', value: String(ledger.epoch + 1) })
    this.#onEpoch()
  }

  /** Calls `listener` at each new engine life: much may have changed. */
  onEpoch(listener: () => void): void {
    this.#onEpoch = listener
  }

  /** Drops references that hold nothing, and releases volumes that nobody holds. */
  async run(call: CallContext): Promise<void> {
    const { ledger, locks, log } = this.#deps
    const attached = [...ledger.volumes.values()].filter(({ state }) => state === 'attached')
    const names = new Set([...ledger.mountedNames, ...attached.map(({ name }) => name)])
    for (const name of names) {
      const users = this.#doubtful(name).length > 0 ? await this.#deps.containers.of(name) : undefined
      try {
        await locks.run(name, call.signal, () => this.#reconcile(name, users, call))
      } catch (thrown) {
        log.warn({ volume: name, err: thrown }, 'could not reconcile a volume: tried again later')
      }
    }
  }

  async #reconcile(name: VolumeName, users: readonly string[] | undefined, call: CallContext): Promise<void> {
    const { ledger, holders, log } = this.#deps
    const volume = ledger.volumes.get(name)
    const doubtful = this.#doubtful(name)
    if (volume === undefined) {
      await this.#mounts.drop(doubtful, call)
      return
    }
    if (doubtful.length > 0) {
      const isKnown = holders.seesEveryNamespace() || users !== undefined
      if (!isKnown || (users?.length ?? 0) > 0 || (await this.#holding.of(volume)).length > 0) return
      await this.#mounts.drop(doubtful, call)
      log.info({ volume: name, mounts: doubtful.length }, 'dropped mounts that nobody holds any more')
    }
    const now = ledger.volumes.get(name)
    if (now !== undefined) await this.#mounts.release(now, call)
  }

  /** References that may be leftovers: of an earlier engine life, or old enough that a container would show by now. */
  #doubtful(name: VolumeName): readonly MountReference[] {
    const { ledger, now } = this.#deps
    const oldest = new Date(now().getTime() - graceMs).toISOString()
    return [...ledger.mountsOf(name).values()].filter(
      ({ id, epoch, mountedAt }) => id !== commandLineMountId && (epoch < ledger.epoch || mountedAt < oldest),
    )
  }
}
