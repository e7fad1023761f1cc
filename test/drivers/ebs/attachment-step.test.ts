import t from 'tap'
import { nextAttachmentStep } from '../../../src/drivers/ebs/attachment-step.js'
import type { AttachmentState, Ec2Attachment, Ec2Volume, VolumeState } from '../../../src/drivers/ebs/ec2-api.js'

const start = Date.parse('2026-01-01T00:00:00.000Z')
const at = (seconds: number) => new Date(start + seconds * 1000)

function attachment(state: AttachmentState, instanceId = 'i-here'): Ec2Attachment {
  return { instanceId, device: '/dev/xvdba', state, since: at(0).toISOString() }
}

function volume(state: VolumeState, attachments: readonly Ec2Attachment[] = [], isMultiAttach = false): Ec2Volume {
  const disk = { zone: 'eu-west-1a', sizeGib: 8, type: 'gp3', isEncrypted: false, isMultiAttach, tags: {} }
  return { id: 'vol-1', state, createdAt: at(0).toISOString(), ...disk, attachments }
}

const stepFor = (given: Ec2Volume, seconds = 0) => nextAttachmentStep('pg', given, 'i-here', at(seconds))

t.test('a volume that nobody has is attached', async (t) => {
  t.strictSame(stepFor(volume('available')), { kind: 'attach' })
  t.strictSame(stepFor(volume('available', [attachment('detached', 'i-there')])), { kind: 'attach' })
})

t.test('the disk of a volume that is attached here, or about to be, is looked for', async (t) => {
  const device = '/dev/xvdba'
  t.strictSame(stepFor(volume('in-use', [attachment('attached')]), 1000), {
    kind: 'find-device',
    device,
    isAttached: true,
  })
  t.strictSame(stepFor(volume('in-use', [attachment('attaching')])), { kind: 'find-device', device, isAttached: false })
})

t.test('EB13 what EC2 has been attaching for more than 90 s by its own account is given up, not before', async (t) => {
  const stuck = volume('in-use', [attachment('attaching')])
  t.equal(stepFor(stuck, 90).kind, 'find-device')
  t.strictSame(stepFor(stuck, 90.001), { kind: 'give-up-name', device: '/dev/xvdba' })
  const { since: _, ...timeless } = attachment('attaching')
  t.equal(stepFor(volume('in-use', [timeless]), 1000).kind, 'find-device', 'EC2 does not say since when')
})

t.test('EB17 what is being detached from here is waited for, and the reason says so', async (t) => {
  for (const state of ['detaching', 'busy'] as const) {
    const step = stepFor(volume('in-use', [attachment(state)]), 1000)
    t.match(step, { kind: 'wait', why: `it is being detached from this host, as /dev/xvdba (${state})` })
    t.match(step, { hint: /something on this host still has the disk/ })
  }
  t.match(stepFor(volume('creating')), { kind: 'wait', why: 'it is creating' })
})

t.test('EB20 of a volume that another instance has, in whatever state, that instance is asked about', async (t) => {
  for (const state of ['attaching', 'attached', 'detaching', 'busy'] as const) {
    const holder = attachment(state, 'i-there')
    t.strictSame(stepFor(volume('in-use', [holder])), { kind: 'ask-holder', holder })
  }
})

t.test('EB22 a volume that several hosts may attach at once is refused', async (t) => {
  t.throws(() => stepFor(volume('available', [], true)), { code: 'invalid-argument', hint: /turn off multi-attach/ })
})

t.test('a volume that is attached several times is refused, and all who have it are named', async (t) => {
  const both = [attachment('attached'), attachment('attached', 'i-there')]
  t.throws(() => stepFor(volume('in-use', both)), {
    code: 'in-use',
    message: /i-here since .* \(attached\), i-there since /,
  })
})

t.test('a volume that is gone, or going, is no volume any more', async (t) => {
  for (const state of ['deleting', 'deleted', 'error'] as const) {
    t.throws(() => stepFor(volume(state)), { code: 'not-found', message: new RegExp(`is ${state} in EC2`) })
  }
})
