import { type Destination, formatBackupUrl, parseBackupUrl } from '../model/backup-url.js'
import type { CallContext } from '../model/call-context.js'
import { formatTime } from '../model/old-time.js'
import { parseVolumeName } from '../model/volume-name.js'
import type { BackupName } from '../repository/format/backup-name.js'
import { type BackupRecord, encodeBackupRecord } from '../repository/format/backup-record.js'
import type { Repository } from '../repository/repository.js'
import { type Reach, withRepository } from './repository-access.js'

/** Runs `act` with the backup that a URL names. ConvoyError `not-found` when there is none. */
export function withBackup<Result>(
  url: string,
  reach: Reach,
  call: CallContext,
  act: (repository: Repository, record: BackupRecord) => Result | Promise<Result>,
): Promise<Result> {
  const { destination, volume, backup } = parseBackupUrl(url)
  return withRepository(destination, reach, call, async (repository) =>
    act(repository, await repository.readRecord(volume, backup, call)),
  )
}

export function urlOf(destination: Destination, { volume, name }: BackupName): string {
  return formatBackupUrl({ destination, volume: parseVolumeName(volume), backup: name })
}

/** As `backup list` and `inspect` show it: the keys of Convoy 0.5, all of them texts, and some of ours after them. */
export function backupJson(record: BackupRecord, url: string): Readonly<Record<string, unknown>> {
  const createdTime = formatTime(new Date(record.createdAtMs))
  const { stats } = record
  return {
    BackupName: record.name,
    BackupURL: url,
    CreatedTime: createdTime,
    DriverName: 'vfs',
    SnapshotCreatedAt: createdTime,
    SnapshotName: '',
    VolumeCreatedAt: '',
    VolumeName: record.volume,
    VolumeSize: String(stats.bytes),
    Host: record.host,
    Path: record.path,
    IsComplete: record.isComplete,
    Tags: record.tags,
    Files: stats.files,
    StoredBytes: stats.storedBytes,
  }
}

/** Everything that the record says, as it lies in the repository. */
export function recordJson(record: BackupRecord): unknown {
  return JSON.parse(encodeBackupRecord(record).toString())
}
