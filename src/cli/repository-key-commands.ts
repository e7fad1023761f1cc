import type { Command } from 'commander'
import { addListingFlags, type ListingFlags, quietFlag } from './listing.js'
import { addAccessFlags, addAgreementFlags, type AgreementFlags, readAccess } from './repository-flags.js'
import type { Session } from './session.js'

export function addKeyCommands(repository: Command, session: Session): void {
  const key = repository.command('key').description('make, keep and exchange what opens a repository')
  addGenerate(key, session)
  addAdd(key, session)
  addList(key, session)
  addRemove(key, session)
  addExport(key, session)
  addImport(key, session)
}

function addGenerate(key: Command, session: Session): void {
  const command = key
    .command('generate [dest]')
    .description('make a key file, and print the 24 words that stand for it: write them down')
    .action(async (destination: string | undefined, _flags: unknown, command: Command) => {
      const { generateKey } = await import('./repository-keys.js')
      await generateKey(destination, { access: readAccess(command), session })
    })
  addAccessFlags(command)
}

export interface KeyAdditionFlags {
  readonly newKeyFile?: string
  readonly newPassphraseFile?: string
  readonly label?: string
}

function addAdd(key: Command, session: Session): void {
  const command = key
    .command('add <dest>')
    .description('let one more key file or passphrase open a repository (default: a passphrase that is asked for)')
    .option('--new-key-file <FILE>', 'the key file; it is made if it is not there')
    .option('--new-passphrase-file <FILE>', 'a file with the passphrase')
    .option('--label <TEXT>', 'what "key list" calls it')
    .action(async (destination: string, flags: KeyAdditionFlags, command: Command) => {
      const { addKey } = await import('./repository-slots.js')
      await addKey(destination, flags, { access: readAccess(command), session })
    })
  addAccessFlags(command)
}

function addList(key: Command, session: Session): void {
  const command = key
    .command('list <dest>')
    .description('show what opens a repository')
    .option(...quietFlag)
    .action(async (destination: string, flags: ListingFlags, command: Command) => {
      const { listKeys } = await import('./repository-slots.js')
      await listKeys(destination, flags, { access: readAccess(command), session })
    })
  addListingFlags(addAccessFlags(command))
}

function addRemove(key: Command, session: Session): void {
  const command = key
    .command('remove <dest> <id>')
    .description('let a key or passphrase no longer open a repository')
    .action(async (destination: string, id: string, flags: AgreementFlags, command: Command) => {
      const { removeKey } = await import('./repository-slots.js')
      await removeKey({ destination, id }, flags, { access: readAccess(command), session })
    })
  addAgreementFlags(addAccessFlags(command))
}

function addExport(key: Command, session: Session): void {
  const command = key
    .command('export [dest]')
    .description('print the 24 words that stand for a key file; with a destination only if it opens that')
    .action(async (destination: string | undefined, _flags: unknown, command: Command) => {
      const { exportKey } = await import('./repository-keys.js')
      await exportKey(destination, { access: readAccess(command), session })
    })
  addAccessFlags(command)
}

function addImport(key: Command, session: Session): void {
  const command = key
    .command('import [dest]')
    .description(
      'make the key file of the 24 words, which are asked for or piped in; with a destination only if it opens that',
    )
    .action(async (destination: string | undefined, _flags: unknown, command: Command) => {
      const { importKey } = await import('./repository-keys.js')
      await importKey(destination, { access: readAccess(command), session })
    })
  addAccessFlags(command)
}
