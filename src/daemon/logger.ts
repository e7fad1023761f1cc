import { isatty } from 'node:tty'
import { pino } from 'pino'
import type { Logger } from '../model/call-context.js'
import type { LogFormat, LogLevel } from './daemon-options.js'
import { formatForPeople } from './readable-log.js'

export interface LogSettings {
  readonly level: LogLevel
  readonly format: LogFormat
  /** Without one the log goes to standard error. */
  readonly file?: string
  readonly isColourWelcome?: boolean
}

export interface OpenedLog {
  readonly log: Logger
  readonly setLevel: (level: LogLevel) => void
  /** Writes to the file of that name from now on: somebody has moved the old one away. */
  readonly reopen: () => void
}

/** Lines on standard error, or appended to a file. */
export function openLog({ level, format, file, isColourWelcome = false }: LogSettings): OpenedLog {
  const destination = pino.destination({ dest: file ?? 2, sync: true, mkdir: true })
  // A full disk or a terminal that is gone must not end whoever only wanted to say something.
  destination.on('error', () => undefined)
  const isColoured = isColourWelcome && file === undefined && isatty(2)
  const readable = { write: (line: string) => void destination.write(formatForPeople(line, isColoured)) }
  const options = { level, base: null, timestamp: pino.stdTimeFunctions.isoTime }
  const log = pino(options, format === 'json' ? destination : readable)
  return {
    log,
    setLevel: (next) => (log.level = next),
    reopen: () => {
      if (file !== undefined) destination.reopen()
    },
  }
}
