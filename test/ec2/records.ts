export type Tags = Readonly<Record<string, string>>

/** Words of EC2, apart from `deleted`: what once was, and that no Describe shows. */
export type VolumeState = 'creating' | 'available' | 'in-use' | 'deleting' | 'deleted' | 'error'
export type AttachmentState = 'attaching' | 'attached' | 'detaching' | 'busy'
export type InstanceState = 'pending' | 'running' | 'shutting-down' | 'terminated' | 'stopping' | 'stopped'

export interface AttachmentRecord {
  /** No two attachments have the same one. */
  readonly serial: number
  readonly instanceId: string
  readonly device: string
  readonly state: AttachmentState
  readonly sinceMs: number
  readonly isDeletedWithInstance: boolean
}

export interface VolumeRecord {
  readonly id: string
  readonly zone: string
  readonly sizeGib: number
  readonly type: string
  readonly iops?: number | undefined
  /** MiB/s */
  readonly throughput?: number | undefined
  readonly isEncrypted: boolean
  readonly kmsKeyId?: string | undefined
  readonly snapshotId?: string | undefined
  readonly isMultiAttach: boolean
  readonly createdMs: number
  readonly state: VolumeState
  readonly attachments: readonly AttachmentRecord[]
  readonly tags: Tags
}

export interface InstanceRecord {
  readonly id: string
  readonly zone: string
  readonly type: string
  readonly state: InstanceState
  readonly rootDevice: string
  /** Names that its image maps, and that no Describe shows. */
  readonly hiddenDevices: readonly string[]
  readonly networkInterfaces: number
  readonly launchedMs: number
  readonly tags: Tags
}

export interface InstanceTypeRecord {
  readonly name: string
  /** None: EC2 does not say. */
  readonly mostAttachments?: number
  /** Network interfaces and disks of the instance count, too. */
  readonly limitType?: 'shared' | 'dedicated'
  readonly instanceDisks: number
}

export interface SnapshotRecord {
  readonly id: string
  readonly sizeGib: number
  readonly isEncrypted: boolean
}

export interface CreateVolumeRequest {
  readonly zone?: string | undefined
  readonly sizeGib?: number | undefined
  readonly snapshotId?: string | undefined
  readonly type?: string | undefined
  readonly iops?: number | undefined
  readonly throughput?: number | undefined
  readonly isEncrypted?: boolean | undefined
  readonly kmsKeyId?: string | undefined
  readonly isMultiAttach?: boolean | undefined
  readonly clientToken?: string | undefined
  readonly tags?: Tags | undefined
}

export interface AttachVolumeRequest {
  readonly volumeId: string
  readonly instanceId: string
  readonly device: string
}

export interface DetachVolumeRequest {
  readonly volumeId: string
  readonly instanceId?: string | undefined
  readonly device?: string | undefined
  readonly isForced?: boolean | undefined
}
