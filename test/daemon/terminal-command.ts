import { type ChildProcessWithoutNullStreams, spawn, spawnSync } from 'node:child_process'
import { mainProgram } from './daemon-process.js'

/** Through env(1), because tap loads itself into every process that Node starts. */
const launch = (env: Readonly<Record<string, string>>, argv: readonly string[]) => [
  '-i',
  ...Object.entries({ PATH: process.env['PATH'] ?? '', ...env }).map((entry) => entry.join('=')),
  process.execPath,
  mainProgram,
  ...argv,
]

/** Gives its program a terminal of so many columns, and what it reads itself as typed keys. At the end of that it hangs up. */
const ptyProgram = `
import fcntl, os, pty, select, struct, sys, termios
pid, master = pty.fork()
if pid == 0:
    fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack('HHHH', 24, int(sys.argv[1]), 0, 0))
    os.execvp(sys.argv[2], sys.argv[2:])
watched = [master, 0]
while master in watched:
    ready, _, _ = select.select(watched, [], [])
    if 0 in ready:
        keys = os.read(0, 4096)
        if keys:
            os.write(master, keys)
        else:
            os.close(master)
            break
    if master in ready:
        try:
            data = os.read(master, 65536)
        except OSError:
            data = b''
        if not data:
            break
        os.write(1, data)
code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
sys.exit(code if code >= 0 else 128 - code)
`

/** Why there are no terminals here, or false. */
export const noTerminals =
  spawnSync('python3', ['-c', 'import pty, os; os.waitstatus_to_exitcode']).status === 0
    ? false
    : 'needs python3 of at least 3.9 for pseudo terminals'

/** The real command on a terminal of its own. */
export class TerminalCommand {
  /** All that appeared on the screen so far, with everything that a terminal obeys. */
  screen = ''
  readonly #child: ChildProcessWithoutNullStreams
  readonly #code: Promise<number | null>

  constructor(columns: number, argv: readonly string[], env: Readonly<Record<string, string>> = {}) {
    const command = ['/usr/bin/env', ...launch({ TERM: 'xterm', ...env }, argv)]
    this.#child = spawn('python3', ['-c', ptyProgram, String(columns), ...command])
    this.#child.stdout.on('data', (data) => (this.screen += String(data)))
    this.#child.stderr.on('data', (data) => (this.screen += `pty: ${String(data)}`))
    this.#code = new Promise((resolve) => this.#child.once('close', resolve))
  }

  type(keys: string): void {
    this.#child.stdin.write(keys)
  }

  /** Closes the terminal, as a window does. */
  hangUp(): void {
    this.#child.stdin.end()
  }

  /** How it ends; 128 and the number of the signal that ended it. */
  get code(): Promise<number | null> {
    return this.#code
  }

  get lines(): readonly string[] {
    return this.screen.replaceAll('\r\n', '\n').split('\n').slice(0, -1)
  }
}
