import { Command, CommanderError } from 'commander'
import { normaliseArguments } from './arguments.js'
import { findFirstWord, groupsFor } from './command-groups.js'
import type { Environment } from './environment.js'
import plain from './plain-query.cjs'
import { type GlobalOptions, Session } from './session.js'
import { printLine } from './terminal.js'

/** Runs one command line, without the program's name, and resolves to its exit code. Never throws. */
export async function runCommandLine(argv: readonly string[], environment: Environment): Promise<number> {
  const session = new Session(environment)
  try {
    await runCommand(argv, session)
  } catch (thrown) {
    session.fail(thrown)
  }
  return session.exitCode
}

async function runCommand(argv: readonly string[], session: Session): Promise<void> {
  const word = findFirstWord(argv)
  const describesDaemon = word === 'daemon' || word === 'completion' || (word === 'help' && argv.includes('daemon'))
  const table = describesDaemon ? await session.environment.daemon.loadOptions() : undefined
  const program = buildProgram(session)
  const additions = await Promise.all(groupsFor(word).map(({ load }) => load()))
  for (const add of additions) add(program, session, table)
  const { args, command } = normaliseArguments(program, argv)
  session.choose(command)
  try {
    await program.parseAsync(args, { from: 'user' })
  } catch (thrown) {
    if (!(thrown instanceof CommanderError)) throw thrown
    if (!helpCodes.has(thrown.code)) throw (await import('./usage-error.js')).usageError(thrown, command)
  }
}

/** How commander says that it has shown help or the version: that is no failure, not even without any command. */
const helpCodes: ReadonlySet<string> = new Set(['commander.help', 'commander.helpDisplayed', 'commander.version'])

function buildProgram(session: Session): Command {
  const { terminal } = session.environment
  const program = new Command('convoy')
    .description('Volumes for Docker, and the daemon that serves them')
    .usage('[global options] command [options] [arguments]')
    .option('-v, --version', 'show the version')
    .helpOption('-h, --help', 'show this help')
    .option(
      '-s, --socket <PATH>',
      `the socket of the daemon (default: CONVOY_SOCKET, or else ${plain.defaultSocketPath})`,
    )
    .option('--name <NAME>', 'the plugin name of the daemon, in place of its socket (default: convoy)')
    .option('-d, --debug', 'say on stderr what happens')
    .option('--verbose', 'print whole volumes instead of their names')
    .enablePositionalOptions()
    .exitOverride()
    .showSuggestionAfterError(false)
    // Errors are shown once, by the session. What else commander would write to stderr is help.
    .configureOutput({ writeOut: terminal.out, writeErr: terminal.out, outputError: () => undefined })
    .configureHelp({ showGlobalOptions: true })
  // Not .version(), which wants the text of it now: reading it takes time.
  program.on('option:version', () => {
    printLine(terminal, `convoy version ${session.environment.version}`)
    throw new CommanderError(0, 'commander.version', '')
  })
  program.hook('preAction', () => session.begin(program.opts<GlobalOptions>()))
  return program
}
