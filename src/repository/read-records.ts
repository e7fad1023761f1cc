import { type ConvoyError, isConvoyError } from '../errors.js'
import type { CallContext } from '../model/call-context.js'
import type { BackupRecord } from './format/backup-record.js'
import type { ListedBackup, Repository } from './repository.js'

/** A backup that is listed, with its record, or why that cannot be read. */
export interface ReadBackup {
  readonly listed: ListedBackup
  readonly outcome: { readonly record: BackupRecord } | { readonly error: ConvoyError }
}

const atOnce = 8

/** Every backup of the repository, or of these volumes, in the order of the list. */
export async function* readRecords(
  repository: Repository,
  volumes: readonly string[] | undefined,
  call: CallContext,
): AsyncGenerator<ReadBackup> {
  let waiting: Promise<ReadBackup | undefined>[] = []
  for await (const listed of repository.listBackups(call)) {
    if (volumes?.includes(listed.volume) === false) continue
    waiting.push(readOne(repository, listed, call))
    if (waiting.length < atOnce) continue
    yield* (await Promise.all(waiting)).filter((one) => one !== undefined)
    waiting = []
  }
  yield* (await Promise.all(waiting)).filter((one) => one !== undefined)
}

/** Undefined when the backup has been deleted since it was listed. */
async function readOne(
  repository: Repository,
  listed: ListedBackup,
  call: CallContext,
): Promise<ReadBackup | undefined> {
  try {
    return { listed, outcome: { record: await repository.readRecord(listed.volume, listed.name, call) } }
  } catch (thrown) {
    if (isConvoyError(thrown, 'not-found')) return undefined
    if (isConvoyError(thrown, 'damaged') || isConvoyError(thrown, 'unsupported'))
      return { listed, outcome: { error: thrown } }
    throw thrown
  }
}
