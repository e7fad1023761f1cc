import type { Command } from 'commander'
import type { ConfigReport } from '../model/config-report.js'
import { addListingFlags, choosePrinter, type Listing, type ListingFlags, quietFlag } from './listing.js'
import type { Session } from './session.js'
import { printJson } from './terminal.js'

const options: Listing = {
  columns: [
    { heading: 'OPTION', field: 'Name', least: 20 },
    { heading: 'VALUE', field: 'Value', least: 7 },
    { heading: 'SOURCE', field: 'Source', least: 7 },
    { heading: 'OVERRIDES', field: 'OverrideTexts', least: 8, importance: 1 },
  ],
  fields: ['Name', 'Value', 'Source', 'Overrides', 'OverrideTexts'],
  key: 'Name',
}

const profiles: Listing = {
  columns: [
    { heading: 'PROFILE', field: 'Name' },
    { heading: 'DRIVER', field: 'Driver' },
    { heading: 'OPTIONS', field: 'OptionTexts', least: 8 },
  ],
  fields: ['Name', 'Driver', 'OptionTexts', 'Options'],
  key: 'Name',
}

/** `info`, which shows the configuration as well, and `profiles`. */
export function addConfigCommands(program: Command, session: Session): void {
  const info = program
    .command('info')
    .description('show the daemon and its drivers as JSON')
    .option('--config', 'show instead what every option of the daemon is set to, by whom, and what that overrides')
    .action(async ({ config, ...flags }: ListingFlags & { config?: boolean }) => {
      // A format is a matter of the listing only.
      if (config === true || flags.format !== undefined) await showConfig(session, flags)
      else printJson(session.terminal, await session.client.get('/v1/info'))
    })
  addListingFlags(info)
  const command = program
    .command('profiles')
    .description('show the profiles: what "-o profile=NAME" stands for')
    .option(...quietFlag)
    .action((flags: ListingFlags) => showProfiles(session, flags))
  addListingFlags(command)
  session.addressPeople(command)
}

async function readConfig(session: Session): Promise<ConfigReport> {
  // What the daemon of this version answers; its schema is the same interface.
  return (await session.client.get('/v1/config')) as ConfigReport
}

async function showConfig(session: Session, flags: ListingFlags): Promise<void> {
  const { terminal } = session
  const print = choosePrinter(options, flags, terminal)
  const config = await readConfig(session)
  await print(
    config.options.map(({ name, value, source, overrides }) => ({
      Name: name,
      Value: value ?? '-',
      Source: source,
      Overrides: overrides,
      OverrideTexts: overrides.map((one) => `${one.value} (${one.source})`).join(', '),
    })),
  )
  if (config.needsRestart.length > 0) terminal.err(`convoy: needs a restart: ${config.needsRestart.join(', ')}\n`)
  for (const warning of config.warnings) terminal.err(`convoy: warning: ${warning}\n`)
}

async function showProfiles(session: Session, flags: ListingFlags): Promise<void> {
  const print = choosePrinter(profiles, flags, session.terminal)
  const config = await readConfig(session)
  await print(
    Object.entries(config.profiles).map(([name, { driver, ...texts }]) => ({
      Name: name,
      Driver: driver ?? '(default)',
      OptionTexts: Object.entries(texts)
        .map(([key, value]) => `${key}=${value}`)
        .join(' '),
      Options: texts,
    })),
  )
}
