import type { Retirement as RetiredState } from '../drivers/driver.js'
import { ConvoyError } from '../errors.js'
import type { CallContext } from '../model/call-context.js'
import type { OnRemove, TrashedVolume, Volume } from '../model/volume.js'
import { isAnonymousVolumeName, type VolumeName } from '../model/volume-name.js'
import { type CoreDeps, undoing } from './core-deps.js'
import { driverCall } from './driver-call.js'
import { volumeEvent } from './events.js'
import type { Holding } from './holding.js'
import type { Mounts } from './mounts.js'
import type { Resumption } from './resumption.js'
import type { Retirement } from './retirement.js'
import type { Trash } from './trash.js'
import type { Volumes } from './volumes.js'

interface Parts {
  readonly volumes: Volumes
  readonly resumption: Resumption
  readonly holding: Holding
  readonly mounts: Mounts
  readonly trash: Trash
  readonly retirement: Retirement
}

/** How a volume goes: forgotten with its data kept, or to the trash, from where its data goes later. Both can be undone. */
export class Removal {
  readonly #deps: CoreDeps
  readonly #parts: Parts

  constructor(deps: CoreDeps, parts: Parts) {
    this.#deps = deps
    this.#parts = parts
  }

  /** `docker volume rm` and `docker rm -v`: does what the volume, or else the daemon, says for that. */
  async removeForDocker(name: VolumeName, call: CallContext): Promise<void> {
    const volume = this.#parts.volumes.get(name)
    const byDefault = isAnonymousVolumeName(name) ? 'trash' : this.#deps.policy.onDockerRemove
    await this.#remove(name, volume.onRemove ?? byDefault, call)
  }

  /** `convoy delete`: to the trash. A forgotten volume can be deleted, too. */
  async delete(name: VolumeName, call: CallContext): Promise<void> {
    await this.#remove(name, 'trash', call)
  }

  /** `convoy delete --reference`: the data stays, the name is no longer listed. */
  async forget(name: VolumeName, call: CallContext): Promise<void> {
    await this.#remove(name, 'retain', call)
  }

