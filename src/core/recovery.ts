import type { CallContext } from '../model/call-context.js'
import type { Volume } from '../model/volume.js'
import type { Alteration } from './alteration.js'
import { type CoreDeps, mountPath } from './core-deps.js'
import { mountEvent } from './events.js'
import type { Resumption } from './resumption.js'
import { detached } from './volume-transitions.js'

/** What has to be put right at start, before Docker is answered and after. */
export class Recovery {
  readonly #deps: CoreDeps
  readonly #resumption: Resumption
  readonly #alteration: Alteration

  constructor(deps: CoreDeps, parts: { readonly resumption: Resumption; readonly alteration: Alteration }) {
    this.#deps = deps
    this.#resumption = parts.resumption
    this.#alteration = parts.alteration
  }

  /** After a reboot nothing is mounted, whatever the ledger says. Resolves before the first request is answered. */
  async voidAfterReboot(): Promise<void> {
    const { ledger, drivers, bootId, log } = this.#deps
    if (ledger.setting('boot-id') === bootId) return
    const references = [...ledger.mountedNames].flatMap((name) => [...ledger.mountsOf(name).values()])
    const stateless = new Set(drivers.all.flatMap(({ name, attachment }) => (attachment === 'stateless' ? name : [])))
    // A device is still attached after a reboot: reconciliation detaches it, unless it is mounted again before.
    const attached = [...ledger.volumes.values()].filter(
      ({ state, driver }) => state === 'attached' && stateless.has(driver),
    )
    await ledger.commit(
      'start',
      ...references.map(({ volume, id }) => ({ remove: 'mount', volume, id }) as const),
      ...attached.map((volume) => ({ put: 'volume', row: detached(volume) }) as const),
      { put: 'setting', key: 'boot-id', value: bootId },
      ...references.map((reference) =>
        mountEvent(this.#deps, 'volume.mount.drop', { ...reference, count: 0 }, { reason: 'reboot' }),
      ),
    )
    if (references.length > 0) log.info({ mounts: references.length }, 'the host has rebooted: mounts are void')
  }

  /** Carries on what a crash cut short, one volume after the other; one that fails is left for its next use. */
  async resumeAll(call: CallContext): Promise<void> {
    const { ledger, log } = this.#deps
    const cutShort = [...ledger.volumes.values()].filter(
      ({ state, resizeTo }) => state.endsWith('ing') || resizeTo !== undefined,
    )
    for (const volume of cutShort) {
      try {
        await this.#resume(volume, call)
        log.info({ volume: volume.name, state: volume.state }, 'carried on what was cut short')
      } catch (thrown) {
        log.warn({ volume: volume.name, state: volume.state, err: thrown }, 'could not carry on: left for the next use')
      }
    }
  }

  async #resume({ name, state, renameTo }: Volume, call: CallContext): Promise<void> {
    const { locks } = this.#deps
    if (state === 'renaming' && renameTo !== undefined) {
      await locks.runAll([name, renameTo], call.signal, () => this.#alteration.finishRename(name, call))
      return
    }
    await locks.run(name, call.signal, async () => {
      await this.#resumption.resume(name, call)
      await this.#alteration.finishResize(name, call)
    })
  }

  /** Says which mounts below our own directory belong to no volume. Somebody may use them: they are left alone. */
  async reportUnknownMounts(): Promise<void> {
    const { ledger, mounter, policy, log } = this.#deps
    const mounts = await mounter.mountsBelow(policy.mountRoot)
    const known = new Set([...ledger.volumes.values()].map(({ name }) => mountPath(policy, name)))
    for (const { mountpoint, source } of mounts.filter((mount) => !known.has(mount.mountpoint))) {
      log.warn({ mountpoint, source }, 'a mount that belongs to no volume: unmount it by hand if nobody needs it')
    }
  }
}
