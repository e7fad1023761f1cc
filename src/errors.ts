import { constants } from 'node:os'

/** What can go wrong, as far as a caller acts on it. A closed set: each renderer is a `Record` over it. */
export type ErrorCode =
  /** The request itself is wrong; repeating it changes nothing. */
  | 'invalid-argument'
  | 'not-found'
  | 'already-exists'
  /** Somebody uses the volume: a container, another host, a running job. */
  | 'in-use'
  /** Well-formed, but this driver or file system cannot do it. */
  | 'unsupported'
  /** May work later without any change: a share, a disk or the database does not answer. */
  | 'unavailable'
  | 'deadline-exceeded'
  /** What was stored comes back changed, or does not come back: other copies, a repair or an older backup may help. */
  | 'damaged'
  /** A defect of ours, or a state that should not exist. */
  | 'internal'

export interface ErrorDetails {
  /** The next step for whoever typed the command. */
  readonly hint?: string
  /** For the log only. */
  readonly cause?: unknown
}

/** The only error that crosses a part's border. `message` says what failed and to what; `hint` what to do about it. */
export class ConvoyError extends Error {
  readonly code: ErrorCode
  readonly hint: string | undefined

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause })
    this.name = 'ConvoyError'
    this.code = code
    this.hint = details.hint
  }

  /** Message and next step on one line, for places that can show only text. */
  get sentence(): string {
    return this.hint === undefined ? this.message : `${this.message} (${this.hint})`
  }
}

/** Translates whatever was thrown into a ConvoyError; what is not one already is a defect of ours. */
export function toConvoyError(thrown: unknown): ConvoyError {
  if (thrown instanceof ConvoyError) return thrown
  const message = thrown instanceof Error ? thrown.message : String(thrown)
  return new ConvoyError('internal', `unexpected failure: ${message}`, { cause: thrown })
}

export function isConvoyError(thrown: unknown, code: ErrorCode): thrown is ConvoyError {
  return thrown instanceof ConvoyError && thrown.code === code
}

/** `ENOENT` and the like, of what Node or SQLite has thrown; empty for what has no code. */
export function codeOf(thrown: unknown): string {
  const code = thrown instanceof Error && 'code' in thrown ? String(thrown.code) : ''
  const [, number] = unnamedError.exec(code) ?? []
  return number === undefined ? code : (nameOfErrno(Number(number)) ?? code)
}

/** What Node says of an error that it has no name for, such as ESTALE and EDQUOT. */
export const unnamedError = /Unknown system error -(\d+)/

function nameOfErrno(wanted: number): string | undefined {
  return Object.entries(constants.errno).find(([, number]) => number === wanted)?.[0]
}

export function isErrno(thrown: unknown, ...codes: readonly string[]): boolean {
  return codes.includes(codeOf(thrown))
}

/** The system refused, and so whoever it asked has answered. */
export function isRefusalOfSystem(thrown: unknown): boolean {
  return thrown instanceof Error && /^E[A-Z0-9]+$/.test(codeOf(thrown.cause))
}
