import type { Command } from 'commander'
import { collectValues } from './arguments.js'
import {
  addAccessFlags,
  addAgreementFlags,
  addJsonLinesFlag,
  addSecondAccessFlags,
  type AgreementFlags,
  type JsonFlags,
  readAccess,
  readSecondAccess,
} from './repository-flags.js'
import type { Session } from './session.js'

/** What keeps a repository sound, small, and in two places. */
export function addBackupUpkeepCommands(backup: Command, session: Session): void {
  addStats(backup, session)
  addVerify(backup, session)
  addPrune(backup, session)
  addCopy(backup, session)
}

function addStats(backup: Command, session: Session): void {
  const command = backup
    .command('stats <url>')
    .description('show what a backup holds, and what it added to the repository')
    .option('--json', 'one JSON document')
    .action(async (url: string, flags: JsonFlags, command: Command) => {
      const { showBackupStats } = await import('./backup-listing.js')
      await showBackupStats(url, flags, { access: readAccess(command), session })
    })
  session.addressPeople(addAccessFlags(command))
}

export interface VerifyFlags extends JsonFlags {
  /** `true`: all. */
  readonly readData?: string | true
  /** `--no-mark` makes it false. */
  readonly mark: boolean
}

const verifyHelp = `
Without --read-data it is verified that everything that backups need is there, and in its size. Exit code: 0 all is well,
1 something is damaged: the backups and files that it is about are listed, and "convoy repository repair" mends what can be mended.`

function addVerify(backup: Command, session: Session): void {
  const command = backup
    .command('verify <dest>')
    .description('look whether the backups of a repository are whole')
    .option('--read-data [PART]', 'read and check the data as well: all of it, 10% of it, or 2/7: the second seventh')
    .option('--no-mark', 'do not note what is damaged; backups would go on to refer to it')
    .addHelpText('after', verifyHelp)
    .action(async (destination: string, flags: VerifyFlags, command: Command) => {
      const { verifyRepository } = await import('./backup-verification.js')
      await verifyRepository(destination, flags, { access: readAccess(command), session })
    })
  session.addressPeople(addJsonLinesFlag(addAccessFlags(command), session))
}

export interface PruneFlags extends AgreementFlags, JsonFlags {
  readonly keepLast?: string
  readonly keepHourly?: string
  readonly keepDaily?: string
  readonly keepWeekly?: string
  readonly keepMonthly?: string
  readonly keepYearly?: string
  readonly keepWithin?: string
  readonly keepTag?: readonly string[]
  readonly volume?: readonly string[]
  readonly timeZone?: string
  readonly maxRepack?: string
}

const pruneHelp = `
A backup is kept if any of --keep-… keeps it, counted for each volume by itself. Without any of them no backup is removed, only data
that none needs. The last complete backup of a volume is always kept. Backups may be made meanwhile.`

function addPrune(backup: Command, session: Session): void {
  const command = backup
    .command('prune <dest>')
    .description('remove backups by a rule, and the data that no backup needs any more')
    .option('--keep-last <NUMBER>', 'keep so many of the newest')
    .option('--keep-hourly <NUMBER>', 'keep the newest of each of so many hours')
    .option('--keep-daily <NUMBER>', 'keep the newest of each of so many days')
    .option('--keep-weekly <NUMBER>', 'keep the newest of each of so many weeks')
    .option('--keep-monthly <NUMBER>', 'keep the newest of each of so many months')
    .option('--keep-yearly <NUMBER>', 'keep the newest of each of so many years')
    .option('--keep-within <DURATION>', 'keep those that are not older: 12h, 30d')
    .option('--keep-tag <TEXT>', 'keep those with this tag; repeatable', collectValues)
    .option('--volume <NAME>', 'remove only backups of this volume; repeatable', collectValues)
    .option('--time-zone <NAME>', 'where days begin: Europe/Berlin (default: that of this host)')
    .option('--max-repack <SIZE>', 'rewrite at most so much of what is still needed: 10g')
    .addHelpText('after', pruneHelp)
    .action(async (destination: string, flags: PruneFlags, command: Command) => {
      const { pruneRepository } = await import('./backup-pruning.js')
      await pruneRepository(destination, flags, { access: readAccess(command), session })
    })
  session.addressPeople(addJsonLinesFlag(addAgreementFlags(addAccessFlags(command)), session))
}

function addCopy(backup: Command, session: Session): void {
  const command = backup
    .command('copy <url> <dest2>')
    .description('copy a backup into another repository, and print its URL there')
    .action(async (url: string, destination: string, flags: JsonFlags, command: Command) => {
      const { copyBackup } = await import('./backup-copying.js')
      const from = { access: readAccess(command), session }
      await copyBackup(url, flags, { from, to: { destination, access: readSecondAccess(command) } })
    })
  session.addressPeople(addJsonLinesFlag(addSecondAccessFlags(addAccessFlags(command)), session))
}
