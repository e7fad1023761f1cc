import { parseDestination } from '../model/backup-url.js'
import type { CallContext } from '../model/call-context.js'
import { formatSize } from '../model/size.js'
import type { OnProgress } from '../repository/progress.js'
import { readStats, type RepositoryStats, type VolumeStats } from '../repository/upkeep/repository-stats.js'
import { choosePrinter, type Listing } from './listing.js'
import { describeTime } from './relative-time.js'
import { type Reach, withRepository } from './repository-access.js'
import type { StatisticsFlags } from './repository-commands.js'
import { shortCall, work } from './repository-work.js'
import type { Row } from './template.js'
import { printJson } from './terminal.js'

const volumeListing: Listing = {
  columns: [
    { heading: 'VOLUME', field: 'Volume', least: 12 },
    { heading: 'BACKUPS', field: 'Backups' },
    { heading: 'NEWEST', field: 'Newest', importance: 1 },
    { heading: 'SIZE', field: 'Size' },
  ],
  fields: ['Volume', 'Backups', 'Newest', 'Size'],
  key: 'Volume',
}

/** `repository stats`. With `--format` only what that says. */
export async function showStats(text: string, flags: StatisticsFlags, reach: Reach): Promise<void> {
  const { session } = reach
  const { terminal } = session
  const print = choosePrinter(volumeListing, flags, terminal)
  const stats = await withRepository(parseDestination(text), reach, shortCall(session), (repository) => {
    const run = (onProgress: OnProgress, call: CallContext) => readStats(repository, { onProgress }, call)
    return work({ label: 'counting', run }, false, session)
  })
  if (flags.json === true) {
    printJson(terminal, stats)
    return
  }
  const now = session.environment.now()
  await print(stats.volumes.map((volume) => rowOf(volume, now)))
  if (flags.format !== undefined) return
  terminal.out(
    describe(stats)
      .map((line) => `${line}\n`)
      .join(''),
  )
}

function rowOf({ volume, backups, newestAtMs, newestBytes }: VolumeStats, now: Date): Row {
  const newest = describeTime(new Date(newestAtMs).toISOString(), now)
  return { Volume: volume, Backups: backups, Newest: newest, Size: formatSize(newestBytes) }
}

function describe(stats: RepositoryStats): readonly string[] {
  const { backups, bytes, uniqueBytes, uniqueStoredBytes, packs, reclaimableBytes, unreadableBackups } = stats
  const ratio = (whole: number, part: number) => (part === 0 ? '' : `, ${(whole / part).toFixed(1)} : 1`)
  return [
    '',
    `backups       ${backups}${unreadableBackups === 0 ? '' : `, and ${unreadableBackups} that cannot be read`}`,
    `in all        ${formatSize(bytes)}`,
    `different     ${formatSize(uniqueBytes)}${ratio(bytes, uniqueBytes)}`,
    `compressed    ${formatSize(uniqueStoredBytes)}${ratio(uniqueBytes, uniqueStoredBytes)}`,
    `stored        ${formatSize(packs.data.bytes + packs.meta.bytes)} in ${packs.data.packs + packs.meta.packs} packs`,
    `prune frees   ${formatSize(reclaimableBytes)}`,
  ]
}
