import { pino } from 'pino'
import type { Logger } from '../model/call-context.js'

/** JSON lines on standard error, or appended to a file. */
export function createLogger(options: { readonly level: 'debug' | 'info'; readonly file?: string }): Logger {
  const destination = pino.destination({ dest: options.file ?? 2, sync: true, mkdir: true })
  return pino({ level: options.level, base: null, timestamp: pino.stdTimeFunctions.isoTime }, destination)
}
