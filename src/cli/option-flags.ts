import { type Command, Option } from 'commander'
import type { OptionTable } from '../model/options.js'
import { collectValues } from './arguments.js'

/** A flag for each option of the table. What it is given is text: the table parses it. */
export function tableFlags(table: OptionTable): readonly Option[] {
  return Object.entries(table).map(([name, { placeholder, help, defaultText, repeatable }]) => {
    const isSwitch = placeholder === ''
    const text = isSwitch || defaultText === undefined ? help : `${help} (default: ${defaultText})`
    const option = new Option(`--${name} ${isSwitch ? '[BOOLEAN]' : `<${placeholder}>`}`, text)
    return repeatable === true ? option.argParser(collectValues) : option
  })
}

/** The texts of those options of the table that were typed. Defaults are the table's matter. */
export function givenOptions(command: Command, table: OptionTable): Readonly<Record<string, string>> {
  const given = command.options
    .filter((option) => Object.hasOwn(table, option.name()) && table[option.name()]?.repeatable !== true)
    .map((option) => [option.name(), command.getOptionValue(option.attributeName()) as unknown] as const)
    .filter(([, value]) => value !== undefined)
  return Object.fromEntries(given.map(([name, value]) => [name, String(value)]))
}
