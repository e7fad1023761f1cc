import { type Command, Option } from 'commander'
import { toConvoyError } from '../errors.js'
import { readText } from './answer.js'
import { findField } from './control-client.js'
import type { Session } from './session.js'
import { oneLine, printJson, printLine } from './terminal.js'

export function addVersionCommand(program: Command, session: Session): void {
  const command = program
    .command('version')
    .description('show the version of this command and of the daemon, if it answers')
    .addOption(new Option('--format <FORMAT>', 'table (default) or json').choices(['table', 'json']))
    .action(async ({ format }: { format?: string }) => {
      const { terminal } = session
      const { version } = session.environment
      const daemon = await askDaemon(session)
      if (format === 'json') printJson(terminal, { Client: { Version: version }, Daemon: daemon })
      else {
        printLine(terminal, `Client: ${version}`)
        printLine(terminal, `Daemon: ${oneLine(daemon.Version ?? daemon.Error ?? '')}`)
      }
    })
  session.addressPeople(command)
}

/** Nothing to fail for: whoever asks for versions often does so because the daemon does not answer. */
async function askDaemon({ client }: Session): Promise<{ readonly Version?: string; readonly Error?: string }> {
  try {
    const version = readText(findField(await client.get('/v1/info'), 'General'), 'Version')
    return { Version: version === '' ? 'unknown' : version }
  } catch (thrown) {
    return { Error: toConvoyError(thrown).sentence }
  }
}
