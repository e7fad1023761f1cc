import type { Command, Option } from 'commander'

export interface NormalArguments {
  readonly args: readonly string[]
  /** The command that the words name, as far as they name one. */
  readonly command: Command
}

/**
 * Rewrites what the old command line accepted into what commander accepts: `-size` becomes `--size`, and a global option
 * may stand anywhere before `--`. Values of options and everything behind `--` stay as they are.
 */
export function normaliseArguments(program: Command, argv: readonly string[]): NormalArguments {
  const globals: string[] = []
  const local: string[] = []
  let command = program
  let isArgument = false
  for (let at = 0; at < argv.length; at++) {
    const word = argv[at] ?? ''
    if (word === '--') {
      local.push(...argv.slice(at))
      break
    }
    if (!isFlag(word)) {
      const below: Command | undefined = isArgument ? undefined : findCommand(command, word)
      isArgument = below === undefined
      command = below ?? command
      local.push(word)
      continue
    }
    const { option, words, takesNext } = readFlag(word, command, program)
    const target = option !== undefined && program.options.includes(option) ? globals : local
    target.push(...words)
    // The next word is this flag's value, whatever it looks like.
    if (takesNext && at + 1 < argv.length) target.push(argv[++at] ?? '')
  }
  return { args: [...globals, ...local], command }
}

const findCommand = ({ commands }: Command, word: string) => commands.find((candidate) => candidate.name() === word)

interface Flag {
  readonly option: Option | undefined
  readonly words: readonly string[]
  readonly takesNext: boolean
}

const isFlag = (word: string) => word.length > 1 && word.startsWith('-')

function readFlag(word: string, command: Command, program: Command): Flag {
  const options = [...command.options, ...program.options]
  const flag = withTwoDashes(word, options)
  const at = flag.startsWith('--') ? flag.indexOf('=') : -1
  const name = at < 0 ? flag : flag.slice(0, at)
  const option = options.find(({ long, short }) => long === name || short === name)
  const takesNext = option?.required === true && at < 0
  return { option, words: at < 0 ? [flag] : settleSwitch(option, name, flag.slice(at + 1)), takesNext }
}

/**
 * One dash and a word is a long flag, known or not: `-verify` is a mistake, and must not be read as `-v`. Only a short flag
 * that takes a value may have it attached, `-osize=10G`.
 */
function withTwoDashes(word: string, options: readonly Option[]): string {
  const name = /^-([a-z][a-z0-9-]+)(?:=.*)?$/s.exec(word)?.[1]
  if (name === undefined) return word
  const isKnown = options.some(({ long }) => long === `--${name}`)
  const hasAttachedValue = options.some(({ short, required }) => required && short === word.slice(0, 2))
  return isKnown || !hasAttachedValue ? `-${word}` : word
}

/** `--vm=true` is `--vm`, and `--vm=false` nothing at all: commander knows no values of switches. */
function settleSwitch(option: Option | undefined, name: string, value: string): readonly string[] {
  if (option?.isBoolean() === true && /^(?:true|t|1)$/i.test(value)) return [name]
  if (option?.isBoolean() === true && /^(?:false|f|0)$/i.test(value)) return []
  return [`${name}=${value}`]
}

/** For an option that may be repeated: each value is kept as it was typed, commas and all. */
export function collectValues(value: string, earlier: readonly string[] = []): readonly string[] {
  return [...earlier, value]
}
