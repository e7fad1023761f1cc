import { formatSize } from '../../model/size.js'
import type { Check } from '../check.js'
import type { KnownDisk } from '../daemon-view.js'
import type { Finding } from '../finding.js'

const mostNamed = 5

export const disksNeeded: Check = {
  name: 'disks',
  sound: 'disks that are paid for are known and in use',
  needs: ['daemon'],
  look: async ({ daemon }) => {
    const { disks, failures } = await daemon.get('/v1/inventory')
    const whole = disks.filter(({ defect }) => defect === undefined)
    const strangers = whole.filter(({ isKnown }) => !isKnown)
    return [
      ...failures.map(describeFailure),
      ...about(
        strangers.filter(({ isNameTaken }) => !isNameTaken),
        describeStrangers,
      ),
      ...about(
        strangers.filter(({ isNameTaken }) => isNameTaken),
        describeDoubles,
      ),
      ...about(
        disks.filter(({ defect }) => defect !== undefined),
        describeBroken,
      ),
      ...about(
        whole.filter(({ isIdle }) => isIdle),
        describeIdle,
      ),
    ]
  },
}

const about = (disks: readonly KnownDisk[], describe: (disks: readonly KnownDisk[]) => Finding) =>
  disks.length === 0 ? [] : [describe(disks)]

function describeFailure({ driver, error }: { readonly driver: string; readonly error: string }): Finding {
  return {
    severity: 'warning',
    what: `driver ${driver} cannot say which disks there are: ${error}`,
    why: 'disks that nobody needs any more may cost money unseen; and what has to ask now may fail in the same way',
    mend: { command: 'sudo convoy doctor' },
  }
}

function describeStrangers(disks: readonly KnownDisk[]): Finding {
  return {
    severity: 'warning',
    what: `${count(disks)} of this host ${are(disks)} not in its database: ${listed(disks)}`,
    why: `${billed(disks)}, and no command of convoy shows ${disks.length === 1 ? 'it' : 'them'} before ${disks.length === 1 ? 'it is' : 'they are'} taken in`,
    mend: { command: 'sudo convoy rebuild' },
  }
}

function describeDoubles(disks: readonly KnownDisk[]): Finding {
  return {
    severity: 'warning',
    what: `${count(disks)} of this host ${are(disks)} known to nobody, under the name of another volume: ${listed(disks)}`,
    why: `${billed(disks)}; look what is on a disk before it is deleted (aws ec2 delete-volume)`,
    mend: { command: `aws ec2 describe-volumes --volume-ids ${ids(disks)}` },
  }
}

function describeBroken(disks: readonly KnownDisk[]): Finding {
  return {
    severity: 'warning',
    what: `${count(disks)} cannot be used: ${listed(disks)}, ${disks[0]?.defect ?? ''}`,
    why: 'a disk never leaves that state; what was on it is lost, unless there is a snapshot',
    mend: { command: `aws ec2 describe-volumes --volume-ids ${ids(disks)}` },
  }
}

function describeIdle(disks: readonly KnownDisk[]): Finding {
  return {
    severity: 'notice',
    what: `${count(disks)} ${are(disks)} attached to this host, and nobody uses ${disks.length === 1 ? 'it' : 'them'}: ${listed(disks)}`,
    why: 'each takes a place of those that this instance has, and a mount on another host waits for it; the next mount here uses it',
    mend: { command: disks.map(({ storageId }) => `aws ec2 detach-volume --volume-id ${storageId}`).join(' && ') },
  }
}

const count = (disks: readonly unknown[]) => `${disks.length} disk${disks.length === 1 ? '' : 's'}`
const are = (disks: readonly unknown[]) => (disks.length === 1 ? 'is' : 'are')
const ids = (disks: readonly KnownDisk[]) => disks.map(({ storageId }) => storageId).join(' ')

function billed(disks: readonly KnownDisk[]): string {
  const bytes = disks.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
  return `${formatSize(bytes)} are billed each month`
}

function listed(disks: readonly KnownDisk[]): string {
  const named = disks
    .slice(0, mostNamed)
    .map(({ storageId, name, sizeBytes, state }) => `${storageId} ("${name}", ${formatSize(sizeBytes)}, ${state})`)
  return [...named, ...(disks.length > mostNamed ? ['…'] : [])].join(', ')
}
