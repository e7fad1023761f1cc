import type { ErrorCode } from '../errors.js'
import { toConvoyError } from '../errors.js'

/** Where the text of a command goes: `out` is for programs, `err` for people. */
export interface Terminal {
  readonly out: (text: string) => void
  readonly err: (text: string) => void
  /** How wide the screen behind `out` is; undefined when `out` is a file or a pipe. */
  readonly columns?: () => number | undefined
  /** Whether `out` may be coloured. */
  readonly hasColour?: () => boolean
  /** How wide the screen behind `err` is; undefined when `err` is a file or a pipe. */
  readonly errColumns?: () => number | undefined
  /** Resolves to what somebody typed; undefined when nobody sits there. */
  readonly ask?: (question: string) => Promise<string | undefined>
  /** As `ask`, but what is typed appears nowhere. */
  readonly askSecret?: (question: string) => Promise<string | undefined>
  /** Everything that is piped into the command; undefined when somebody sits there, or it is more than any text needs. */
  readonly readInput?: () => Promise<string | undefined>
  /** Bytes for `out`. Resolves when there is room for more. */
  readonly outBytes?: (bytes: Uint8Array) => Promise<void>
}

/** Scripts written for the old program test for 1, so every failure is 1. */
const exitCodes = {
  'invalid-argument': 1,
  'not-found': 1,
  'already-exists': 1,
  'in-use': 1,
  unsupported: 1,
  unavailable: 1,
  'deadline-exceeded': 1,
  damaged: 1,
  internal: 1,
} as const satisfies Record<ErrorCode, number>

/** One value per line, without quotes, as scripts read it. */
export function printLine(terminal: Terminal, text: string): void {
  terminal.out(`${text}\n`)
}

export function printJson(terminal: Terminal, value: unknown): void {
  terminal.out(`${JSON.stringify(value, undefined, 2)}\n`)
}

/** Says on both streams what went wrong, `Error` in JSON being the one that scripts read, and returns the exit code. */
export function printFailure(terminal: Terminal, thrown: unknown): number {
  const { message, code } = toConvoyError(thrown)
  printJson(terminal, { Error: message, Code: code })
  return sayFailure(terminal, thrown)
}

/** As `printFailure`, on one line of stdout: for what prints JSON lines. */
export function printFailureLine(terminal: Terminal, thrown: unknown): number {
  const { message, code } = toConvoyError(thrown)
  printLine(terminal, JSON.stringify({ Error: message, Code: code }))
  return sayFailure(terminal, thrown)
}

/** Says what went wrong to people only, and returns the exit code. */
export function sayFailure(terminal: Terminal, thrown: unknown): number {
  const error = toConvoyError(thrown)
  terminal.err(`convoy: ${oneLine(error.sentence)}\n`)
  return exitCodes[error.code]
}

/** Text from elsewhere for a terminal: on one line, and without characters that a terminal would obey. */
export function oneLine(text: string): string {
  return text.replace(/\s+/g, ' ').replace(/[\u0000-\u001f\u007f-\u009f]/g, '?')
}
