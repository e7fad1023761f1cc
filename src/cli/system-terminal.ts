import { oneLine, type Terminal } from './terminal.js'

/** What a terminal is told by the environment of the process. */
export type TerminalSettings = Readonly<Record<string, string | undefined>>

/** A pseudo terminal that nobody gave a size says 0. */
const usualColumns = 80

/** The streams of this process. Whether they are terminals is asked when it matters, because asking takes time. */
export function openSystemTerminal(settings: TerminalSettings): Terminal {
  return {
    out: (text) => void process.stdout.write(text),
    err: (text) => void process.stderr.write(text),
    columns: () => (process.stdout.isTTY ? process.stdout.columns || usualColumns : undefined),
    hasColour: () => process.stdout.isTTY && !(settings['NO_COLOR'] ?? '') && settings['TERM'] !== 'dumb',
    ask,
  }
}

async function ask(question: string): Promise<string | undefined> {
  if (!process.stdin.isTTY || !process.stderr.isTTY) return undefined
  const { createInterface } = await import('node:readline')
  // Not as a terminal: the kernel does the echo, and Ctrl-C stays a signal.
  const lines = createInterface({ input: process.stdin, terminal: false })
  process.stderr.write(oneLine(question) + ' ')
  return new Promise((resolve) => {
    lines.once('line', (line) => {
      resolve(line.trim())
      lines.close()
    })
    // Ctrl-D is an answer, too.
    lines.once('close', () => resolve(''))
  })
}
