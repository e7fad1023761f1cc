import type { Attributes } from '../../model/volume.js'

/**
 * What the driver asks of EC2. Every method throws ConvoyError: `unavailable` when EC2 does not answer, throttles for longer than
 * the call may take or cannot be reached, `deadline-exceeded` after the signal, and otherwise what EC2 refuses, with EC2's own words
 * and the name of the action. What EC2 says may be seconds old: something that was just made may not be found yet.
 */
export interface Ec2Api {
  /** Answers before the volume is `available`. With a token that was used before it is the volume of then. */
  createVolume(request: VolumeRequest, signal: AbortSignal): Promise<CreateOutcome>
  /** None when EC2 says that there is no such volume, which for a while is also so of a new one. */
  findVolume(id: string, signal: AbortSignal): Promise<Ec2Volume | undefined>
  /** Volumes that bear all of these tags, in any state that EC2 still shows. */
  findVolumes(tags: Attributes, signal: AbortSignal): Promise<readonly Ec2Volume[]>
  attachVolume(request: AttachmentRequest, signal: AbortSignal): Promise<AttachOutcome>
  /** One that is not attached there is no error. `isForced`: only from an instance that does not run. */
  detachVolume(request: DetachmentRequest, signal: AbortSignal): Promise<void>
  /** One that is gone is no error. */
  deleteVolume(id: string, signal: AbortSignal): Promise<void>
  tagVolume(id: string, tags: Attributes, signal: AbortSignal): Promise<void>
  untagVolume(id: string, keys: readonly string[], signal: AbortSignal): Promise<void>
  findInstance(id: string, signal: AbortSignal): Promise<Ec2Instance | undefined>
  /** How many volumes may be attached to an instance of that type; none when EC2 does not say. */
  attachmentLimit(instanceType: string, signal: AbortSignal): Promise<AttachmentLimit | undefined>
  close(): void
}

export interface VolumeRequest {
  /** At most 64 characters. */
  readonly token: string
  readonly zone: string
  readonly type: VolumeType
  /** Absent with a snapshot: its size. */
  readonly sizeGib?: number
  readonly iops?: number
  /** MiB/s */
  readonly throughput?: number
  /** Absent: what the account has set. */
  readonly isEncrypted?: boolean
  readonly kmsKeyId?: string
  readonly snapshotId?: string
  readonly tags: Attributes
}

/**
 * `token-used`: an earlier request with this token had other parameters. `limit`: the account may have no more volumes, or room; EC2
 * also says so of a request that it has carried out.
 */
export type CreateOutcome =
  | { readonly kind: 'made'; readonly volume: Ec2Volume }
  | { readonly kind: 'token-used' | 'limit'; readonly reason: string }

/**
 * `name-taken`: the instance has something else under the device name. `in-use`: the volume is attached already, or being attached.
 * `no-room`: the instance may have no more attachments. `not-ready`: the volume is not `available` (yet).
 */
export type AttachOutcome =
  | { readonly kind: 'attaching' }
  | { readonly kind: 'name-taken' | 'in-use' | 'no-room' | 'not-ready'; readonly reason: string }

export interface AttachmentRequest {
  readonly volumeId: string
  readonly instanceId: string
  /** `/dev/xvdba` */
  readonly device: string
}

export interface DetachmentRequest {
  readonly volumeId: string
  readonly instanceId: string
  readonly isForced: boolean
}

export const volumeTypes = ['gp3', 'gp2', 'io2', 'io1', 'st1', 'sc1', 'standard'] as const
export type VolumeType = (typeof volumeTypes)[number]

/** As EC2 writes it; a word that is not known here may come with a newer API. */
export type VolumeState = 'creating' | 'available' | 'in-use' | 'deleting' | 'deleted' | 'error'
export type AttachmentState = 'attaching' | 'attached' | 'detaching' | 'detached' | 'busy'
export type InstanceState = 'pending' | 'running' | 'shutting-down' | 'terminated' | 'stopping' | 'stopped'

export interface Ec2Volume {
  /** `vol-0123456789abcdef0` */
  readonly id: string
  readonly state: VolumeState
  readonly zone: string
  readonly sizeGib: number
  readonly type: string
  readonly iops?: number
  readonly throughput?: number
  readonly isEncrypted: boolean
  readonly kmsKeyId?: string
  readonly snapshotId?: string
  /** ISO 8601 */
  readonly createdAt: string
  readonly isMultiAttach: boolean
  readonly attachments: readonly Ec2Attachment[]
  readonly tags: Attributes
}

export interface Ec2Attachment {
  readonly instanceId: string
  readonly device: string
  readonly state: AttachmentState
  /** ISO 8601 */
  readonly since?: string
}

export interface Ec2Instance {
  readonly id: string
  readonly state: InstanceState
  readonly type: string
  readonly zone: string
  /** Its tag `Name`. */
  readonly name?: string
  readonly devices: readonly InstanceDevice[]
  /** They and volumes share one limit on most types. */
  readonly networkInterfaces: number
}

export interface InstanceDevice {
  readonly device: string
  readonly volumeId: string
  readonly state: AttachmentState
}

export interface AttachmentLimit {
  readonly most: number
  /** Network interfaces, and disks of the instance itself, take from it, too. */
  readonly isShared: boolean
  /** NVMe disks of the instance itself. */
  readonly instanceDisks: number
}
