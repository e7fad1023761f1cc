import type { CloudStateDeps } from './cloud-state.js'
import type { AttachmentRecord, VolumeRecord } from './records.js'

/** Which disks are there. Of one volume, one thing after the other. */
export class PluggedDisks {
  readonly #deps: Pick<CloudStateDeps, 'disks' | 'onDiskError'>
  readonly #plugged = new Set<number>()
  readonly #work = new Map<string, Promise<void>>()

  constructor(deps: Pick<CloudStateDeps, 'disks' | 'onDiskError'>) {
    this.#deps = deps
  }

  plug({ id, sizeGib, zone }: VolumeRecord, { serial, instanceId }: AttachmentRecord): Promise<void> {
    return this.#after(id, async () => {
      if (this.#plugged.has(serial)) return
      this.#plugged.add(serial)
      await this.#deps.disks.plug({ id, sizeGib, zone }, instanceId)
    })
  }

  unplug(volumeId: string, { serial, instanceId }: AttachmentRecord): Promise<void> {
    return this.#after(volumeId, async () => {
      if (this.#plugged.delete(serial)) await this.#deps.disks.unplug(volumeId, instanceId)
    })
  }

  /** The cloud goes on without a disk that could not be made. */
  #after(volumeId: string, act: () => Promise<void>): Promise<void> {
    const earlier = this.#work.get(volumeId) ?? Promise.resolve()
    const work = earlier.then(act).catch((error: unknown) => this.#deps.onDiskError(error))
    this.#work.set(volumeId, work)
    return work
  }
}