  async #remove(name: VolumeName, how: OnRemove, call: CallContext): Promise<void> {
    if (how === 'ignore') return
    await this.#deps.locks.run(name, call.signal, async () => {
      const volume = await this.#parts.resumption.resume(name, call)
      if (volume === undefined) this.#parts.volumes.get(name)
      else if (how === 'retain' && volume.state !== 'forgotten') await this.#retire(volume, 'forgotten', 0, call)
      else if (how === 'delete') await this.#retire(volume, 'trashed', 0, call)
      else if (how === 'trash') await this.#retire(volume, 'trashed', this.#deps.policy.trashRetentionMs, call)
      else this.#parts.volumes.get(name)
    })
    if (how === 'delete' || this.#deps.policy.trashRetentionMs === 0) await this.#sweep(call)
  }

  /** The volume is gone already: what keeps its data from going too is no failure of the removal. */
  async #sweep(call: CallContext): Promise<void> {
    try {
      await this.#parts.trash.sweep(call)
    } catch (thrown) {
      call.log.warn({ err: thrown }, 'the data of deleted volumes could not be removed: tried again later')
    }
  }

  async #retire(volume: Volume, as: RetiredState, retentionMs: number, call: CallContext): Promise<void> {
    const { ledger } = this.#deps
    const { holding } = this.#parts
    holding.refuseReferenced(volume)
    const ready = await this.#detach(volume, call)
    const intent: Volume = { ...ready, state: as === 'forgotten' ? 'forgetting' : 'trashing' }
    // The kernel is asked while the intent becomes durable; without its consent the intent is taken back.
    const [consent, intended] = await Promise.allSettled([
      holding.refuseHeld(ready),
      ledger.commit('remove-intent', { put: 'volume', row: intent }),
    ])
    if (intended.status === 'rejected') throw intended.reason
    try {
      if (consent.status === 'rejected') throw consent.reason
      await this.#parts.retirement.complete(ready, as, retentionMs, call)
      holding.noteMounted(ready)
    } catch (thrown) {
      await this.#undo(ready, undoing(call))
      throw thrown
    }
  }

  /** Ends stale references, and the attachment of a volume that is held by nothing but them. */
  async #detach(volume: Volume, call: CallContext): Promise<Volume> {
    const { ledger } = this.#deps
    if (volume.state !== 'attached') return volume
    await this.#parts.holding.refuseHeld(volume)
    await this.#parts.mounts.drop([...ledger.mountsOf(volume.name).values()], 'removal', call)
    await this.#parts.mounts.release(volume, call)
    const left = ledger.volumes.get(volume.name) ?? volume
    if (left.state !== 'attached') return left
    throw new ConvoyError('in-use', `a process of this host uses volume "${volume.name}"`, {
      hint: `fuser -vm ${volume.mountpoint ?? volume.name} shows which`,
    })
  }

  async #undo(volume: Volume, call: CallContext): Promise<void> {
    const { ledger, drivers } = this.#deps
    try {
      const driver = drivers.get(volume.driver)
      const handle = await driver.revive(volume, volume.name, driverCall(ledger, volume.id, call))
      const row: Volume = { ...volume, ...handle }
      if (volume.state === 'forgotten') await driver.retire(row, 'forgotten', driverCall(ledger, volume.id, call))
      await ledger.commit('remove-undone', { put: 'volume', row })
    } catch (thrown) {
      call.log.warn({ volume: volume.name, err: thrown }, 'a failed removal could not be undone: retried later')
    }
  }

  /**
   * Takes back a forgotten or trashed volume, under its old name or another. Of several trashed ones of the name the newest; a
   * trashed one can also be given by its id. ConvoyError `already-exists` when the name is in use.
   */
  async undelete(name: string, as: VolumeName | undefined, call: CallContext): Promise<Volume> {
    const { ledger } = this.#deps
    const forgotten = [...ledger.volumes.values()].find((one) => one.name === name && one.state === 'forgotten')
    if (forgotten !== undefined && (as === undefined || as === forgotten.name)) {
      return this.#parts.volumes.takeBack(forgotten.name, call)
    }
    if (forgotten !== undefined) {
      throw new ConvoyError('unsupported', 'a forgotten volume comes back under its own name', {
        hint: `convoy undelete ${name}`,
      })
    }
    const { trash } = this.#parts
    return trash.reserve(trash.find(name), (entry) =>
      this.#deps.locks.run(as ?? entry.name, call.signal, () => this.#restore(entry, as ?? entry.name, call)),
    )
  }

  async #restore(entry: TrashedVolume, name: VolumeName, call: CallContext): Promise<Volume> {
    const { ledger, drivers } = this.#deps
    if (ledger.volumes.has(name)) {
      throw new ConvoyError('already-exists', `there is a volume "${name}" again`, {
        hint: `give the old one another name: convoy undelete ${entry.id} --as NAME`,
      })
    }
    const { trashedAt, expiresAt, ...kept } = entry
    const intent: Volume = { ...kept, name, state: 'undeleting', origin: 'created' }
    await ledger.commit('undelete', { remove: 'trash', id: entry.id }, { put: 'volume', row: intent })
    try {
      const driver = drivers.get(entry.driver)
      const handle = await driver.revive(entry, name, driverCall(ledger, entry.id, call))
      const volume: Volume = { ...intent, ...handle, state: 'ready' }
      const event = volumeEvent(this.#deps, 'volume.undelete', volume, name === entry.name ? {} : { from: entry.name })
      ledger.commitLater('undelete', { put: 'volume', row: volume }, event)
      return volume
    } catch (thrown) {
      await this.#undoRestore(entry, name, undoing(call))
      throw thrown
    }
  }

  async #undoRestore(entry: TrashedVolume, name: VolumeName, call: CallContext): Promise<void> {
    const { ledger, drivers } = this.#deps
    try {
      const driver = drivers.get(entry.driver)
      const { attributes } = await driver.retire({ ...entry, name }, 'trashed', driverCall(ledger, entry.id, call))
      await ledger.commit('undelete', { remove: 'volume', name }, { put: 'trash', row: { ...entry, attributes } })
    } catch (thrown) {
      call.log.warn({ volume: name, err: thrown }, 'a failed undelete could not be undone: the volume comes back later')
    }
  }
}
