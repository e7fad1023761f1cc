import type { Command, Option } from 'commander'

/** Where the words come from that complete a value or an argument: fixed, what `convoy` prints when run so, or files of the host. */
export type WordSource =
  { readonly words: readonly string[] } | { readonly run: readonly string[] } | 'files' | 'nothing'

export interface CompletedFlag {
  /** `--size`, `-s`. */
  readonly names: readonly string[]
  readonly help: string
  /** What may follow it; undefined for a switch. */
  readonly value: WordSource | undefined
}

export interface CompletedCommand {
  /** `jobs wait`; the empty text for the program. */
  readonly path: string
  readonly commands: readonly { readonly name: string; readonly help: string }[]
  readonly flags: readonly CompletedFlag[]
  readonly argument: WordSource
}

/** Arguments by the name that they have in the usage. What is not here cannot be guessed. */
const argumentSources: Readonly<Record<string, WordSource>> = {
  vol: { run: ['ls', '-q'] },
  trashed: { run: ['trash', 'ls', '--format', '{{.Name}}'] },
  target: { run: ['notify', 'ls', '-q'] },
  job: { run: ['jobs', 'ls', '-q'] },
}

const filesFor = (...flags: readonly string[]) => Object.fromEntries(flags.map((flag) => [flag, 'files'] as const))

const flagSources: Readonly<Record<string, WordSource>> = {
  '--driver': { run: ['drivers', '-q'] },
  ...filesFor('--socket', '--mountpoint', '--output', '--path', '--to', '--s3-credentials'),
  ...filesFor('--key-file', '--passphrase-file', '--new-key-file', '--new-passphrase-file'),
  ...filesFor('--to-key-file', '--to-passphrase-file', '--to-s3-credentials'),
}

/** Every command, the program first. */
export function describeCommands(program: Command): readonly CompletedCommand[] {
  const globals = [...program.options, ...helpOf(program)].map(describeFlag)
  const visit = (command: Command, path: string): readonly CompletedCommand[] => {
    const [argument] = command.registeredArguments
    const choices = argument?.argChoices
    const own: CompletedCommand = {
      path,
      commands: command.commands.map((below) => ({ name: below.name(), help: below.description() })),
      flags: [...(command === program ? [] : command.options.map(describeFlag)), ...globals],
      argument: choices === undefined ? (argumentSources[argument?.name() ?? ''] ?? 'nothing') : { words: choices },
    }
    return [own, ...command.commands.flatMap((below) => visit(below, `${path} ${below.name()}`.trim()))]
  }
  return visit(program, '')
}

const helpOf = (program: Command): readonly Option[] => program.createHelp().visibleOptions(program).slice(-1)

function describeFlag(option: Option): CompletedFlag {
  const { long, short, description, argChoices } = option
  const names = [long, short].flatMap((name) => name ?? [])
  const takesValue = option.required
  const known = argChoices === undefined ? flagSources[long ?? ''] : { words: argChoices }
  return { names, help: description, value: takesValue ? (known ?? formatWords(long)) : undefined }
}

/** A template is free text; these two words are what people type most. */
function formatWords(long: string | undefined): WordSource {
  return long === '--format' ? { words: ['table', 'json'] } : 'nothing'
}
