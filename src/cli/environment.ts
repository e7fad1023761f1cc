import type { OptionTable } from '../model/options.js'
import type { ControlSource, DaemonAddress } from '../doctor/daemon-view.js'
import type { Doctor } from '../doctor/doctor.js'
import type { Terminal } from './terminal.js'

/** What the command line takes from the process that runs it. */
export interface Environment {
  readonly version: string
  readonly terminal: Terminal
  readonly sleep: (ms: number) => Promise<void>
  readonly now: () => Date
  /**
   * Calls `leave` on Ctrl-C or SIGTERM, once, and ends the process with the exit code that it returns. Without one the process goes
   * on to a clean end, and the next Ctrl-C ends it at once. The result calls it off.
   */
  readonly onInterrupt?: (leave: () => number | undefined) => () => void
  readonly daemon: DaemonEntry
  /** Who looks for what is wrong; loaded for whoever asks. */
  readonly openDoctor: (source: ControlSource, which: DaemonAddress) => Promise<Doctor>
  /** What CONVOY_SOCKET says: where the daemon's socket is, unless `--socket` says otherwise. Empty is nothing. */
  readonly socketPath?: string | undefined
  /** Where the keys of repositories are. */
  readonly keys?: KeyPlaces
  /** How long the daemon may stay silent; without it long enough for any operation. */
  readonly answerTimeoutMs?: number
}

/** Where to look for the secret of a repository when the command line says nothing. Empty is nothing. */
export interface KeyPlaces {
  /** What CONVOY_KEY_FILE says. */
  readonly keyFile?: string | undefined
  /** What CONVOY_PASSPHRASE_FILE says. */
  readonly passphraseFile?: string | undefined
  /** The key file of this user, where nothing else is said; it need not exist. */
  readonly usualKeyFile: string
}

/** What was typed behind `convoy daemon`; nothing of it is checked yet. */
export interface DaemonArguments {
  /** Name of the option in the daemon's table → its text. A flag without a value is `true`. */
  readonly options: Readonly<Record<string, string>>
  /** In the order given: the first is the default. */
  readonly drivers: readonly string[]
  /** `key=value` each. */
  readonly driverOptions: readonly string[]
}

/** The daemon, as far as the command line knows it. Loading it is slow, so nothing but `convoy daemon` does. */
export interface DaemonEntry {
  readonly loadOptions: () => Promise<OptionTable>
  /** Resolves to the exit code once the daemon has shut down. */
  readonly run: (args: DaemonArguments) => Promise<number>
}
