import { ConvoyError } from '../../errors.js'
import { describeHolders, holdersOf } from './ebs-volume.js'
import type { Ec2Attachment, Ec2Volume } from './ec2-api.js'

/** What to do next so that a volume gets onto this instance, by what EC2 says of it now. */
export type AttachmentStep =
  | { readonly kind: 'attach' }
  /** EC2 has attached it, or is about to. */
  | { readonly kind: 'find-device'; readonly device: string; readonly isAttached: boolean }
  /** EC2 is busy with it. */
  | { readonly kind: 'wait'; readonly why: string; readonly hint?: string }
  /** It has been on its way to us for too long: perhaps the device name has a bad past. */
  | { readonly kind: 'give-up-name'; readonly device: string }
  /** Another instance has it. */
  | { readonly kind: 'ask-holder'; readonly holder: Ec2Attachment }

const stillDetaching =
  'start the container again; if EC2 never ends that, something on this host still has the disk: end it, or restart this host'

/** As long as the driver of EBS for Kubernetes waits, by experience. */
const stuckMs = 90_000

/** ConvoyError for a volume that will not be attached, however long one waits. */
export function nextAttachmentStep(name: string, volume: Ec2Volume, instanceId: string, now: Date): AttachmentStep {
  refuseUnattachable(name, volume)
  const attachments = holdersOf(volume)
  const here = attachments.find((one) => one.instanceId === instanceId)
  const elsewhere = attachments.find((one) => one.instanceId !== instanceId)
  if (elsewhere !== undefined) return { kind: 'ask-holder', holder: elsewhere }
  if (here !== undefined) return stepOfOwn(here, now)
  if (volume.state === 'available') return { kind: 'attach' }
  return { kind: 'wait', why: `it is ${volume.state}` }
}

function stepOfOwn({ state, device, since }: Ec2Attachment, now: Date): AttachmentStep {
  switch (state) {
    case 'attached':
      return { kind: 'find-device', device, isAttached: true }
    case 'attaching': {
      const isStuck = since !== undefined && now.getTime() - Date.parse(since) > stuckMs
      return isStuck ? { kind: 'give-up-name', device } : { kind: 'find-device', device, isAttached: false }
    }
    case 'detaching':
    case 'busy':
    case 'detached':
      return { kind: 'wait', why: `it is being detached from this host, as ${device} (${state})`, hint: stillDetaching }
  }
}

function refuseUnattachable(name: string, { id, state, isMultiAttach, attachments }: Ec2Volume): void {
  if (isMultiAttach) {
    throw new ConvoyError(
      'invalid-argument',
      `${id}, which is volume "${name}", may be attached to several hosts at once`,
      {
        hint: 'ext4 and xfs would be destroyed: turn off multi-attach, or use another volume',
      },
    )
  }
  if (state === 'deleting' || state === 'deleted' || state === 'error') {
    throw new ConvoyError('not-found', `${id}, which is volume "${name}", is ${state} in EC2`, {
      hint: `its data is gone, unless there is a snapshot; to forget it: convoy delete --reference ${name}`,
    })
  }
  if (holdersOf({ attachments }).length > 1) {
    throw new ConvoyError('in-use', `${id} is attached several times: ${describeHolders({ attachments })}`)
  }
}
