import type { Command } from 'commander'
import { formatSize } from '../model/size.js'
import { readList, readNumber, readText } from './answer.js'
import { collectValues } from './arguments.js'
import { colourOfState } from './colour.js'
import { findField } from './control-client.js'
import { addListingFlags, choosePrinter, type Listing, type ListingFlags, quietFlag } from './listing.js'
import { describeTime } from './relative-time.js'
import type { Session } from './session.js'
import type { Row } from './template.js'
import { filterKeys, parseFilters } from './volume-filter.js'

const volumes: Listing = {
  columns: [
    { heading: 'NAME', field: 'Name', least: 12 },
    { heading: 'DRIVER', field: 'Driver', importance: 2 },
    { heading: 'STATE', field: 'State', importance: 5, colourOf: colourOfState },
    { heading: 'MOUNTS', field: 'Mounts', importance: 4 },
    { heading: 'SIZE', field: 'Size', importance: 3 },
    { heading: 'CREATED', field: 'Created', importance: 1 },
  ],
  fields: [
    ...['Name', 'ID', 'Driver', 'State', 'Origin', 'Mounts', 'Size', 'SizeBytes', 'Created', 'CreatedAt'],
    ...['Used', 'UsedBytes', 'MeasuredAt', 'Mountpoint', 'Options'],
  ],
  key: 'Name',
}

interface LsFlags extends ListingFlags {
  readonly filter?: readonly string[]
  readonly forgotten?: boolean
}

export function addLsCommand(program: Command, session: Session): void {
  const command = program
    .command('ls')
    .description('show volumes in a table')
    .option(...quietFlag)
    .option('--filter <KEY=VALUE>', `only some: by ${filterKeys.join(', ')}; repeatable`, collectValues)
    .option('--forgotten', 'those that Docker removed and whose data is still there')
    .action(async (flags: LsFlags) => {
      const { terminal, client, environment } = session
      const print = choosePrinter(volumes, flags, terminal)
      const isMeant = parseFilters(flags.filter ?? [])
      const answer = readList(await client.get(flags.forgotten === true ? '/v1/forgotten' : '/v1/summaries'))
      const now = environment.now()
      const rows = answer.map((volume) => rowOf(volume, now)).filter(isMeant)
      await print(rows.sort(byName))
    })
  addListingFlags(command)
  session.addressPeople(command)
}

/** By code points, as in the C locale: capitals first, and the same everywhere. */
function byName({ Name: a }: Row, { Name: b }: Row): number {
  return String(a) < String(b) ? -1 : 1
}

function rowOf(volume: unknown, now: Date): Row {
  const createdAt = readText(volume, 'createdAt')
  const sizeBytes = readNumber(volume, 'sizeBytes')
  const usedBytes = readNumber(volume, 'usedBytes')
  const measuredAt = readText(volume, 'measuredAt')
  return {
    Name: readText(volume, 'name'),
    ID: readText(volume, 'id'),
    Driver: readText(volume, 'driver'),
    State: readText(volume, 'state'),
    Origin: readText(volume, 'origin'),
    Mounts: readNumber(volume, 'mounts') ?? 0,
    Size: sizeBytes === undefined ? '' : formatSize(sizeBytes),
    SizeBytes: sizeBytes,
    // With its age: nobody looks at the storage for a list.
    Used: usedBytes === undefined ? '' : `${formatSize(usedBytes)} ${describeTime(measuredAt, now)}`,
    UsedBytes: usedBytes,
    MeasuredAt: measuredAt,
    Created: describeTime(createdAt, now),
    CreatedAt: createdAt,
    Mountpoint: readText(volume, 'mountpoint'),
    Options: findField(volume, 'options') ?? {},
  }
}
