import { type Command, Option } from 'commander'
import { addListingFlags, type ListingFlags } from './listing.js'
import {
  addAccessFlags,
  addAgreementFlags,
  addJsonLinesFlag,
  type AgreementFlags,
  type JsonFlags,
  readAccess,
} from './repository-flags.js'
import { addKeyCommands } from './repository-key-commands.js'
import type { Session } from './session.js'

/** What needs the repository is loaded by the command that runs. */
export function addRepositoryCommands(program: Command, session: Session): void {
  const repository = program
    .command('repository')
    .description('make and look after the places that backups are kept in; needs no daemon')
  session.addressPeople(repository)
  addInit(repository, session)
  addKeyCommands(repository, session)
  addStats(repository, session)
  addRepair(repository, session)
  addUnlock(repository, session)
}

export interface InitFlags {
  readonly encryption: 'key' | 'none'
  readonly passphrase?: boolean
}

function addInit(repository: Command, session: Session): void {
  const command = repository
    .command('init <dest>')
    .description('make a repository: vfs:///directory or s3://bucket@region/path')
    .addOption(
      new Option('--encryption <HOW>', 'by a key file or a passphrase, or not at all')
        .choices(['key', 'none'])
        .default('key'),
    )
    .option('--passphrase', 'ask for a passphrase, in place of a key file')
    .action(async (destination: string, flags: InitFlags, command: Command) => {
      const { initRepository } = await import('./repository-setup.js')
      await initRepository(destination, flags, { access: readAccess(command), session })
    })
  addAccessFlags(command)
}

export interface StatisticsFlags extends JsonFlags, ListingFlags {}

function addStats(repository: Command, session: Session): void {
  const command = repository
    .command('stats <dest>')
    .description('show what a repository holds, how much of it is the same, and what "backup prune" would free')
    .option('--json', 'one JSON document')
    .action(async (destination: string, flags: StatisticsFlags, command: Command) => {
      const { showStats } = await import('./repository-statistics.js')
      await showStats(destination, flags, { access: readAccess(command), session })
    })
  addListingFlags(addAccessFlags(command))
}

export interface RepairFlags extends AgreementFlags, JsonFlags {
  readonly setAside?: boolean
}

const repairHelp = `
Makes indexes anew of what is stored, forgets what is lost or damaged, and saves what is left of damaged packs, so that the next backup
of the same data mends the backups that miss it. Exit code: 0 nothing is wrong any more, 1 backups stay damaged: they are listed.`

function addRepair(repository: Command, session: Session): void {
  const command = repository
    .command('repair <dest>')
    .description('mend a repository as far as it can be')
    .option('--set-aside', 'also move records of backups that cannot be read out of the way')
    .addHelpText('after', repairHelp)
    .action(async (destination: string, flags: RepairFlags, command: Command) => {
      const { repairDestination } = await import('./repository-mending.js')
      await repairDestination(destination, flags, { access: readAccess(command), session })
    })
  addJsonLinesFlag(addAgreementFlags(addAccessFlags(command)), session)
}

export interface UnlockFlags extends AgreementFlags, ListingFlags {
  readonly all?: boolean
}

function addUnlock(repository: Command, session: Session): void {
  const command = repository
    .command('unlock <dest>')
    .description('show who is at work, and remove the notes of those that have died; no backup ever waits for them')
    .option('--all', 'also of those that seem to be at work: they will fail')
    .action(async (destination: string, flags: UnlockFlags, command: Command) => {
      const { unlockRepository } = await import('./repository-unlocking.js')
      await unlockRepository(destination, flags, { access: readAccess(command), session })
    })
  addListingFlags(addAgreementFlags(addAccessFlags(command)))
}
