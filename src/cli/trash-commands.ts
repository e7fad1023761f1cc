import type { Command } from 'commander'
import { addListingFlags, choosePrinter, type ListingFlags, quietFlag } from './listing.js'
import type { Session } from './session.js'
import { emptyTrash, type EmptyFlags } from './trash-emptying.js'
import { readTrash, trashListing } from './trash-listing.js'

export function addTrashCommands(program: Command, session: Session): void {
  const trash = program.command('trash').description('deleted volumes whose data is kept for a while')
  session.addressPeople(trash)
  const ls = trash
    .command('ls', { isDefault: true })
    .description('show them in a table, the default; "undelete" takes one back')
    .option(...quietFlag)
    .action(async (flags: ListingFlags) => {
      const print = choosePrinter(trashListing, flags, session.terminal)
      await print(await readTrash(session))
    })
  addListingFlags(ls)
  trash
    .command('empty [trashed...]')
    .description('remove the data of these, or of all, for ever')
    .option('-n, --dry-run', 'only show what would go')
    .option('-y, --yes', 'do not ask')
    .action((words: readonly string[], flags: EmptyFlags) => emptyTrash(words, flags, session))
}
