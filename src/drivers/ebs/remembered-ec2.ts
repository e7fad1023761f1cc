import type {
  AttachmentLimit,
  AttachmentRequest,
  AttachOutcome,
  CreateOutcome,
  DetachmentRequest,
  Ec2Api,
  Ec2Attachment,
  Ec2Instance,
  Ec2Volume,
  VolumeRequest,
} from './ec2-api.js'
import type { Attributes } from '../../model/volume.js'

/** EC2, and what it said last of each volume: `inspect` waits for nobody. */
export class RememberedEc2 implements Ec2Api {
  readonly #api: Ec2Api
  readonly #seen = new Map<string, Ec2Volume>()

  constructor(api: Ec2Api) {
    this.#api = api
  }

  /** From memory. */
  lastSeen(id: string): Ec2Volume | undefined {
    return this.#seen.get(id)
  }

  async createVolume(request: VolumeRequest, signal: AbortSignal): Promise<CreateOutcome> {
    const outcome = await this.#api.createVolume(request, signal)
    if (outcome.kind === 'made') this.#note(outcome.volume)
    return outcome
  }

  async findVolume(id: string, signal: AbortSignal): Promise<Ec2Volume | undefined> {
    const found = await this.#api.findVolume(id, signal)
    if (found !== undefined) this.#note(found)
    return found
  }

  async findVolumes(tags: Attributes, signal: AbortSignal): Promise<readonly Ec2Volume[]> {
    const found = await this.#api.findVolumes(tags, signal)
    for (const volume of found) this.#note(volume)
    return found
  }

  /** One that gets stuck on its way is looked at again by whoever waits for it. */
  async attachVolume(request: AttachmentRequest, signal: AbortSignal): Promise<AttachOutcome> {
    const outcome = await this.#api.attachVolume(request, signal)
    const { instanceId, device, volumeId } = request
    if (outcome.kind === 'attaching') this.#noteHolder(volumeId, instanceId, { instanceId, device, state: 'attached' })
    return outcome
  }

  async detachVolume(request: DetachmentRequest, signal: AbortSignal): Promise<void> {
    await this.#api.detachVolume(request, signal)
    this.#noteHolder(request.volumeId, request.instanceId)
  }

  async deleteVolume(id: string, signal: AbortSignal): Promise<void> {
    await this.#api.deleteVolume(id, signal)
    this.#seen.delete(id)
  }

  tagVolume(id: string, tags: Attributes, signal: AbortSignal): Promise<void> {
    return this.#api.tagVolume(id, tags, signal)
  }

  untagVolume(id: string, keys: readonly string[], signal: AbortSignal): Promise<void> {
    return this.#api.untagVolume(id, keys, signal)
  }

  findInstance(id: string, signal: AbortSignal): Promise<Ec2Instance | undefined> {
    return this.#api.findInstance(id, signal)
  }

  attachmentLimit(instanceType: string, signal: AbortSignal): Promise<AttachmentLimit | undefined> {
    return this.#api.attachmentLimit(instanceType, signal)
  }

  close(): void {
    this.#api.close()
  }

  #noteHolder(volumeId: string, instanceId: string, attachment?: Ec2Attachment): void {
    const volume = this.#seen.get(volumeId)
    if (volume === undefined) return
    const others = volume.attachments.filter((one) => one.instanceId !== instanceId)
    const attachments = attachment === undefined ? others : [...others, attachment]
    this.#note({ ...volume, state: attachments.length === 0 ? 'available' : 'in-use', attachments })
  }

  #note(volume: Ec2Volume): void {
    this.#seen.set(volume.id, volume)
  }
}
