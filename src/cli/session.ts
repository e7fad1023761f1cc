import type { Command } from 'commander'
import { defaultPlaces } from '../model/default-places.js'
import { optional } from '../model/optional.js'
import { parseVolumeName } from '../model/volume-name.js'
import { ControlClient } from './control-client.js'
import type { Environment } from './environment.js'
import plain from './plain-query.cjs'
import { oneLine, printFailure, sayFailure, type Terminal } from './terminal.js'

/** The options that may stand anywhere in a command line. */
export interface GlobalOptions {
  readonly socket?: string
  readonly name?: string
  readonly debug?: boolean
  readonly verbose?: boolean
}

/** What shells say of a process that Ctrl-C ended. */
const exitCodeOfInterrupt = 130

/** One run of one command: what it talks to, and the exit code it has earned so far. */
export class Session {
  readonly environment: Environment
  #globals: GlobalOptions = {}
  #client: ControlClient | undefined
  #exitCode = 0
  #isInterrupted = false
  #printFailure: typeof printFailure | undefined
  readonly #forPeople = new Set<Command>()
  #command: Command | null = null

  constructor(environment: Environment) {
    this.environment = environment
  }

  get terminal(): Terminal {
    return this.environment.terminal
  }

  get globals(): GlobalOptions {
    return this.#globals
  }

  get exitCode(): number {
    return this.#exitCode
  }

  /** Must be called once, before the command runs. */
  begin(globals: GlobalOptions): void {
    this.#globals = globals
  }

  /** This command is new and for people: nothing of a failure of it, or of one below it, appears on stdout. */
  addressPeople(command: Command): void {
    this.#forPeople.add(command)
  }

  /** From now on failures are printed so, whoever the command addresses. */
  printFailuresBy(print: typeof printFailure): void {
    this.#printFailure = print
  }

  /** Runs it; Ctrl-C meanwhile calls `stop` in place of ending the process. What fails afterwards has failed because of that. */
  async runUntilStopped<Result>(stop: () => void, run: () => Promise<Result>): Promise<Result> {
    const callOff = this.environment.onInterrupt?.(() => {
      this.#isInterrupted = true
      stop()
      return undefined
    })
    try {
      return await run()
    } finally {
      callOff?.()
    }
  }

  /** Says which command runs, before it does. */
  choose(command: Command): void {
    this.#command = command
  }

  /** What is typed counts more than the environment. */
  #socketPath(): string {
    const { socket, name } = this.#globals
    if (socket !== undefined) return socket
    if (name !== undefined) return defaultPlaces(parseVolumeName(name)).socket
    return plain.usualSocketPath(this.environment.socketPath)
  }

  get client(): ControlClient {
    this.#client ??= this.clientWithin(this.environment.answerTimeoutMs)
    return this.#client
  }

  /** One that gives up sooner. */
  clientWithin(timeoutMs: number | undefined): ControlClient {
    return new ControlClient({
      socketPath: this.#socketPath(),
      ...optional('timeoutMs', timeoutMs),
      ...optional('onExchange', this.#globals.debug === true ? (sentence: string) => this.debug(sentence) : undefined),
    })
  }

  /** The command goes on, for example with the next volume, but has failed. */
  fail(thrown: unknown, print = this.#printFailure ?? (this.#isForPeople() ? sayFailure : printFailure)): void {
    const exitCode = print(this.terminal, thrown)
    this.finish(this.#isInterrupted ? exitCodeOfInterrupt : exitCode)
    const cause = thrown instanceof Error ? (thrown.cause ?? thrown) : thrown
    if (cause instanceof Error) this.debug(cause.stack ?? cause.message)
  }

  finish(exitCode: number): void {
    this.#exitCode = exitCode
  }

  #isForPeople(): boolean {
    for (let command = this.#command; command !== null; command = command.parent) {
      if (this.#forPeople.has(command)) return true
    }
    return false
  }

  /** For `--debug` only. */
  debug(text: string): void {
    if (this.#globals.debug === true) this.terminal.err(`convoy: debug: ${oneLine(text)}\n`)
  }
}
