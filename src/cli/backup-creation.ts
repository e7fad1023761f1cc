import { basename, resolve } from 'node:path'
import { ConvoyError } from '../errors.js'
import { type Destination, parseBackupUrl, parseDestination } from '../model/backup-url.js'
import type { CallContext } from '../model/call-context.js'
import { optional } from '../model/optional.js'
import { parseSizeBytes } from '../model/size.js'
import { parseVolumeName } from '../model/volume-name.js'
import { backup } from '../repository/backup/backup.js'
import type { BackupRecord } from '../repository/format/backup-record.js'
import { openSource } from '../repository/backup/backup-source.js'
import type { OnProgress } from '../repository/progress.js'
import type { Repository } from '../repository/repository.js'
import type { CreationFlags } from './backup-commands.js'
import { describeStats } from './backup-listing.js'
import { printProblems } from './backup-problems.js'
import { backupJson, recordJson, urlOf } from './backup-records.js'
import { findConfig, openRepository, withStore } from './repository-access.js'
import { workDeps } from './repository-deps.js'
import { type Access, readFlag } from './repository-flags.js'
import { chooseOpener, makeRepository } from './repository-setup.js'
import { printResult, shortCall, work } from './repository-work.js'
import type { Session } from './session.js'
import { printLine } from './terminal.js'

/** `backup create`: prints the URL of the backup, and exits with 3 when files are missing in it. */
export async function createBackup(flags: CreationFlags, access: Access, session: Session): Promise<void> {
  const destination = parseDestination(flags.dest)
  const request = readRequest(flags, destination)
  // What cannot be backed up is told before anything is asked for or made.
  openSource(request.path, request.destinationPath).release()
  const reach = { access, session }
  const call = shortCall(session)
  await withStore(destination, reach, async (store) => {
    const isThere = (await findConfig(store, call)) !== undefined
    const open = () => openRepository(store, reach, call)
    const make = async () => {
      const opener = await chooseOpener(store, flags.encryption ?? 'key', reach)
      return makeRepository(store, opener, reach, call)
    }
    const repository = await (isThere ? open() : make())
    checkEncryption(repository, flags, session)
    const run = (onProgress: OnProgress, within: CallContext) =>
      backup(repository, request, workDeps(session, onProgress), within)
    const { record } = await work({ label: `backing up ${request.volume}`, run }, flags.json === true, session)
    tell(record, urlOf(destination, record), { flags, session })
  })
}

function readRequest(flags: CreationFlags, destination: Destination) {
  const path = resolve(flags.path)
  const { limitMemory, parent } = flags
  return {
    path,
    volume: flags.volume === undefined ? volumeOf(path) : parseVolumeName(flags.volume),
    excludes: flags.exclude ?? [],
    tags: flags.tag ?? [],
    ...optional('parent', parent?.includes('?') === true ? parseBackupUrl(parent).backup : parent),
    ...optional('destinationPath', destination.kind === 'vfs' ? destination.path : undefined),
    ...optional('limitMemoryBytes', readFlag('--limit-memory', limitMemory, parseSizeBytes)),
  }
}

/** The directory's own name, if a volume may have it. */
function volumeOf(path: string) {
  try {
    return parseVolumeName(basename(path))
  } catch (cause) {
    throw new ConvoyError('invalid-argument', `the name of the directory ${path} is none for a volume`, {
      hint: 'say with --volume whose backup it is',
      cause,
    })
  }
}

/** Somebody may have put an open repository in the place of an encrypted one. */
function checkEncryption({ config, store }: Repository, { encryption }: CreationFlags, { terminal }: Session): void {
  if (encryption !== undefined && config.encryption !== encryption) {
    const isOpen = config.encryption === 'none'
    throw new ConvoyError(
      'invalid-argument',
      `the repository at ${store.url} is ${isOpen ? 'not ' : ''}encrypted, and --encryption says otherwise`,
    )
  }
  if (config.encryption === 'none') terminal.err(`convoy: the repository at ${store.url} is not encrypted\n`)
}

interface Telling {
  readonly flags: CreationFlags
  readonly session: Session
}

function tell(record: BackupRecord, url: string, { flags, session }: Telling): void {
  const { terminal } = session
  if (flags.json === true) printResult(session, { ...backupJson(record, url), Record: recordJson(record) })
  else {
    printLine(terminal, url)
    terminal.err(
      describeStats(record.stats)
        .map((line) => `convoy: ${line}\n`)
        .join(''),
    )
  }
  printProblems(record, 'in the backup', session)
}
