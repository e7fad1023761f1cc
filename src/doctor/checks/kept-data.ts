import { formatSize } from '../../model/size.js'
import type { Check } from '../check.js'
import type { DaemonView, TrashEntry } from '../daemon-view.js'
import { quote } from './commands.js'

const mostNamed = 5
/** The daemon looks every minute, and a big removal takes its time. */
const patienceMs = 3_600_000

export const trashedData: Check = {
  name: 'trash',
  sound: 'nothing is in the trash',
  needs: ['daemon'],
  look: async ({ daemon, now }) => {
    const entries = await daemon.get('/v1/trash')
    const isOverdue = ({ expiresAt }: TrashEntry) => Date.parse(expiresAt) + patienceMs < now.getTime()
    const overdue = entries.filter(isOverdue)
    const waiting = entries.filter((entry) => !isOverdue(entry))
    return [
      ...(overdue.length === 0 ? [] : [describeOverdue(overdue)]),
      ...(waiting.length === 0 ? [] : [describeWaiting(waiting, await billed(daemon, 'trashed'))]),
    ]
  },
}

function describeOverdue(entries: readonly TrashEntry[]) {
  return {
    severity: 'warning' as const,
    what: `${count(entries, 'deleted volume')} should have gone by now: ${listed(entries)}`,
    why: 'its data still takes space; "convoy jobs" says why it could not be removed',
    mend: { command: `sudo convoy trash empty ${words(entries)}` },
  }
}

function describeWaiting(entries: readonly TrashEntry[], cost: string) {
  const last =
    entries
      .map(({ expiresAt }) => expiresAt)
      .sort()
      .at(-1) ?? ''
  return {
    severity: 'notice' as const,
    what: `${count(entries, 'deleted volume')} in the trash: ${listed(entries)}${cost}`,
    why: `the data takes space until ${last}, when the last of it goes by itself; "convoy undelete" brings it back`,
    mend: { command: `sudo convoy trash empty ${words(entries)}` },
  }
}

export const forgottenData: Check = {
  name: 'forgotten',
  sound: 'no forgotten volume keeps its data',
  needs: ['daemon'],
  look: async ({ daemon }) => {
    const volumes = await daemon.get('/v1/forgotten')
    if (volumes.length === 0) return []
    return [
      {
        severity: 'notice',
        what: `${count(volumes, 'volume')} that Docker removed kept the data: ${listed(volumes)}${await billed(daemon, 'forgotten')}`,
        why: 'it takes space, or costs money, until somebody deletes it; a create of the name takes it back',
        mend: { command: `sudo convoy delete ${words(volumes)}` },
      },
    ]
  },
}

/** Of those on storage that is paid for by its size: how much that is. No prices: they change. */
async function billed(daemon: DaemonView, state: 'forgotten' | 'trashed'): Promise<string> {
  // That it cannot be said is another check's finding.
  const { disks } = await daemon.get('/v1/inventory').catch(() => ({ disks: [] }))
  const bytes = disks.filter((disk) => disk.state === state).reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
  return bytes === 0 ? '' : `; ${formatSize(bytes)} of disks are billed each month`
}

interface Named {
  readonly name: string
}

const count = (all: readonly unknown[], noun: string) => `${all.length} ${noun}${all.length === 1 ? '' : 's'}`

const words = (all: readonly Named[]) => [...new Set(all.map(({ name }) => quote(name)))].join(' ')

function listed(all: readonly Named[]): string {
  const named = all.slice(0, mostNamed).map(({ name }) => name)
  return [...named, ...(all.length > mostNamed ? ['…'] : [])].join(', ')
}
