import type { Command } from 'commander'
import { readItems, readNumber, readText } from './answer.js'
import { findField } from './control-client.js'
import { addListingFlags, choosePrinter, type Listing, type ListingFlags, quietFlag } from './listing.js'
import { describeTime } from './relative-time.js'
import type { Session } from './session.js'
import type { Row } from './template.js'
import { volumePath } from './volume-path.js'

const holders: Listing = {
  columns: [
    { heading: 'KIND', field: 'Kind', importance: 4 },
    { heading: 'HOLDER', field: 'Holder', least: 12 },
    { heading: 'COUNT', field: 'Count', importance: 2 },
    { heading: 'SINCE', field: 'Since', importance: 1 },
    { heading: 'MOUNTPOINT', field: 'Mountpoint', least: 10, importance: 3 },
  ],
  fields: [
    ...['Kind', 'Holder', 'ID', 'Count', 'Since', 'MountedAt', 'IsCurrent', 'PID', 'Command', 'Mountpoint'],
    'Namespace',
  ],
  key: 'Holder',
}

const shortIdLength = 12

export function addPsCommand(program: Command, session: Session): void {
  const command = program
    .command('ps <vol>')
    .description('show who holds a volume: mount ids of Docker, containers, processes')
    .option(...quietFlag)
    .action(async (name: string, flags: ListingFlags) => {
      const { terminal, client, environment } = session
      const print = choosePrinter(holders, flags, terminal)
      const answer = await client.get(`${volumePath(name)}/holders`)
      const now = environment.now()
      const idLength = flags.trunc === false ? Infinity : shortIdLength
      await print([
        ...readItems(answer, 'references').map((reference) => mountRow(reference, idLength, now)),
        ...readItems(answer, 'containers').map((container) => ({ Kind: 'container', Holder: String(container) })),
        ...readItems(answer, 'mounts').map(processRow),
      ])
      if (findField(answer, 'containers') === undefined) {
        terminal.err('convoy: Docker does not answer, so its containers are not shown\n')
      }
    })
  addListingFlags(command)
  session.addressPeople(command)
}

/** One of an engine that has ended since is a rest that nobody will undo. */
function mountRow(reference: unknown, idLength: number, now: Date): Row {
  const id = readText(reference, 'id')
  const mountedAt = readText(reference, 'mountedAt')
  const isCurrent = findField(reference, 'isCurrent') === true
  return {
    Kind: isCurrent ? 'mount' : 'old mount',
    Holder: id.slice(0, idLength),
    ID: id,
    Count: readNumber(reference, 'count'),
    Since: describeTime(mountedAt, now),
    MountedAt: mountedAt,
    IsCurrent: isCurrent,
  }
}

function processRow(mount: unknown): Row {
  const pid = readNumber(mount, 'pid')
  const command = readText(mount, 'command')
  return {
    Kind: 'process',
    Holder: `${pid ?? '?'}${command && ` ${command}`}`,
    PID: pid,
    Command: command,
    Mountpoint: readText(mount, 'mountpoint'),
    Namespace: readText(mount, 'namespace'),
  }
}
