import { Command, CommanderError } from 'commander'
import { ConvoyError } from '../errors.js'
import type { OptionTable } from '../model/options.js'
import { normaliseArguments } from './arguments.js'
import { addConfigCommands } from './config-commands.js'
import { addDaemonCommand } from './daemon-command.js'
import { addEventCommands } from './event-commands.js'
import { addJobCommands } from './job-commands.js'
import type { Environment } from './environment.js'
import { defaultSocketPath, type GlobalOptions, Session } from './session.js'
import { addVolumeCommands } from './volume-commands.js'

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
  const table = argv.includes('daemon') ? await session.environment.daemon.loadOptions() : undefined
  const program = buildProgram(session, table)
  const { args, command } = normaliseArguments(program, argv)
  try {
    await program.parseAsync(args, { from: 'user' })
  } catch (thrown) {
    if (!(thrown instanceof CommanderError)) throw thrown
    if (!helpCodes.has(thrown.code)) throw usageError(thrown, command)
  }
}

/** How commander says that it has shown help or the version: that is no failure, not even without any command. */
const helpCodes: ReadonlySet<string> = new Set(['commander.help', 'commander.helpDisplayed', 'commander.version'])

function buildProgram(session: Session, table: OptionTable | undefined): Command {
  const { terminal, version } = session.environment
  const program = new Command('convoy')
    .description('Volumes for Docker, and the daemon that serves them')
    .usage('[global options] command [options] [arguments]')
    .version(`convoy version ${version}`, '-v, --version', 'show the version')
    .helpOption('-h, --help', 'show this help')
    .option('-s, --socket <PATH>', `the socket of the daemon (default: ${defaultSocketPath})`)
    .option('-d, --debug', 'say on stderr what happens')
    .option('--verbose', 'print whole volumes instead of their names')
    .enablePositionalOptions()
    .exitOverride()
    // Errors are shown once, by the session. What else commander would write to stderr is help.
    .configureOutput({ writeOut: terminal.out, writeErr: terminal.out, outputError: () => undefined })
    .configureHelp({ showGlobalOptions: true })
  program.hook('preAction', () => session.begin(program.opts<GlobalOptions>()))
  addDaemonCommand(program, session, table)
  addConfigCommands(program, session)
  addVolumeCommands(program, session)
  addJobCommands(program, session)
  addEventCommands(program, session)
  return program
}

function usageError(error: CommanderError, command: Command): ConvoyError {
  const message = error.message.replace(/^error: /, '').replace(/\s+/g, ' ')
  return new ConvoyError('invalid-argument', message, { hint: `see "${fullName(command)} --help"`, cause: error })
}

function fullName(command: Command): string {
  return command.parent === null ? command.name() : `${fullName(command.parent)} ${command.name()}`
}
