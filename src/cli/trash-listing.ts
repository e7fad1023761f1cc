import { formatSize } from '../model/size.js'
import { readList, readNumber, readText } from './answer.js'
import { colourOfState } from './colour.js'
import type { Listing } from './listing.js'
import { describeTime } from './relative-time.js'
import type { Session } from './session.js'
import type { Row } from './template.js'

export const trashListing: Listing = {
  columns: [
    { heading: 'NAME', field: 'Name', least: 12 },
    { heading: 'ID', field: 'ID', least: 8, importance: 4 },
    { heading: 'DRIVER', field: 'Driver', importance: 1 },
    { heading: 'STATE', field: 'State', importance: 3, colourOf: colourOfState },
    { heading: 'SIZE', field: 'Size', importance: 6 },
    { heading: 'DELETED', field: 'Deleted', importance: 2 },
    { heading: 'EXPIRES', field: 'Expires', importance: 5 },
  ],
  fields: [
    ...['Name', 'ID', 'Driver', 'State', 'Size', 'SizeBytes', 'Deleted', 'DeletedAt', 'Expires', 'ExpiresAt'],
    'CreatedAt',
  ],
  key: 'ID',
}

/** What was deleted last comes first. */
export async function readTrash({ client, environment }: Session): Promise<readonly Row[]> {
  const answer = readList(await client.get('/v1/trash'))
  const now = environment.now()
  return answer.map((entry) => {
    const sizeBytes = readNumber(entry, 'sizeBytes')
    const deletedAt = readText(entry, 'trashedAt')
    const expiresAt = readText(entry, 'expiresAt')
    return {
      Name: readText(entry, 'name'),
      ID: readText(entry, 'id'),
      Driver: readText(entry, 'driver'),
      State: readText(entry, 'state'),
      Size: sizeBytes === undefined ? '' : formatSize(sizeBytes),
      SizeBytes: sizeBytes,
      Deleted: describeTime(deletedAt, now),
      DeletedAt: deletedAt,
      Expires: describeTime(expiresAt, now),
      ExpiresAt: expiresAt,
      CreatedAt: readText(entry, 'createdAt'),
    }
  })
}
