import type { ChildProcess } from 'node:child_process'
import { within } from './polling.js'

export interface Ending {
  readonly exitCode: number | null
  readonly signal: NodeJS.Signals | null
}

/** A process inside an {@link EngineNamespace}. */
export class NamespaceProcess {
  readonly pid: number
  /** Resolves when the process has ended, to how. */
  readonly ended: Promise<Ending>
  #ending: Ending | undefined

  constructor(child: ChildProcess) {
    if (child.pid === undefined) throw new Error('the process was not started')
    this.pid = child.pid
    this.ended = new Promise((resolve) => {
      child.once('exit', (exitCode, signal) => {
        this.#ending = { exitCode, signal }
        resolve(this.#ending)
      })
    })
  }

  get isRunning(): boolean {
    return this.#ending === undefined
  }

  signal(signal: NodeJS.Signals): void {
    process.kill(this.pid, signal)
  }

  /** Sends the signal and waits for the end. */
  async end(signal: 'SIGTERM' | 'SIGKILL'): Promise<Ending> {
    if (this.isRunning) this.signal(signal)
    return await within(`the end of process ${this.pid} after ${signal}`, this.ended)
  }
}
