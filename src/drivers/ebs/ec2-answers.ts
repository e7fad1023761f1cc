import type { Instance, InstanceTypeInfo, Tag, Volume, VolumeAttachment } from '@aws-sdk/client-ec2'
import { optional } from '../../model/optional.js'
import type { Attributes } from '../../model/volume.js'
import type {
  AttachmentLimit,
  AttachmentState,
  Ec2Attachment,
  Ec2Instance,
  Ec2Volume,
  InstanceDevice,
  InstanceState,
  VolumeState,
} from './ec2-api.js'

/** As EC2 describes it. Everything is optional in the types of the SDK, and present in its answers. */
export function volumeOf(volume: Volume): Ec2Volume {
  return {
    id: volume.VolumeId ?? '',
    // Not knowing it must never look like a volume that has failed or can be used.
    state: (volume.State ?? 'creating') satisfies VolumeState,
    zone: volume.AvailabilityZone ?? '',
    sizeGib: volume.Size ?? 0,
    type: volume.VolumeType ?? '',
    ...optional('iops', volume.Iops),
    ...optional('throughput', volume.Throughput),
    isEncrypted: volume.Encrypted ?? false,
    ...optional('kmsKeyId', volume.KmsKeyId || undefined),
    ...optional('snapshotId', volume.SnapshotId || undefined),
    createdAt: volume.CreateTime?.toISOString() ?? '',
    isMultiAttach: volume.MultiAttachEnabled ?? false,
    attachments: (volume.Attachments ?? []).map(attachmentOf),
    tags: tagsOf(volume.Tags),
  }
}

function attachmentOf({ InstanceId, Device, State, AttachTime }: VolumeAttachment): Ec2Attachment {
  return {
    instanceId: InstanceId ?? '',
    device: Device ?? '',
    // An attachment without a state is one that EC2 has not made yet.
    state: (State ?? 'attaching') satisfies AttachmentState,
    ...optional('since', AttachTime?.toISOString()),
  }
}

export function instanceOf(instance: Instance): Ec2Instance {
  return {
    id: instance.InstanceId ?? '',
    // Not knowing it must never look like an instance that has stopped.
    state: (instance.State?.Name ?? 'running') satisfies InstanceState,
    type: instance.InstanceType ?? '',
    zone: instance.Placement?.AvailabilityZone ?? '',
    ...optional('name', tagsOf(instance.Tags)['Name']),
    devices: (instance.BlockDeviceMappings ?? []).flatMap(({ DeviceName, Ebs }): readonly InstanceDevice[] =>
      DeviceName === undefined
        ? []
        : [{ device: DeviceName, volumeId: Ebs?.VolumeId ?? '', state: Ebs?.Status ?? 'attached' }],
    ),
    networkInterfaces: instance.NetworkInterfaces?.length ?? 0,
  }
}

/** None when EC2 does not say how many. */
export function attachmentLimitOf({ EbsInfo, InstanceStorageInfo }: InstanceTypeInfo): AttachmentLimit | undefined {
  const most = EbsInfo?.MaximumEbsAttachments
  if (most === undefined) return undefined
  const isNvme = InstanceStorageInfo?.NvmeSupport !== 'unsupported'
  const disks = isNvme ? (InstanceStorageInfo?.Disks ?? []) : []
  return {
    most,
    isShared: EbsInfo?.AttachmentLimitType === 'shared',
    instanceDisks: disks.reduce((sum, { Count }) => sum + (Count ?? 0), 0),
  }
}

const tagsOf = (tags: readonly Tag[] = []): Attributes =>
  Object.fromEntries(tags.map(({ Key = '', Value = '' }) => [Key, Value]))
