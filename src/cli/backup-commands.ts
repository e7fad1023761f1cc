import { type Command, Option } from 'commander'
import { collectValues } from './arguments.js'
import { addBackupFileCommands } from './backup-file-commands.js'
import { addBackupUpkeepCommands } from './backup-upkeep-commands.js'
import { addListingFlags, type ListingFlags, quietFlag } from './listing.js'
import {
  acceptStoreFlags,
  addAccessFlags,
  addAgreementFlags,
  addJsonLinesFlag,
  type AgreementFlags,
  type JsonFlags,
  readAccess,
} from './repository-flags.js'
import type { Session } from './session.js'

/** What needs the repository is loaded by the command that runs. */
export function addBackupCommands(program: Command, session: Session): void {
  const backup = program
    .command('backup')
    .description('keep directories in a repository, and bring them back; needs no daemon')
  acceptStoreFlags(backup)
  addCreate(backup, session)
  addList(backup, session)
  addInspect(backup, session)
  addDelete(backup, session)
  addBackupFileCommands(backup, session)
  addBackupUpkeepCommands(backup, session)
}

export interface CreationFlags extends JsonFlags {
  readonly path: string
  readonly dest: string
  readonly volume?: string
  readonly exclude?: readonly string[]
  readonly tag?: readonly string[]
  readonly parent?: string
  readonly encryption?: 'key' | 'none'
  readonly limitMemory?: string
}

const creationHelp = `
Exit code: 0 all of it is in the backup, 3 it is complete but for the files that are listed, 1 there is no backup.`

function addCreate(backup: Command, session: Session): void {
  const command = backup
    .command('create')
    .description('back up a directory, and print the URL of the backup')
    .requiredOption('--path <DIRECTORY>', 'what is backed up')
    .requiredOption('--dest <DEST>', 'the repository: vfs:///directory or s3://bucket@region/path')
    .option('--volume <NAME>', 'whose backup it is (default: the name of the directory)')
    .option('--exclude <PATTERN>', 'leave out what matches, as in .gitignore; repeatable', collectValues)
    .option('--tag <TEXT>', 'a word to find it by, and to keep it by; repeatable', collectValues)
    .option('--parent <BACKUP>', 'compare with this backup of the volume, not with the newest one')
    .addOption(
      new Option('--encryption <HOW>', 'what a new repository gets, and an old one must have').choices(['key', 'none']),
    )
    .option('--limit-memory <SIZE>', 'use about so much memory at most: 200m')
    .addHelpText('after', creationHelp)
    .action(async (flags: CreationFlags, command: Command) => {
      const { createBackup } = await import('./backup-creation.js')
      await createBackup(flags, readAccess(command), session)
    })
  addJsonLinesFlag(addAccessFlags(command), session)
}

export interface BackupListFlags extends ListingFlags, JsonFlags {
  readonly volumeName?: string
}

function addList(backup: Command, session: Session): void {
  const command = backup
    .command('list <dest>')
    .description('show the backups of a repository: in a table on a terminal, else as JSON by URL')
    .option('--volume-name <NAME>', 'only those of this volume')
    .option('--json', 'as JSON on a terminal, too')
    .option(...quietFlag)
    .action(async (destination: string, flags: BackupListFlags, command: Command) => {
      const { listBackups } = await import('./backup-listing.js')
      await listBackups(destination, flags, { access: readAccess(command), session })
    })
  addListingFlags(addAccessFlags(command))
}

function addInspect(backup: Command, session: Session): void {
  const command = backup
    .command('inspect <url>')
    .description('show one backup as JSON')
    .action(async (url: string, _flags: unknown, command: Command) => {
      const { inspectBackup } = await import('./backup-listing.js')
      await inspectBackup(url, { access: readAccess(command), session })
    })
  addAccessFlags(command)
}

function addDelete(backup: Command, session: Session): void {
  const command = backup
    .command('delete <url>')
    .description('remove a backup; "backup prune" frees the space that nothing needs any more')
    .action(async (url: string, flags: AgreementFlags, command: Command) => {
      const { deleteBackup } = await import('./backup-deletion.js')
      await deleteBackup(url, flags, { access: readAccess(command), session })
    })
  addAgreementFlags(addAccessFlags(command))
}
