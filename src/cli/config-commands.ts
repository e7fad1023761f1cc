import { type Command, Option } from 'commander'
import type { ConfigReport } from '../model/config-report.js'
import { formatColumns } from './columns.js'
import type { Session } from './session.js'
import { printJson } from './terminal.js'

interface Format {
  readonly format?: string
}

/** `info`, which shows the configuration as well, and `profiles`. */
export function addConfigCommands(program: Command, session: Session): void {
  program
    .command('info')
    .description('show the daemon and its drivers as JSON')
    .option('--config', 'show instead what every option of the daemon is set to, by whom, and what that overrides')
    .addOption(formatOption().implies({ config: true }))
    .action(async ({ config, format }: Format & { config?: boolean }) => {
      if (config === true) showConfig(session, await readConfig(session), format)
      else printJson(session.terminal, await session.client.get('/v1/info'))
    })
  program
    .command('profiles')
    .description('show the profiles: what "-o profile=NAME" stands for')
    .addOption(formatOption())
    .action(async ({ format }: Format) => showProfiles(session, await readConfig(session), format))
}

function formatOption(): Option {
  return new Option('--format <FORMAT>', 'table (default) or json').choices(['table', 'json'])
}

async function readConfig(session: Session): Promise<ConfigReport> {
  // What the daemon of this version answers; its schema is the same interface.
  return (await session.client.get('/v1/config')) as ConfigReport
}

function showConfig(session: Session, config: ConfigReport, format: string | undefined): void {
  const { terminal } = session
  if (format === 'json') {
    printJson(terminal, config)
    return
  }
  const rows = config.options.map(({ name, value, source, overrides }) => [
    name,
    value ?? '-',
    source,
    overrides.map((one) => `${one.value} (${one.source})`).join(', '),
  ])
  terminal.out(formatColumns([['OPTION', 'VALUE', 'SOURCE', 'OVERRIDES'], ...rows]))
  if (config.needsRestart.length > 0)
    terminal.err(`convoy: changed since the start: ${config.needsRestart.join(', ')}\n`)
  for (const warning of config.warnings) terminal.err(`convoy: warning: ${warning}\n`)
}

function showProfiles(session: Session, { profiles }: ConfigReport, format: string | undefined): void {
  if (format === 'json') {
    printJson(session.terminal, profiles)
    return
  }
  const rows = Object.entries(profiles).map(([name, { driver, ...options }]) => [
    name,
    driver ?? '(default)',
    Object.entries(options)
      .map(([key, value]) => `${key}=${value}`)
      .join(' '),
  ])
  session.terminal.out(formatColumns([['PROFILE', 'DRIVER', 'OPTIONS'], ...rows]))
}
