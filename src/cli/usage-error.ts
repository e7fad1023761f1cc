import type { Command, CommanderError } from 'commander'
import { ConvoyError } from '../errors.js'
import { findNearestWord } from '../model/nearest-word.js'

/** What commander says about a command line, with the nearest word that there is, and where to read on. */
export function usageError(error: CommanderError, command: Command): ConvoyError {
  const text = error.message.replace(/^error: /, '').replace(/\s+/g, ' ')
  const unknown = findUnknownCommand(error, command)
  const message = unknown === undefined ? text : `unknown command '${unknown}'`
  const near = unknown === undefined ? nearestOption(error, command) : findNearestWord(unknown, namesBelow(command))
  return new ConvoyError('invalid-argument', near === undefined ? message : `${message}. Did you mean ${near}?`, {
    hint: `see "${fullName(command)} --help"`,
    cause: error,
  })
}

function findUnknownCommand({ code, message }: CommanderError, command: Command): string | undefined {
  if (code === 'commander.unknownCommand') return quoted(message)
  // A command with a default below it hands a word that it does not know on to that.
  if (code !== 'commander.excessArguments') return undefined
  return command.commands.find(({ args }) => args.length > 0)?.args[0]
}

function nearestOption({ code, message }: CommanderError, command: Command): string | undefined {
  if (code !== 'commander.unknownOption') return undefined
  const [flag = ''] = (quoted(message) ?? '').split('=')
  const known: string[] = []
  for (let one: Command | null = command; one !== null; one = one.parent) {
    known.push(...one.options.flatMap(({ long }) => long ?? []))
  }
  return findNearestWord(flag, known)
}

const quoted = (message: string) => /'(.*)'/s.exec(message)?.[1]

const namesBelow = (command: Command) => command.commands.map((below) => below.name())

function fullName(command: Command): string {
  return command.parent === null ? command.name() : `${fullName(command.parent)} ${command.name()}`
}
