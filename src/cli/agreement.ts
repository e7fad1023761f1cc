import { ConvoyError } from '../errors.js'
import type { Session } from './session.js'

/** What is to be done, and cannot be undone. */
export interface Question {
  /** Without its mark and the choice: `Remove 3 backups for ever`. */
  readonly text: string
  /** Said where there is nobody to ask: what it is about this that needs an answer. */
  readonly why: string
  /** `--yes`. */
  readonly isAnswered: boolean
}

/** Whether somebody agrees. ConvoyError `invalid-argument` where there is no terminal to ask at. */
export async function isAgreed({ text, why, isAnswered }: Question, { terminal }: Session): Promise<boolean> {
  if (isAnswered) return true
  const answer = await terminal.ask?.(`${text}? [y/N]`)
  if (answer !== undefined) return /^y(?:es)?$/i.test(answer)
  throw new ConvoyError('invalid-argument', `${why}, and there is no terminal to ask at`, {
    hint: 'repeat it with --yes; --dry-run shows what would be done',
  })
}

/** Somebody said no: nothing has happened, and that is no success. */
export function leaveAll(session: Session, what: string): void {
  session.terminal.err(`convoy: ${what}\n`)
  session.finish(1)
}
