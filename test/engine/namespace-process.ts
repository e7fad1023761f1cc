import type { ChildProcess } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { eventually, within } from './polling.js'

export interface Ending {
  readonly exitCode: number | null
  readonly signal: NodeJS.Signals | null
}

/** A process inside an {@link EngineNamespace}, known by its process id on the host. */
export class NamespaceProcess {
  readonly pid: number
  /** Resolves when the process has ended, to how. */
  readonly ended: Promise<Ending>
  #ending: Ending | undefined

  private constructor(pid: number, ended: Promise<Ending>) {
    this.pid = pid
    this.ended = ended
    void ended.then((ending) => (this.#ending = ending))
  }

  /** `entering` is a running nsenter(1), whose only child is the process meant and which ends as that does. */
  static async of(entering: ChildProcess): Promise<NamespaceProcess> {
    const ended = new Promise<Ending>((resolve) => {
      entering.on('exit', (exitCode, signal) => resolve({ exitCode, signal }))
    })
    const pid = await eventually('the process has started', async () => {
      if (entering.exitCode !== null || entering.signalCode !== null) throw new Error('it ended at once')
      return entering.pid === undefined ? undefined : await onlyChild(entering.pid)
    })
    return new NamespaceProcess(pid, ended)
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

export async function onlyChild(pid: number): Promise<number | undefined> {
  const children = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8').catch(() => '')
  const child = Number.parseInt(children, 10)
  return Number.isNaN(child) ? undefined : child
}
