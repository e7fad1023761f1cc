import type { Command, Option } from 'commander'
import type { OptionTable } from '../model/options.js'
import { givenOptions, tableFlags } from './option-flags.js'
import type { Session } from './session.js'

const otherSources = `
Each of these may also be given as a variable of the environment (CONVOY_TRASH_RETENTION for --trash-retention) and in the
configuration file. Flags count more than the environment, which counts more than the file. See "convoy info --config".`

/** `table` may be undefined where the command is only listed, not run. */
export function addDaemonCommand(program: Command, session: Session, table: OptionTable = {}): void {
  const command = program
    .command('daemon')
    .description('serve volumes to Docker, in the foreground')
    .addHelpText('after', otherSources)
  for (const option of tableFlags(table)) if (!isGlobal(program, option)) command.addOption(option)
  command.action(async (values: Readonly<Record<string, unknown>>) => {
    session.finish(
      await session.environment.daemon.run({
        options: { ...givenOptions(program, table), ...givenOptions(command, table) },
        drivers: listOf(values['drivers']),
        driverOptions: listOf(values['driverOpts']),
      }),
    )
  })
}

const isGlobal = (program: Command, option: Option) => program.options.some(({ long }) => long === option.long)

function listOf(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.map(String) : []
}
