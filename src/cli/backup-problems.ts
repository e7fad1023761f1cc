import { count } from './count.js'
import type { Session } from './session.js'
import { oneLine } from './terminal.js'

/** A file that something is wrong with, though the rest is well. */
export interface FileProblem {
  /** As it can be shown. */
  readonly path: string
  readonly message: string
}

/** What a command says when it has done all but some files. */
export const exitCodeOfProblems = 3

/** At most so many lines; the rest is in the record, or in the result of `--json`. */
const mostShown = 50

/** Some problems, and how many there are. */
export interface Problems {
  readonly problems: readonly FileProblem[]
  readonly problemCount: number
}

/** Lists them on stderr, and makes the exit code 3 when there are any. `where`: "in the backup". */
export function printProblems({ problems, problemCount }: Problems, where: string, session: Session): void {
  if (problemCount === 0) return
  const shown = problems.slice(0, mostShown).map(({ path, message }) => `${path}: ${message}`)
  const rest = problemCount - shown.length
  const lines = [
    ...shown,
    ...(rest > 0 ? [`and ${rest} more`] : []),
    `complete but for the above: ${count(problemCount, 'problem')} ${where}`,
  ]
  session.terminal.err(lines.map((line) => `convoy: ${oneLine(line)}\n`).join(''))
  session.finish(exitCodeOfProblems)
}
