import type { CloudState } from './cloud-state.js'
import { Ec2Failure, invalidValue } from './ec2-failure.js'
import type {
  AttachmentRecord,
  AttachVolumeRequest,
  DetachVolumeRequest,
  InstanceRecord,
  VolumeRecord,
} from './records.js'

const deviceName = /^\/dev\/(sd[a-z]([1-9]|1[0-5])?|xvd[a-z]|xvd[a-d][a-z])$/

/** Throws Ec2Failure for what EC2 refuses. */
export function checkAttachment(state: CloudState, volume: VolumeRecord, request: AttachVolumeRequest): void {
  const { volumeId, instanceId, device } = request
  const instance = state.getInstance(instanceId)
  if (!deviceName.test(device))
    throw invalidValue(`Value (${device}) for parameter device is invalid. ${device} is not a valid EBS device name.`)
  if (instance.state !== 'running' && instance.state !== 'stopped')
    throw new Ec2Failure('IncorrectState', `Instance '${instanceId}' is not 'running'.`)
  checkAvailable(volume, instanceId)
  if (volume.zone !== instance.zone)
    throw new Ec2Failure(
      'InvalidVolume.ZoneMismatch',
      `The volume '${volumeId}' is not in the same availability zone as instance '${instanceId}'`,
    )
  if (usedDevices(state, instance).has(pointOf(device)))
    throw invalidValue(`Invalid value '${device}' for unixDevice. Attachment point ${device} is already in use`)
  checkRoom(state, instance)
}

function checkAvailable({ id, state, attachments, isMultiAttach }: VolumeRecord, instanceId: string): void {
  const isHere = attachments.some((attachment) => attachment.instanceId === instanceId)
  if (attachments.length > 0 && (isHere || !isMultiAttach))
    throw new Ec2Failure('VolumeInUse', `${id} is already attached to an instance`)
  if (state !== 'available' && state !== 'in-use')
    throw new Ec2Failure('IncorrectState', `Volume '${id}' is in the '${state}' state; it must be 'available'.`)
}

/** The same disk has either name. */
const pointOf = (device: string) => device.replace(/^\/dev\/xvd/, '/dev/sd')

function usedDevices(state: CloudState, { id, hiddenDevices }: InstanceRecord): ReadonlySet<string> {
  const devices = attachmentsOf(state, id).map(({ attachment }) => attachment.device)
  return new Set([...devices, ...hiddenDevices].map(pointOf))
}

function checkRoom(state: CloudState, { id, type, networkInterfaces, hiddenDevices }: InstanceRecord): void {
  const limits = state.instanceTypes.get(type)
  if (limits?.mostAttachments === undefined) return
  const others = limits.limitType === 'shared' ? networkInterfaces + limits.instanceDisks : 0
  const used = attachmentsOf(state, id).length + hiddenDevices.length + others
  if (used >= limits.mostAttachments)
    throw new Ec2Failure(
      'AttachmentLimitExceeded',
      `Instance '${id}' has ${used} of at most ${limits.mostAttachments} attachments.`,
    )
}

export interface InstanceAttachment {
  readonly volume: VolumeRecord
  readonly attachment: AttachmentRecord
}

export function attachmentsOf(state: CloudState, instanceId: string): readonly InstanceAttachment[] {
  return state.volumes().flatMap((volume) => {
    const attachment = volume.attachments.find((each) => each.instanceId === instanceId)
    return attachment === undefined ? [] : [{ volume, attachment }]
  })
}

/** The attachment that is meant; throws Ec2Failure when it must not be detached or there is none. */
export function attachmentToDetach(state: CloudState, volume: VolumeRecord, request: DetachVolumeRequest) {
  const { volumeId, instanceId, device } = request
  if (volume.attachments.length === 0)
    throw new Ec2Failure('IncorrectState', `Volume '${volumeId}' is in the '${volume.state}' state.`)
  if (instanceId === undefined && volume.attachments.length > 1)
    throw new Ec2Failure('InvalidParameterCombination', `Volume '${volumeId}' is attached to more than one instance.`)
  if (instanceId !== undefined) state.getInstance(instanceId)
  const attachment = volume.attachments.find(
    (each) => (instanceId ?? each.instanceId) === each.instanceId && (device ?? each.device) === each.device,
  )
  if (attachment === undefined)
    throw new Ec2Failure(
      'InvalidAttachment.NotFound',
      `The volume '${volumeId}' is not attached to instance '${instanceId ?? ''}' as device '${device ?? ''}'.`,
    )
  const instance = state.getInstance(attachment.instanceId)
  if (attachment.device === instance.rootDevice && instance.state === 'running')
    throw new Ec2Failure('OperationNotPermitted', `Unable to detach root volume '${volumeId}' from '${instance.id}'`)
  return attachment
}
