import { type Command, Option } from 'commander'
import type { OptionTable } from '../model/options.js'
import { collectValues } from './arguments.js'
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

function tableFlags(table: OptionTable): readonly Option[] {
  return Object.entries(table).map(([name, { placeholder, help, defaultText, repeatable }]) => {
    const isSwitch = placeholder === ''
    const text = isSwitch || defaultText === undefined ? help : `${help} (default: ${defaultText})`
    const option = new Option(`--${name} ${isSwitch ? '[BOOLEAN]' : `<${placeholder}>`}`, text)
    return repeatable === true ? option.argParser(collectValues) : option
  })
}

const isGlobal = (program: Command, option: Option) => program.options.some(({ long }) => long === option.long)

/** The texts of those options of the table that were typed. Defaults are the table's matter. */
function givenOptions(command: Command, table: OptionTable): Readonly<Record<string, string>> {
  const given = command.options
    .filter((option) => Object.hasOwn(table, option.name()) && table[option.name()]?.repeatable !== true)
    .map((option) => [option.name(), command.getOptionValue(option.attributeName()) as unknown] as const)
    .filter(([, value]) => value !== undefined)
  return Object.fromEntries(given.map(([name, value]) => [name, String(value)]))
}

function listOf(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.map(String) : []
}
