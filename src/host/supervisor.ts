import { execFile } from 'node:child_process'

/** What systemd(1) gives to a service with `Type=notify` and `WatchdogSec=`. */
export interface SupervisorEnvironment {
  readonly NOTIFY_SOCKET?: string | undefined
  /** Only for the process with that id. */
  readonly WATCHDOG_PID?: string | undefined
  readonly WATCHDOG_USEC?: string | undefined
}

type Run = (args: readonly string[], done: (error: Error | null) => void) => void

/**
 * Whoever started us and starts us again, systemd above all: hears how we are (sd_notify(3)), through systemd-notify(1), because
 * Node has no datagram sockets of this kind. That speaks for its parent, which is us. Where there is no supervisor, nothing of
 * this does anything.
 */
export class Supervisor {
  readonly #socket: string | undefined
  readonly #watchdogMs: number
  readonly #run: Run
  #timer: NodeJS.Timeout | undefined

  constructor({ NOTIFY_SOCKET, WATCHDOG_PID, WATCHDOG_USEC }: SupervisorEnvironment, run?: Run) {
    this.#socket = NOTIFY_SOCKET
    const isOurs = WATCHDOG_PID === undefined || WATCHDOG_PID === String(process.pid)
    this.#watchdogMs = isOurs ? Number(WATCHDOG_USEC ?? 0) / 1000 : 0
    this.#run =
      run ?? ((args, done) => execFile('systemd-notify', args, { env: notifyEnvironment(NOTIFY_SOCKET) }, done))
  }

  /** Whether it wants to hear. */
  get isThere(): boolean {
    return this.#socket !== undefined
  }

  /** We answer. From now on it also hears that our event loop turns, twice as often as it wants to. */
  ready(status: string): void {
    this.#tell('--ready', `--status=${status}`)
    if (!this.isThere || !(this.#watchdogMs > 0)) return
    this.#timer = setInterval(() => this.#tell('WATCHDOG=1'), this.#watchdogMs / 2)
  }

  stopping(): void {
    clearInterval(this.#timer)
    this.#tell('STOPPING=1')
  }

  /** A message that does not arrive is missed by it, and it acts on that: no business of ours. */
  #tell(...words: readonly string[]): void {
    if (this.isThere) this.#run(words, () => undefined)
  }
}

function notifyEnvironment(socket = ''): NodeJS.ProcessEnv {
  return { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', NOTIFY_SOCKET: socket }
}
