import { type Command, Option } from 'commander'
import { addListingFlags, type ListingFlags, quietFlag } from './listing.js'
import { addAccessFlags, addJsonLinesFlag, type JsonFlags, readAccess } from './repository-flags.js'
import type { Session } from './session.js'

/** What looks into one backup, and takes files out of it. */
export function addBackupFileCommands(backup: Command, session: Session): void {
  addLs(backup, session)
  addCat(backup, session)
  addFind(backup, session)
  addDiff(backup, session)
  addExtract(backup, session)
}

export interface TreeListFlags extends ListingFlags {
  readonly recursive?: boolean
}

function addLs(backup: Command, session: Session): void {
  const command = backup
    .command('ls <url> [path]')
    .description('show what is in a directory of a backup')
    .option('-R, --recursive', 'and in those below it')
    .option(...quietFlag)
    .action(async (url: string, path: string | undefined, flags: TreeListFlags, command: Command) => {
      const { listFiles } = await import('./backup-files.js')
      await listFiles({ url, path: path ?? '' }, flags, { access: readAccess(command), session })
    })
  session.addressPeople(addListingFlags(addAccessFlags(command)))
}

function addCat(backup: Command, session: Session): void {
  const command = backup
    .command('cat <url> <path>')
    .description('print the content of a file of a backup')
    .action(async (url: string, path: string, _flags: unknown, command: Command) => {
      const { printFile } = await import('./backup-files.js')
      await printFile({ url, path }, { access: readAccess(command), session })
    })
  session.addressPeople(addAccessFlags(command))
}

export interface FindFlags extends ListingFlags {
  readonly type?: 'f' | 'd' | 'l'
}

function addFind(backup: Command, session: Session): void {
  const command = backup
    .command('find <url> <pattern>')
    .description('show the files of a backup whose names match: "*.sql", "var/**/*.log"')
    .addOption(new Option('--type <TYPE>', 'only files, directories or links').choices(['f', 'd', 'l']))
    .option(...quietFlag)
    .action(async (url: string, pattern: string, flags: FindFlags, command: Command) => {
      const { findFiles } = await import('./backup-files.js')
      await findFiles({ url, path: pattern }, flags, { access: readAccess(command), session })
    })
  session.addressPeople(addListingFlags(addAccessFlags(command)))
}

function addDiff(backup: Command, session: Session): void {
  const command = backup
    .command('diff <url> <url2>')
    .description('show how the second backup differs from the first')
    .option(...quietFlag)
    .action(async (url: string, other: string, flags: ListingFlags, command: Command) => {
      const { compareBackups } = await import('./backup-files.js')
      await compareBackups([url, other], flags, { access: readAccess(command), session })
    })
  session.addressPeople(addListingFlags(addAccessFlags(command)))
}

export interface ExtractionFlags extends JsonFlags {
  readonly to: string
  readonly devices?: boolean
  readonly setuid: 'keep' | 'drop'
  readonly keepHealthy?: boolean
  readonly limitMemory?: string
}

const extractionHelp = `
The directory must be new or empty; it appears when everything is in it and verified. Exit code: 0 all of it is there, 3 all but what
is listed, 1 nothing was restored.`

function addExtract(backup: Command, session: Session): void {
  const command = backup
    .command('extract <url> [path...]')
    .description('restore a backup, or some of its files and directories')
    .requiredOption('--to <DIRECTORY>', 'where to; it is made, or must be empty')
    .option('--devices', 'make device nodes, too')
    .addOption(
      new Option('--setuid <HOW>', 'set-user-ID and set-group-ID bits of files')
        .choices(['keep', 'drop'])
        .default('keep'),
    )
    .option('--keep-healthy', 'if some of it is damaged, restore the rest')
    .option('--limit-memory <SIZE>', 'use about so much memory at most: 200m')
    .addHelpText('after', extractionHelp)
    .action(async (url: string, paths: readonly string[], flags: ExtractionFlags, command: Command) => {
      const { extractBackup } = await import('./backup-extraction.js')
      await extractBackup({ url, paths }, flags, { access: readAccess(command), session })
    })
  session.addressPeople(addJsonLinesFlag(addAccessFlags(command), session))
}
