import type {
  AttachmentLimit,
  AttachmentRequest,
  AttachOutcome,
  CreateOutcome,
  DetachmentRequest,
  Ec2Api,
  Ec2Instance,
  Ec2Volume,
  VolumeRequest,
} from '../../src/drivers/ebs/ec2-api.js'
import { ec2Error } from '../../src/drivers/ebs/ec2-errors.js'
import { isAboutIds, isNotAttached, refusalOfAttachment, refusalOfVolume } from '../../src/drivers/ebs/ec2-refusals.js'
import { ConvoyError } from '../../src/errors.js'
import type { Attributes } from '../../src/model/volume.js'
import type { Cloud } from '../ec2/cloud.js'
import { Ec2Failure } from '../ec2/ec2-failure.js'
import type { Action } from '../ec2/faults.js'
import type { VolumeRecord } from '../ec2/records.js'
import type { FaultInjector } from './fault-injector.js'

/** The cloud of the emulator without the wire: each call is a step. Refusals mean what they mean to the real client. */
export class CloudEc2 implements Ec2Api {
  readonly #cloud: Cloud
  readonly #faults: FaultInjector
  /** Every call, by action. */
  readonly calls = new Map<string, number>()
  /** Every request to detach, in its order. */
  readonly detachments: DetachmentRequest[] = []
  /** Whether EC2 does not answer. */
  isSilent = false

  constructor(cloud: Cloud, faults: FaultInjector) {
    this.#cloud = cloud
    this.#faults = faults
  }

  createVolume({ token, tags, ...asked }: VolumeRequest): Promise<CreateOutcome> {
    const act = (): CreateOutcome => ({
      kind: 'made',
      volume: shown(this.#cloud.createVolume({ ...asked, clientToken: token, tags })),
    })
    return this.#call('CreateVolume', act, refusalOfVolume)
  }

  findVolume(id: string): Promise<Ec2Volume | undefined> {
    return this.#call('DescribeVolumes', () => {
      const found = this.#cloud.findVolumeSeen(id, 'DescribeVolumes')
      return found === undefined ? undefined : shown(found)
    })
  }

  findVolumes(tags: Attributes): Promise<readonly Ec2Volume[]> {
    return this.#call('DescribeVolumes', () =>
      this.#cloud
        .volumesSeen('DescribeVolumes')
        .filter((volume) => Object.entries(tags).every(([key, value]) => volume.tags[key] === value))
        .map(shown),
    )
  }

  attachVolume(request: AttachmentRequest): Promise<AttachOutcome> {
    const act = (): AttachOutcome => {
      this.#cloud.attachVolume(request)
      return { kind: 'attaching' }
    }
    return this.#call('AttachVolume', act, (thrown) => refusalOfAttachment(thrown, request.volumeId))
  }

  detachVolume(request: DetachmentRequest): Promise<void> {
    this.detachments.push(request)
    const unlessDetached = (thrown: unknown) => {
      if (!isNotAttached(thrown)) throw thrown
    }
    return this.#call('DetachVolume', () => void this.#cloud.detachVolume(request), unlessDetached)
  }

  deleteVolume(id: string): Promise<void> {
    const unlessGone = (thrown: unknown) => {
      if (!isAboutIds(thrown, [id])) throw thrown
    }
    return this.#call('DeleteVolume', () => this.#cloud.deleteVolume(id), unlessGone)
  }

  tagVolume(id: string, tags: Attributes): Promise<void> {
    return this.#call('CreateTags', () => this.#cloud.createTags([id], tags))
  }

  untagVolume(id: string, keys: readonly string[]): Promise<void> {
    return this.#call('DeleteTags', () =>
      this.#cloud.deleteTags([id], Object.fromEntries(keys.map((key) => [key, undefined]))),
    )
  }

  findInstance(id: string): Promise<Ec2Instance | undefined> {
    return this.#call('DescribeInstances', () => {
      const found = this.#cloud.findInstance(id)
      if (found === undefined) return undefined
      const { state, type, zone, networkInterfaces, tags } = found
      const devices = this.#cloud
        .volumesSeen('DescribeInstances')
        .flatMap((volume) =>
          volume.attachments
            .filter(({ instanceId }) => instanceId === id)
            .map((attachment) => ({ device: attachment.device, volumeId: volume.id, state: attachment.state })),
        )
      const name = tags['Name']
      return { id, state, type, zone, networkInterfaces, devices, ...(name === undefined ? {} : { name }) }
    })
  }

  attachmentLimit(name: string): Promise<AttachmentLimit | undefined> {
    return this.#call('DescribeInstanceTypes', () => {
      const type = this.#cloud.findInstanceType(name)
      if (type?.mostAttachments === undefined) return undefined
      const { mostAttachments: most, limitType, instanceDisks } = type
      return { most, isShared: limitType !== 'dedicated', instanceDisks }
    })
  }

  close(): void {
    // Nothing is held.
  }

  #call<T>(action: Action, act: () => T, meaningOf?: (thrown: unknown) => T): Promise<T> {
    this.calls.set(action, (this.calls.get(action) ?? 0) + 1)
    return this.#faults.step(action, () => {
      if (this.isSilent) throw new ConvoyError('unavailable', `${action}: EC2 does not answer`)
      try {
        this.#refuse(action, 'before')
        const result = act()
        this.#refuse(action, 'after')
        return result
      } catch (thrown) {
        if (!(thrown instanceof Ec2Failure)) throw thrown
        const error = ec2Error(action, Object.assign(new Error(thrown.message), { name: thrown.code }))
        if (meaningOf === undefined) throw error
        return meaningOf(error)
      }
    })
  }

  /** What the script of the cloud answers in place of EC2. */
  #refuse(action: Action, moment: 'before' | 'after'): void {
    const isMeant = ({ when = 'before' }: { readonly when?: 'before' | 'after' }) => when === moment
    const fault = this.#cloud.faults.take('answer', { action }, isMeant)
    if (fault !== undefined) throw new Ec2Failure(fault.code, fault.message ?? fault.code, fault.status)
  }
}

function shown(volume: VolumeRecord): Ec2Volume {
  const { createdMs, attachments, iops, throughput, kmsKeyId, snapshotId, ...same } = volume
  return {
    ...same,
    ...(iops === undefined ? {} : { iops }),
    ...(throughput === undefined ? {} : { throughput }),
    ...(kmsKeyId === undefined ? {} : { kmsKeyId }),
    ...(snapshotId === undefined ? {} : { snapshotId }),
    createdAt: new Date(createdMs).toISOString(),
    attachments: attachments.map(({ instanceId, device, state, sinceMs }) => ({
      ...{ instanceId, device, state },
      since: new Date(sinceMs).toISOString(),
    })),
  }
}
