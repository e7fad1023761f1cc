import type { Logger } from '../../src/model/call-context.js'

export interface LogLine {
  readonly level: string
  readonly message: string
  readonly fields: object
}

/** A log that is kept instead of printed. */
export class QuietLog implements Logger {
  readonly lines: LogLine[] = []

  debug = (fields: object, message: string) => void this.lines.push({ level: 'debug', message, fields })
  info = (fields: object, message: string) => void this.lines.push({ level: 'info', message, fields })
  warn = (fields: object, message: string) => void this.lines.push({ level: 'warn', message, fields })
  error = (fields: object, message: string) => void this.lines.push({ level: 'error', message, fields })

  has(message: string): boolean {
    return this.lines.some((line) => line.message.includes(message))
  }
}
