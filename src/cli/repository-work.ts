import type { CallContext, Logger } from '../model/call-context.js'
import { formatSize } from '../model/size.js'
import type { OnProgress, RepositoryProgress } from '../repository/progress.js'
import { ProgressLine, type Reach } from './progress-line.js'
import type { Session } from './session.js'
import { oneLine, printLine } from './terminal.js'

/** What the command line says of something that takes time. */
export interface Work<Result> {
  /** What is done, for people: "backing up db". */
  readonly label: string
  readonly run: (onProgress: OnProgress, call: CallContext) => Promise<Result>
}

/**
 * Runs it: with its progress on the terminal behind stderr, or with `--json` as a JSON line each and the result as the last one; without
 * both, silently. Ctrl-C aborts it and waits for its clean end.
 */
export async function work<Result>({ label, run }: Work<Result>, isJson: boolean, session: Session): Promise<Result> {
  const spectator = isJson ? jsonLines(session) : progressLine(label, session)
  const interruption = new AbortController()
  const stop = () => {
    spectator.wipe()
    session.terminal.err('convoy: coming to a clean end; Ctrl-C once more ends at once\n')
    interruption.abort()
  }
  const call = { signal: interruption.signal, log: debugLog(session, spectator.wipe) }
  try {
    return await session.runUntilStopped(stop, () => run(spectator.seen, call))
  } finally {
    spectator.wipe()
  }
}

/** For what takes no time. */
export function shortCall(session: Session): CallContext {
  return { signal: new AbortController().signal, log: debugLog(session, () => undefined) }
}

/** The last line of `--json`. */
export function printResult(session: Session, result: unknown): void {
  printLine(session.terminal, JSON.stringify({ result }))
}

interface Spectator {
  readonly seen: OnProgress
  /** Takes away what was drawn, before anything else is said. */
  readonly wipe: () => void
}

function jsonLines(session: Session): Spectator {
  const seen = (progress: RepositoryProgress) => printLine(session.terminal, JSON.stringify({ progress }))
  return { seen, wipe: () => undefined }
}

/** The callback comes at most five times a second. */
function progressLine(label: string, { terminal, environment }: Session): Spectator {
  const { errColumns } = terminal
  if (errColumns?.() === undefined) return { seen: () => undefined, wipe: () => undefined }
  const line = new ProgressLine({ write: terminal.err, columns: errColumns })
  const seen = (progress: RepositoryProgress) => line.show(reachOf(progress, label, environment.now().getTime()))
  return { seen, wipe: () => line.wipe() }
}

const phases: Readonly<Record<RepositoryProgress['phase'], string>> = {
  open: 'opening the repository',
  scan: 'looking',
  copy: '',
  check: '',
  sweep: 'removing',
  finish: 'finishing',
}

function reachOf(progress: RepositoryProgress, label: string, atMs: number): Reach {
  const { phase, bytesDone, bytesTotal, filesDone, filesTotal, storedBytes } = progress
  const files = filesTotal === undefined ? `${filesDone} files` : `${filesDone} of ${filesTotal} files`
  const moved = phase === 'finish' && storedBytes > 0 ? [`${formatSize(storedBytes)} transferred`] : []
  const isCounted = bytesDone > 0 || filesDone > 0 || storedBytes > 0
  const note = phases[phase]
  return {
    ...{ atMs, label: oneLine(label), unit: 'bytes' },
    done: isCounted ? bytesDone : undefined,
    total: bytesTotal,
    note: isCounted ? [files, ...(note === '' ? [] : [note]), ...moved].join('  ') : note,
  }
}

/** Lines of `--debug`. */
function debugLog(session: Session, before: () => void): Logger {
  const write = (fields: object, message: string) => {
    before()
    session.debug(`${message} ${JSON.stringify(fields)}`)
  }
  return { debug: write, info: write, warn: write, error: write }
}
