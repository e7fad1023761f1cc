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
    columns: () => widthOf(process.stdout),
    errColumns: () => (settings['TERM'] === 'dumb' ? undefined : widthOf(process.stderr)),
    hasColour: () => process.stdout.isTTY && !(settings['NO_COLOR'] ?? '') && settings['TERM'] !== 'dumb',
    ask,
    askSecret,
    readInput,
    outBytes,
  }
}

const widthOf = (stream: NodeJS.WriteStream) => (stream.isTTY ? stream.columns || usualColumns : undefined)

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

async function askSecret(question: string): Promise<string | undefined> {
  if (!process.stdin.isTTY || !process.stderr.isTTY) return undefined
  process.stderr.write(oneLine(question) + ' ')
  try {
    return await readUnseen(process.stdin)
  } finally {
    process.stderr.write('\n')
  }
}

const [ctrlC, ctrlD, backspace, erase] = ['\u0003', '\u0004', '\b', '\u007f']

/** One line in raw mode, in which the kernel neither shows what is typed nor makes a signal of Ctrl-C. */
async function readUnseen(input: NodeJS.ReadStream): Promise<string> {
  const characters: string[] = []
  input.setRawMode(true).setEncoding('utf8')
  try {
    for await (const text of input.iterator({ destroyOnReturn: false })) {
      for (const character of String(text)) {
        if (character === ctrlC) process.kill(process.pid, 'SIGINT')
        if (/[\r\n]/.test(character) || character === ctrlD || character === ctrlC) return characters.join('')
        if (character === backspace || character === erase) characters.pop()
        else characters.push(character)
      }
    }
    return characters.join('')
  } finally {
    input.setRawMode(false).pause()
  }
}

const mostInputCharacters = 64 * 1024

async function readInput(): Promise<string | undefined> {
  if (process.stdin.isTTY) return undefined
  let text = ''
  for await (const piece of process.stdin.setEncoding('utf8')) {
    text += String(piece)
    if (text.length > mostInputCharacters) return undefined
  }
  return text
}

async function outBytes(bytes: Uint8Array): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    // What else goes wrong with the stream is told by its own event.
    process.stdout.write(bytes, (error) => (error ? reject(error) : resolve()))
  })
}
