import type { Command } from 'commander'
import { type OptionTable, parseOption } from '../model/options.js'
import { storeOptions } from '../object-stores/registry.js'
import { givenOptions, tableFlags } from './option-flags.js'
import type { Session } from './session.js'
import { printFailureLine } from './terminal.js'

/** How to get at a repository, as it was typed. */
export interface Access {
  readonly keyFile: string | undefined
  readonly passphraseFile: string | undefined
  /** Texts of the options of object stores, by their names. */
  readonly storeTexts: Readonly<Record<string, string>>
}

const prefixOfSecond = 'to-'

/** What every command on a repository takes. */
export function addAccessFlags(command: Command): Command {
  for (const flag of tableFlags(storeOptions)) command.addOption(flag)
  return command
    .option('--key-file <FILE>', 'the key of the repository (default: CONVOY_KEY_FILE, or else that of this user)')
    .option(
      '--passphrase-file <FILE>',
      'a passphrase in place of a key (default: CONVOY_PASSPHRASE_FILE, or else asked for)',
    )
}

/** Takes here what belongs to the commands below: Convoy 0.5 did. */
export function acceptStoreFlags(command: Command): void {
  for (const flag of tableFlags(storeOptions)) command.addOption(flag.hideHelp())
}

/** For the second of two repositories. */
export function addSecondAccessFlags(command: Command): Command {
  for (const flag of tableFlags(secondStoreOptions())) command.addOption(flag)
  return command
    .option('--to-key-file <FILE>', 'the key of the repository that is copied to, if it is another one')
    .option('--to-passphrase-file <FILE>', 'a passphrase in place of that key')
}

const secondStoreOptions = (): OptionTable =>
  Object.fromEntries(Object.entries(storeOptions).map(([name, option]) => [`${prefixOfSecond}${name}`, option]))

/** What was typed behind a command, or behind the one that it belongs to: scripts have `backup --s3-endpoint URL list`. */
export function readAccess(command: Command): Access {
  const flags = command.opts<AccessFlags>()
  return {
    keyFile: flags.keyFile,
    passphraseFile: flags.passphraseFile,
    storeTexts: {
      ...(command.parent === null ? {} : givenOptions(command.parent, storeOptions)),
      ...givenOptions(command, storeOptions),
    },
  }
}

/** What is not said of the second repository is as it is for the first. */
export function readSecondAccess(command: Command): Access {
  const first = readAccess(command)
  const flags = command.opts<AccessFlags>()
  const texts = Object.entries(givenOptions(command, secondStoreOptions()))
  const named = flags.toKeyFile !== undefined || flags.toPassphraseFile !== undefined
  return {
    ...first,
    ...(named ? { keyFile: flags.toKeyFile, passphraseFile: flags.toPassphraseFile } : {}),
    storeTexts: {
      ...first.storeTexts,
      ...Object.fromEntries(texts.map(([name, text]) => [name.slice(prefixOfSecond.length), text])),
    },
  }
}

interface AccessFlags {
  readonly keyFile?: string
  readonly passphraseFile?: string
  readonly toKeyFile?: string
  readonly toPassphraseFile?: string
}

/** The value of a flag, or undefined when it was not given. What is refused is refused by the name of the flag. */
export function readFlag<Value>(
  flag: string,
  text: string | undefined,
  parse: (text: string) => Value,
): Value | undefined {
  return text === undefined ? undefined : parseOption({ parse, placeholder: '', help: '' }, flag, text, 'flag')
}

/** For what cannot be undone. */
export interface AgreementFlags {
  readonly dryRun?: boolean
  readonly yes?: boolean
}

export function addAgreementFlags(command: Command): Command {
  return command.option('-n, --dry-run', 'only show what would be done').option('-y, --yes', 'do not ask')
}

export interface JsonFlags {
  readonly json?: boolean
}

/** Of commands that take time. What fails is a line, too. */
export function addJsonLinesFlag(command: Command, session: Session): Command {
  return command
    .option('--json', 'a JSON document a line: {"progress":…}, and {"result":…} as the last one')
    .hook('preAction', () => {
      if (command.opts<JsonFlags>().json === true) session.printFailuresBy(printFailureLine)
    })
}
