import { parseBackupUrl, parseDestination } from '../model/backup-url.js'
import { formatSize } from '../model/size.js'
import { parseVolumeName } from '../model/volume-name.js'
import type { BackupRecord } from '../repository/format/backup-record.js'
import { type ReadBackup, readRecords } from '../repository/read-records.js'
import type { BackupListFlags } from './backup-commands.js'
import { backupJson, recordJson, urlOf, withBackup } from './backup-records.js'
import { colourOfState } from './colour.js'
import { choosePrinter, type Listing } from './listing.js'
import { describeTime } from './relative-time.js'
import { type Reach, withRepository } from './repository-access.js'
import type { JsonFlags } from './repository-flags.js'
import { shortCall } from './repository-work.js'
import type { Row } from './template.js'
import { oneLine, printJson, sayFailure } from './terminal.js'

const backups: Listing = {
  columns: [
    { heading: 'VOLUME', field: 'Volume', least: 12 },
    { heading: 'BACKUP', field: 'Name' },
    { heading: 'CREATED', field: 'Created', importance: 6 },
    { heading: 'SIZE', field: 'Size', importance: 5 },
    { heading: 'STORED', field: 'Stored', importance: 3 },
    { heading: 'FILES', field: 'Files', importance: 2 },
    { heading: 'STATE', field: 'State', importance: 4, colourOf: colourOfState },
    { heading: 'TAGS', field: 'Tags', least: 6, importance: 1 },
  ],
  fields: [
    ...['Volume', 'Name', 'URL', 'Created', 'CreatedAt', 'Size', 'SizeBytes', 'Stored', 'StoredBytes', 'Files'],
    ...['State', 'Tags', 'Host', 'Path'],
  ],
  key: 'URL',
}

/** `backup list`: what scripts of Convoy 0.5 read, unless it is for a terminal. */
export async function listBackups(text: string, flags: BackupListFlags, reach: Reach): Promise<void> {
  const { terminal, environment } = reach.session
  const destination = parseDestination(text)
  const volumes = flags.volumeName === undefined ? undefined : [parseVolumeName(flags.volumeName)]
  const isListing = flags.format !== undefined || flags.quiet === true || terminal.columns?.() !== undefined
  const print = choosePrinter(backups, flags, terminal)
  const call = shortCall(reach.session)
  const found = await withRepository(destination, reach, call, async (repository) => {
    const all: ReadBackup[] = []
    for await (const one of readRecords(repository, volumes, call)) all.push(one)
    return all
  })
  const records = found.flatMap(({ outcome }) => ('record' in outcome ? [outcome.record] : []))
  const named = records.sort(byVolumeAndTime).map((record) => ({ record, url: urlOf(destination, record) }))
  if (isListing && flags.json !== true) {
    await print(named.map(({ record, url }) => rowOf(record, url, environment.now())))
  } else printJson(terminal, Object.fromEntries(named.map(({ record, url }) => [url, backupJson(record, url)])))
  // One that cannot be read hides no other.
  for (const { outcome } of found) if ('error' in outcome) reach.session.fail(outcome.error, sayFailure)
}

/** The oldest of a volume first. */
function byVolumeAndTime(a: BackupRecord, b: BackupRecord): number {
  if (a.volume !== b.volume) return a.volume < b.volume ? -1 : 1
  return a.createdAtMs - b.createdAtMs
}

function rowOf(record: BackupRecord, url: string, now: Date): Row {
  const { volume, name, stats, tags, host, path } = record
  const createdAt = new Date(record.createdAtMs).toISOString()
  return {
    Volume: volume,
    Name: name,
    URL: url,
    Created: describeTime(createdAt, now),
    CreatedAt: createdAt,
    Size: formatSize(stats.bytes),
    SizeBytes: stats.bytes,
    Stored: formatSize(stats.storedBytes),
    StoredBytes: stats.storedBytes,
    Files: stats.files,
    State: record.isComplete ? 'complete' : 'incomplete',
    Tags: tags.join(' '),
    Host: host,
    Path: path,
  }
}

/** `backup inspect`: everything that the record says, below the old keys. */
export async function inspectBackup(url: string, reach: Reach): Promise<void> {
  const call = shortCall(reach.session)
  await withBackup(url, reach, call, (_, record) => {
    const shown = urlOf(parseBackupUrl(url).destination, record)
    printJson(reach.session.terminal, { ...backupJson(record, shown), Record: recordJson(record) })
  })
}

/** `backup stats`. */
export async function showBackupStats(url: string, flags: JsonFlags, reach: Reach): Promise<void> {
  const { terminal } = reach.session
  const call = shortCall(reach.session)
  await withBackup(url, reach, call, (_, { stats, problemCount }) => {
    if (flags.json === true) printJson(terminal, { ...stats, problems: problemCount })
    else
      terminal.out(
        describeStats(stats)
          .map((line) => `${line}\n`)
          .join(''),
      )
  })
}

/** Lines about what a backup holds, for people. */
export function describeStats(stats: BackupRecord['stats']): readonly string[] {
  const { files, directories, others, bytes, newBytes, storedBytes, filesNew, filesChanged, filesUnchanged } = stats
  return [
    `${files} files (${filesNew} new, ${filesChanged} changed, ${filesUnchanged} unchanged), ${directories} directories, ${others} others`,
    `${formatSize(bytes)}, of which ${formatSize(newBytes)} were new to the repository, and take ${formatSize(storedBytes)} there`,
  ].map(oneLine)
}
