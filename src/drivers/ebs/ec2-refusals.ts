import { ConvoyError } from '../../errors.js'
import { wordsOf } from './batched-lookups.js'
import type { AttachOutcome, CreateOutcome } from './ec2-api.js'
import { ec2CodeOf } from './ec2-errors.js'

/** Refusals that the driver acts on; throws all others again. */
export function refusalOfVolume(thrown: unknown): CreateOutcome {
  const code = ec2CodeOf(thrown)
  if (/^Idempotent\w*Mismatch$/.test(code)) return { kind: 'token-used', reason: reasonOf(thrown) }
  if (/^\w+LimitExceeded$/.test(code) && code !== 'RequestLimitExceeded')
    return { kind: 'limit', reason: reasonOf(thrown) }
  throw thrown
}

/** Refusals that the driver acts on; throws all others again. */
export function refusalOfAttachment(thrown: unknown, volumeId: string): AttachOutcome {
  const code = ec2CodeOf(thrown)
  const reason = reasonOf(thrown)
  if (code === 'VolumeInUse') return { kind: 'in-use', reason }
  if (code === 'AttachmentLimitExceeded') return { kind: 'no-room', reason }
  if (code === 'InvalidDevice.InUse') return { kind: 'name-taken', reason }
  // EC2 has no code of its own for a name that is taken by something that it does not describe.
  if (code === 'InvalidParameterValue' && /already in use/i.test(reason)) return { kind: 'name-taken', reason }
  // The same code is said of an instance that does not run.
  if (/^Incorrect(?:Volume)?State$/.test(code) && wordsOf(thrown).has(volumeId)) return { kind: 'not-ready', reason }
  throw thrown
}

/** Of DetachVolume: there is nothing to detach (any more). */
export function isNotAttached(thrown: unknown): boolean {
  const code = ec2CodeOf(thrown)
  if (code === 'InvalidAttachment.NotFound') return true
  return /^Incorrect(?:Volume)?State$/.test(code) && /'?available'?|detaching|detached/i.test(reasonOf(thrown))
}

/** Whether a Describe was refused because of ids in it. */
export function isAboutIds(thrown: unknown, ids: readonly string[]): boolean {
  const code = ec2CodeOf(thrown)
  if (/^Invalid(?:Volume|VolumeID|InstanceID)\.(?:NotFound|Malformed)$|^InvalidInstanceType$/.test(code)) return true
  if (!/^InvalidParameterValue$|^InvalidID\b/.test(code)) return false
  const words = wordsOf(thrown)
  return /malformed/i.test(reasonOf(thrown)) || ids.some((id) => words.has(id))
}

const reasonOf = (thrown: unknown) => (thrown instanceof ConvoyError ? thrown.message : String(thrown))
