import { attachmentsOf, attachmentToDetach, checkAttachment } from './attachment-rules.js'
import type { CloudState } from './cloud-state.js'
import type { FaultSubject } from './faults.js'
import { PluggedDisks } from './plugged-disks.js'
import type {
  AttachmentRecord,
  AttachVolumeRequest,
  DetachVolumeRequest,
  InstanceState,
  VolumeRecord,
} from './records.js'

let lastSerial = 0
export const nextSerial = (): number => ++lastSerial

/** Attaches and detaches, which takes its time and has its disks. */
export class Attachments {
  readonly #state: CloudState
  readonly #disks: PluggedDisks

  constructor(state: CloudState) {
    this.#state = state
    this.#disks = new PluggedDisks(state.deps)
  }

  attach(request: AttachVolumeRequest): AttachmentRecord {
    const { volumeId, instanceId, device } = request
    const volume = this.#state.getVolume(volumeId)
    checkAttachment(this.#state, volume, request)
    const { clock, faults, delays } = this.#state.deps
    const attachment: AttachmentRecord = {
      serial: nextSerial(),
      instanceId,
      device,
      state: 'attaching',
      sinceMs: clock.now(),
      isDeletedWithInstance: false,
    }
    this.#state.put({ ...volume, state: 'in-use', attachments: [...volume.attachments, attachment] }, 'AttachVolume')
    const subject: FaultSubject = { action: 'AttachVolume', volumeId, instanceId, device }
    if (faults.take('stuck', subject, ({ state }) => state === 'attaching') === undefined)
      clock.schedule(delays.attachMs, () => this.#finishAttach(volumeId, attachment.serial))
    return attachment
  }

  detach(request: DetachVolumeRequest): AttachmentRecord {
    const { volumeId, isForced = false } = request
    const volume = this.#state.getVolume(volumeId)
    const { serial, instanceId, device } = attachmentToDetach(this.#state, volume, request)
    const { clock, faults, delays } = this.#state.deps
    const subject: FaultSubject = { action: 'DetachVolume', volumeId, instanceId, device }
    const stuck = isForced ? undefined : faults.take('stuck', subject, ({ state }) => state !== 'attaching')
    const state = stuck?.state ?? 'detaching'
    const detaching = this.#change(volumeId, serial, { state })
    if (stuck === undefined) clock.schedule(delays.detachMs, () => this.#finishDetach(volumeId, serial))
    return detaching
  }

  /** Ends what is under way or stuck at this volume. */
  async settle(volumeId: string): Promise<void> {
    for (const { serial, state } of this.#state.getVolume(volumeId).attachments)
      if (state === 'attaching') await this.#finishAttach(volumeId, serial)
      else await this.#finishDetach(volumeId, serial)
  }

  /** A machine that is off has no disks, and one that has come to its end has no volumes. */
  async follow(instanceId: string, state: InstanceState): Promise<void> {
    const { clock, delays } = this.#state.deps
    for (const { volume, attachment } of attachmentsOf(this.#state, instanceId))
      if (state === 'running' && attachment.state === 'attached') await this.#disks.plug(volume, attachment)
      else if (state === 'stopped' || state === 'terminated') await this.#disks.unplug(volume.id, attachment)
    if (state === 'terminated') clock.schedule(delays.releaseMs, async () => this.#release(instanceId))
  }

  #release(instanceId: string): void {
    for (const { volume, attachment } of attachmentsOf(this.#state, instanceId)) {
      this.#remove(volume.id, attachment.serial)
      const released = this.#state.history.find(volume.id)
      if (attachment.isDeletedWithInstance && released !== undefined)
        this.#state.put({ ...released, state: 'deleted' }, 'DeleteVolume')
    }
  }

  async #finishAttach(volumeId: string, serial: number): Promise<void> {
    const { clock, faults } = this.#state.deps
    const attachment = this.#find(volumeId, serial)
    const volume = this.#state.history.find(volumeId)
    if (attachment?.state !== 'attaching' || volume === undefined) return
    const hidden = faults.take('no-disk', { action: 'AttachVolume', volumeId, ...attachment })
    if (hidden === undefined) await this.#plugRunning(volume, serial)
    else if (hidden.forMs !== undefined) clock.schedule(hidden.forMs, () => this.#plugRunning(volume, serial))
    if (this.#find(volumeId, serial)?.state === 'attaching') this.#change(volumeId, serial, { state: 'attached' })
  }

  async #plugRunning(volume: VolumeRecord, serial: number): Promise<void> {
    const attachment = this.#find(volume.id, serial)
    if (attachment === undefined || this.#state.instances.get(attachment.instanceId)?.state !== 'running') return
    if (attachment.state === 'attaching' || attachment.state === 'attached') await this.#disks.plug(volume, attachment)
  }

  async #finishDetach(volumeId: string, serial: number): Promise<void> {
    const attachment = this.#find(volumeId, serial)
    if (attachment?.state !== 'detaching' && attachment?.state !== 'busy') return
    await this.#disks.unplug(volumeId, attachment)
    this.#remove(volumeId, serial)
  }

  #find(volumeId: string, serial: number): AttachmentRecord | undefined {
    return this.#state.history.find(volumeId)?.attachments.find((each) => each.serial === serial)
  }

  #change(volumeId: string, serial: number, change: Pick<AttachmentRecord, 'state'>): AttachmentRecord {
    const volume = this.#state.history.find(volumeId)
    const old = this.#find(volumeId, serial)
    if (volume === undefined || old === undefined) throw new Error(`${volumeId} has no attachment ${serial}`)
    const changed = { ...old, ...change }
    const attachments = volume.attachments.map((each) => (each.serial === serial ? changed : each))
    this.#state.put({ ...volume, attachments }, change.state === 'attached' ? 'AttachVolume' : 'DetachVolume')
    return changed
  }

  #remove(volumeId: string, serial: number): void {
    const volume = this.#state.history.find(volumeId)
    if (volume === undefined) return
    const attachments = volume.attachments.filter((each) => each.serial !== serial)
    const state = attachments.length === 0 && volume.state === 'in-use' ? 'available' : volume.state
    this.#state.put({ ...volume, state, attachments }, 'DetachVolume')
  }
}
