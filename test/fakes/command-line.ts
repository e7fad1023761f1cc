import { runCommandLine } from '../../src/cli/command-line.js'
import type { DaemonArguments, Environment } from '../../src/cli/environment.js'
import type { Terminal } from '../../src/cli/terminal.js'
import { type OptionTable, parseBoolean } from '../../src/model/options.js'

/** What one run of the command line left behind. */
export interface Outcome {
  readonly code: number
  readonly out: string
  readonly err: string
  /** How the daemon was started, if it was. */
  readonly daemon: DaemonArguments | undefined
  /** The pauses it asked for; none is really taken. */
  readonly pausesMs: readonly number[]
}

/** For a tree of commands that is looked at and not run. */
export const silentEnvironment: Environment = {
  version: '1.2.3',
  terminal: { out: () => undefined, err: () => undefined },
  sleep: async () => undefined,
  now: () => new Date(0),
  daemon: { loadOptions: async () => ({}), run: async () => 0 },
  openDoctor: () => Promise.reject(new Error('there is no doctor here')),
}

/** A table like the daemon's: one option of each kind, and two that are global options too. */
export const daemonTable: OptionTable = {
  root: { parse: String, default: '/var/lib/convoy', placeholder: 'PATH', help: 'where the daemon keeps its state' },
  'trash-retention': {
    parse: String,
    default: '24h',
    defaultText: '24h',
    placeholder: 'DURATION',
    help: 'how long the trash is kept',
  },
  'ignore-docker-delete': { parse: parseBoolean, default: false, placeholder: '', help: 'keep what Docker removes' },
  drivers: { parse: String, repeatable: true, placeholder: 'NAME', help: 'a storage driver to use' },
  'driver-opts': { parse: String, repeatable: true, placeholder: 'KEY=VALUE', help: 'an option of a driver' },
  debug: { parse: parseBoolean, default: false, placeholder: '', help: 'log more' },
  socket: { parse: String, default: '/run/x.sock', placeholder: 'PATH', help: 'the control socket' },
}

/** Runs the real command line in this process; `screen` makes its streams those of a terminal. */
export async function runInProcess(
  argv: readonly string[],
  parts: Partial<Environment> = {},
  screen: Omit<Terminal, 'out' | 'err'> = {},
): Promise<Outcome> {
  let out = ''
  let err = ''
  let daemon: DaemonArguments | undefined
  const pausesMs: number[] = []
  const code = await runCommandLine(argv, {
    version: '1.2.3',
    terminal: { out: (text) => (out += text), err: (text) => (err += text), ...screen },
    sleep: async (ms) => void pausesMs.push(ms),
    now: () => new Date('2026-11-20T12:00:00Z'),
    openDoctor: silentEnvironment.openDoctor,
    daemon: {
      loadOptions: async () => daemonTable,
      run: async (args) => {
        daemon = args
        return 7
      },
    },
    ...parts,
  })
  return { code, out, err, daemon, pausesMs }
}
