import type { CallContext } from '../model/call-context.js'
import { commandLineMountId, type MountReference } from '../model/mount.js'
import type { Volume } from '../model/volume.js'
import type { VolumeName } from '../model/volume-name.js'
import type { CoreDeps } from './core-deps.js'
import type { Holding } from './holding.js'
import type { Mounts } from './mounts.js'

/**
 * Between the answer to a Mount and the container's own mount nothing holds the volume: Docker needs seconds, and minutes when
 * it mounts another volume first. When no container names the volume at all, nothing can be under way.
 */
const graceMs = 5 * 60 * 1000
const shortGraceMs = 45 * 1000

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
    const held = await this.#heldAmong(names)
    for (const name of names) {
      if (held.has(name)) continue
      try {
        const leftovers = await this.#leftovers(name)
        await locks.run(name, call.signal, () => this.#reconcile(name, leftovers, call))
      } catch (thrown) {
        log.warn({ volume: name, err: thrown }, 'could not reconcile a volume: tried again later')
      }
    }
  }

  /** Most of what is mounted is in use: one look leaves all of that as it is. What fails here is asked again for each volume. */
  async #heldAmong(names: ReadonlySet<VolumeName>): Promise<ReadonlySet<VolumeName>> {
    const volumes = [...names].flatMap((name) => this.#deps.ledger.volumes.get(name) ?? [])
    if (volumes.length === 0) return new Set()
    const held = await this.#holding.heldAmong(volumes).catch(() => new Set<Volume>())
    return new Set([...held].map(({ name }) => name))
  }

  async #reconcile(name: VolumeName, leftovers: readonly MountReference[], call: CallContext): Promise<void> {
    const { ledger, log } = this.#deps
    const volume = ledger.volumes.get(name)
    // Docker may have mounted it again while we asked.
    const unchanged = leftovers.filter((reference) => ledger.mountsOf(name).get(reference.id) === reference)
    const isHeld = volume !== undefined && unchanged.length > 0 && (await this.#holding.of(volume)).length > 0
    if (unchanged.length > 0 && !isHeld) {
      await this.#mounts.drop(unchanged, 'reconciliation', call)
      log.info({ volume: name, mounts: unchanged.length }, 'dropped mounts that nobody holds any more')
    }
    const now = ledger.volumes.get(name)
    if (now !== undefined) await this.#mounts.release(now, call)
  }

  /** References that hold nothing, by the kernel's and by Docker's account. Asked without the lock: Docker may be slow. */
  async #leftovers(name: VolumeName): Promise<readonly MountReference[]> {
    const { ledger, holders, containers } = this.#deps
    const doubtful = this.#olderThan(name, shortGraceMs)
    const volume = ledger.volumes.get(name)
    if (doubtful.length === 0 || volume === undefined) return doubtful
    if ((await this.#holding.of(volume)).length > 0) return []
    const users = await containers.of(name)
    const isProven = users === undefined ? holders.seesEveryNamespace() : users.length === 0
    if (!isProven) return []
    const certain = this.#olderThan(name, graceMs)
    if (certain.length === doubtful.length) return certain
    return (await containers.isNamed(name)) === false ? doubtful : certain
  }

  /** References of an earlier engine life, and those whose mount is older than that. */
  #olderThan(name: VolumeName, ageMs: number): readonly MountReference[] {
    const { ledger, now } = this.#deps
    const oldest = new Date(now().getTime() - ageMs).toISOString()
    return [...ledger.mountsOf(name).values()].filter(
      ({ id, epoch, mountedAt }) => id !== commandLineMountId && (epoch < ledger.epoch || mountedAt < oldest),
    )
  }
}
