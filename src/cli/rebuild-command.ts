import type { Command } from 'commander'
import type { DifferenceKind } from '../model/rebuild-report.js'
import { readItems, readNumber, readText } from './answer.js'
import { findField } from './control-client.js'
import { addListingFlags, choosePrinter, type Listing, type ListingFlags } from './listing.js'
import type { Session } from './session.js'
import type { Row } from './template.js'

const differences: Listing = {
  columns: [
    { heading: 'NAME', field: 'Name', least: 12 },
    { heading: 'DIFFERENCE', field: 'Difference' },
    { heading: 'DRIVER', field: 'Driver', importance: 1 },
    { heading: 'ID', field: 'ID', least: 8, importance: 2 },
  ],
  fields: ['Name', 'Difference', 'Driver', 'ID'],
  key: 'Name',
}

/** What it is that was found, and whether it was acted on. */
interface Outcome {
  readonly isDryRun: boolean
  readonly isNewDatabase: boolean
}

export function addRebuildCommand(program: Command, session: Session): void {
  const command = program
    .command('rebuild')
    .description('make the database agree with the storage; one that cannot be used is set aside')
    .option('-n, --dry-run', 'only show how they differ')
    .action(async ({ dryRun: isDryRun = false, ...flags }: ListingFlags & { readonly dryRun?: boolean }) => {
      const { client, terminal } = session
      const print = choosePrinter(differences, flags, terminal)
      const report = await client.post('/v1/rebuild', { dryRun: isDryRun })
      const rows = readItems(report, 'differences').map(rowOf)
      if (rows.length > 0) await print(rows)
      const outcome = { isDryRun, isNewDatabase: findField(report, 'isNewDatabase') === true }
      const count = readNumber(report, 'volumes') ?? 0
      const summary = `the storage holds ${count} ${count === 1 ? 'volume' : 'volumes'}`
      const sentences = [summary, ...sentencesOnDatabase(rows, outcome), ...sentencesOnRows(rows, outcome)]
      terminal.err(sentences.map((sentence) => `convoy: ${sentence}\n`).join(''))
    })
  addListingFlags(command)
  session.addressPeople(command)
}

function rowOf(difference: unknown): Row {
  return {
    Name: readText(difference, 'name'),
    Difference: readText(difference, 'kind'),
    Driver: readText(difference, 'driver'),
    ID: readText(difference, 'id'),
  }
}

function sentencesOnDatabase(rows: readonly Row[], { isDryRun, isNewDatabase }: Outcome): readonly string[] {
  if (!isNewDatabase) return rows.length === 0 ? ['the database agrees with it'] : []
  return isDryRun
    ? ['the database cannot be used: without --dry-run it is set aside, and a new one made']
    : ['the database that could not be used was set aside, and a new one made']
}

function sentencesOnRows(rows: readonly Row[], outcome: Outcome): readonly string[] {
  return Object.entries(describers).flatMap(([kind, describe]) => {
    const count = rows.filter(({ Difference }) => Difference === kind).length
    return count === 0 ? [] : [`${count} ${kind}: ${describe(outcome)}`]
  })
}

/** What a difference means, and what is to be done about it. */
const describers = {
  unknown: ({ isDryRun }) =>
    isDryRun ? 'on the storage only; without --dry-run the database learns of it' : 'the database knows of it now',
  retired: ({ isDryRun }) =>
    isDryRun
      ? 'forgotten or deleted on the storage; without --dry-run it is no longer listed'
      : 'forgotten or deleted on the storage: no longer listed',
  missing: ({ isNewDatabase }) =>
    isNewDatabase
      ? 'in the old database only, and not in the new one'
      : 'in the database only: is its storage all there? "convoy delete --reference NAME" gives it up',
  conflicting: () => 'another volume has its name: rename that one, and run this again',
} as const satisfies Record<DifferenceKind, (outcome: Outcome) => string>
