import { ConvoyError } from '../errors.js'
import { type Destination, formatDestination } from '../model/backup-url.js'
import { optional } from '../model/optional.js'
import type { Option, OptionTable, OptionValues } from '../model/options.js'
import { parseSizeBytes } from '../model/size.js'
import type { ObjectStore } from './object-store.js'
import { s3Options } from './s3/s3-options.js'

// The table describes commands: what is needed to open a store is loaded by whoever opens one.

/** What may be said of a destination besides its URL, named as on the command line; help comes from here, too. */
export const storeOptions = {
  'limit-upload': {
    parse: parseRate,
    placeholder: 'RATE',
    help: 'bytes per second that are sent to the destination at most, for example 10m',
  } satisfies Option<number>,
  ...s3Options,
} as const satisfies OptionTable

export type StoreOptions = OptionValues<typeof storeOptions>

/** Below this a connection would look dead. */
const leastRate = 64 * 1024

/**
 * The object store of a destination. Nothing is made there, and of S3 nothing is asked yet. ConvoyError `not-found` for a directory
 * that is not there, nor the one above it.
 */
export async function openStore(destination: Destination, options: StoreOptions): Promise<ObjectStore> {
  const url = formatDestination(destination)
  const rate = options['limit-upload']
  const pace = optional('pace', rate === undefined ? undefined : await openPace(rate))
  if (destination.kind === 'vfs') {
    const { DirectoryStore } = await import('./directory/directory-store.js')
    return DirectoryStore.open(destination.path, { url, ...pace })
  }
  const { S3Store } = await import('./s3/s3-store.js')
  const { bucket, region, prefix } = destination
  return new S3Store({ bucket, prefix, url, options, ...optional('region', region), ...pace })
}

async function openPace(rate: number) {
  const { BytePace } = await import('../host/byte-pace.js')
  return new BytePace(rate)
}

function parseRate(text: string): number {
  const bytes = parseSizeBytes(text.replace(/\/s$/, ''))
  if (bytes >= leastRate) return bytes
  throw new ConvoyError('invalid-argument', `${bytes} bytes per second are too few`, { hint: 'the least is 64k' })
}
